//! The product's schema told a second time, as matrices, and how texts become triples.

use super::check::{Assume, Truth};
use super::*;
use proptest::prelude::*;

const PLATFORM: ObjectRef = ObjectRef::PLATFORM;

fn id(kind: ObjectKind, number: u128) -> ObjectRef {
    ObjectRef::of(kind, Uuid::from_u128(number))
}

/// A platform with two domains, each with two projects of one node.
struct World {
    rules: Rules,
    graph: Graph,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            rules: Rules::new(),
            graph: Graph::default(),
        };
        for domain in 1..=2 {
            world.state(id(ObjectKind::Domain, domain), "platform", PLATFORM);
            for project in [domain * 10, domain * 10 + 1] {
                world.state(
                    id(ObjectKind::Project, project),
                    "domain",
                    id(ObjectKind::Domain, domain),
                );
                world.state(
                    id(ObjectKind::Node, project * 10),
                    "project",
                    id(ObjectKind::Project, project),
                );
            }
        }
        world
    }

    fn state(&mut self, object: ObjectRef, relation: &str, subject: impl Into<SubjectRef>) {
        let name = |word: &str| self.rules.schema().name(word).expect("a word of the schema");
        let subject = subject.into();
        let tuple = Tuple {
            object: object.into(),
            relation: name(relation),
            subject: subject.object.into(),
            set: subject.set.as_deref().map(name),
            caveat: None,
        };
        self.graph.insert(tuple);
    }

    fn holds(&self, who: ObjectRef, permission: Permission, object: ObjectRef) -> bool {
        self.holds_word(who, permission.as_str(), object)
    }

    fn holds_word(&self, who: ObjectRef, word: &str, object: ObjectRef) -> bool {
        self.answer(who, word, object).truth == Truth::True
    }

    fn answer(&self, who: ObjectRef, word: &str, object: ObjectRef) -> check::Answer {
        let place = (
            self.rules.schema().name(word).expect("a word of the schema"),
            object.into(),
        );
        let conditions = Assume(Truth::True);
        check((self.rules.schema(), &self.graph), who.into(), place, &conditions).unwrap()
    }

    fn path(&self, who: ObjectRef, word: &str, object: ObjectRef) -> Vec<String> {
        let found = self.answer(who, word, object);
        assert_eq!(found.truth, Truth::True);
        self.rules.words(&found.path)
    }
}

fn anna() -> ObjectRef {
    id(ObjectKind::User, 7)
}

const RELATIONS: [&str; 4] = ["admin", "operator", "viewer", "auditor"];

/// Who may what inside a project: admin, operator, viewer, auditor.
const MATRIX: [(Permission, [bool; 4]); 14] = [
    (Permission::ReadProject, [true, true, true, true]),
    (Permission::Grant, [true, false, false, false]),
    (Permission::ReadGrants, [true, true, true, false]),
    (Permission::IssueBootstrapToken, [true, false, false, false]),
    (Permission::RevokeNode, [true, false, false, false]),
    (Permission::ReadNode, [true, true, true, false]),
    (Permission::LabelNode, [true, true, false, false]),
    (Permission::ReadCapabilities, [true, true, true, false]),
    (Permission::AcceptHook, [true, true, false, false]),
    (Permission::Dispatch, [true, true, false, false]),
    (Permission::ReadExecution, [true, true, true, true]),
    (Permission::ReadOutput, [true, true, true, false]),
    (Permission::ManageProject, [true, false, false, false]),
    (Permission::LabelProject, [true, true, false, false]),
];

#[test]
fn the_matrix_holds_on_the_project_its_domain_and_the_platform() {
    let places = [PLATFORM, id(ObjectKind::Domain, 1), id(ObjectKind::Project, 10)];
    let (project, foreign) = (id(ObjectKind::Project, 10), id(ObjectKind::Project, 20));
    for place in places {
        for (at, relation) in RELATIONS.iter().enumerate() {
            let mut world = World::new();
            world.state(place, relation, anna());
            for (permission, allowed) in MATRIX {
                let held = world.holds(anna(), permission, project);
                assert_eq!(
                    held,
                    allowed[at],
                    "{relation} of {place}: {}",
                    permission.as_str()
                );
                let abroad = world.holds(anna(), permission, foreign);
                assert_eq!(
                    abroad,
                    allowed[at] && place == PLATFORM,
                    "{relation} of {place}, abroad"
                );
            }
        }
    }
}

#[test]
fn a_domain_and_the_platform_are_ruled_by_their_own_relations_only() {
    let domain = id(ObjectKind::Domain, 1);
    let mut world = World::new();
    for relation in ["admin", "operator", "viewer", "auditor", "maintainer"] {
        world.state(id(ObjectKind::Project, 10), relation, anna());
    }
    for permission in [
        Permission::ReadDomain,
        Permission::ManageDomain,
        Permission::CreateProject,
        Permission::Grant,
        Permission::ReadAudit,
    ] {
        assert!(
            !world.holds(anna(), permission, domain),
            "{}",
            permission.as_str()
        );
    }
    world.state(domain, "admin", anna());
    assert!(world.holds(anna(), Permission::CreateProject, domain));
    assert!(world.holds(anna(), Permission::ReadAudit, domain));
    for permission in [
        Permission::ManagePlatform,
        Permission::CreateDomain,
        Permission::Grant,
    ] {
        assert!(
            !world.holds(anna(), permission, PLATFORM),
            "{}",
            permission.as_str()
        );
    }
}

#[test]
fn to_be_bound_is_to_hold_anything_that_reaches_the_object() {
    let bound = |world: &World, object: ObjectRef| world.holds_word(anna(), "bound", object);
    let rules = Rules::new();
    for kind in [ObjectKind::Domain, ObjectKind::Project, ObjectKind::Node] {
        let object = match kind {
            ObjectKind::Domain => id(kind, 1),
            ObjectKind::Project => id(kind, 10),
            _ => id(kind, 100),
        };
        for (name, _) in rules.schema().members(kind.into()) {
            let word = rules.schema().word(name);
            if rules.admits(&anna().into(), word, &object).is_err() {
                continue;
            }
            let mut world = World::new();
            assert!(!bound(&world, object));
            world.state(object, word, anna());
            assert!(bound(&world, object), "{word} on {object}");
        }
    }
}

#[test]
fn nobody_follows_a_nodes_stream_by_being_more() {
    let node = id(ObjectKind::Node, 100);
    let mut world = World::new();
    world.state(PLATFORM, "admin", anna());
    assert!(!world.holds_word(anna(), "node_agent", node));
    world.state(node, "node-agent", anna());
    assert!(world.holds_word(anna(), "node_agent", node));
}

#[test]
fn the_path_names_the_relations_that_grant() {
    let group = id(ObjectKind::Group, 5);
    let mut world = World::new();
    let project = id(ObjectKind::Project, 10);
    let members = SubjectRef {
        object: group,
        set: Some("member".to_owned()),
    };
    world.state(id(ObjectKind::Domain, 1), "operator", members);
    world.state(group, "member", anna());
    let expected = [
        format!("{}#operator", id(ObjectKind::Domain, 1)),
        format!("{group}#member"),
    ];
    assert_eq!(world.path(anna(), "dispatch", project), expected);
    assert_eq!(world.path(anna(), "member", group), Vec::<String>::new());
}

#[test]
fn every_permission_stands_in_the_schema_and_kinds_keep_their_order() {
    let rules = Rules::new();
    for kind in ObjectKind::ALL {
        assert_eq!(rules.schema().kind(kind.as_str()), Some(kind.into()));
        assert_eq!(ObjectKind::ALL[kind as usize], kind);
    }
    for (place, permission) in Permission::ALL.into_iter().enumerate() {
        assert_eq!(permission as usize, place);
        let name = rules.name_of(permission);
        assert_eq!(rules.schema().word(name), permission.as_str());
    }
}

#[test]
fn no_tuple_of_the_products_schema_takes_anything_away() {
    fn only_adds(expr: &schema::Expr) -> bool {
        match expr {
            schema::Expr::Member(_) | schema::Expr::Arrow(..) => true,
            schema::Expr::Union(operands) => operands.iter().all(only_adds),
            schema::Expr::Intersection(_) | schema::Expr::Exclusion(..) => false,
        }
    }
    let rules = Rules::new();
    for kind in rules.schema().kinds() {
        for (name, member) in rules.schema().members(kind) {
            let adds = match member {
                schema::Member::Relation(_) => true,
                schema::Member::Permission(expr) => only_adds(expr),
            };
            assert!(adds, "{}: a mutation relies on it", rules.schema().word(name));
        }
    }
}

#[test]
fn only_what_the_schema_takes_is_a_triple() {
    let rules = Rules::new();
    let (project, group) = (id(ObjectKind::Project, 10), id(ObjectKind::Group, 5));
    let admits = |subject: &str, relation: &str, object: ObjectRef| {
        let subject = SubjectRef::parse(subject).expect("a subject");
        rules.admits(&subject, relation, &object).map(|_| ())
    };
    let user = anna().to_string();
    assert_eq!(admits(&user, "operator", project), Ok(()));
    assert_eq!(admits(&format!("{group}#member"), "operator", project), Ok(()));
    assert_eq!(
        admits(&group.to_string(), "operator", project),
        Err(TripleError::Subject)
    );
    assert_eq!(
        admits(&format!("{project}#viewer"), "operator", project),
        Err(TripleError::Subject)
    );
    assert_eq!(admits(&user, "dispatch", project), Err(TripleError::Permission));
    assert_eq!(admits(&user, "owner", project), Err(TripleError::NoRelation));
    assert_eq!(
        admits(&user, "maintainer", PLATFORM),
        Err(TripleError::NoRelation)
    );
    let domain = id(ObjectKind::Domain, 1).to_string();
    assert_eq!(admits(&domain, "domain", project), Err(TripleError::Structure));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(kind in 0_usize..7, number in 1_u128.., set in prop::option::of("[a-z]{1,8}")) {
        let kind = ObjectKind::ALL[kind];
        let object = if kind == ObjectKind::Platform { PLATFORM } else { id(kind, number) };
        let subject = SubjectRef { object, set };
        prop_assert_eq!(SubjectRef::parse(&subject.to_string()), Some(subject));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in ".{0,80}") {
        if let Some(subject) = SubjectRef::parse(&text) {
            prop_assert!(SubjectRef::parse(&subject.to_string()).is_some());
        }
        let _ = ObjectRef::parse(&text);
        let _ = Schema::parse(&text);
    }
}

#[test]
fn other_texts_are_no_objects() {
    for text in [
        "",
        "user",
        "user:",
        "user:00000000-0000-0000-0000-000000000000",
        "user:0190a8b8a0c07a0a8a0aa0a0a0a0a0c0",
        "robot:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0",
        "platform:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0",
        "user:*",
    ] {
        assert_eq!(ObjectRef::parse(text), None, "{text}");
    }
    let group = "group:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0";
    assert!(SubjectRef::parse(&format!("{group}#")).is_none());
    assert!(SubjectRef::parse(&format!("{group}#{}", "m".repeat(65))).is_none());
}
