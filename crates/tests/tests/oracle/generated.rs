//! Our relation engine and SpiceDB on generated schemas, tuples and questions: they must decide alike.
//!
//! Schemas have groups of groups, sets of subjects of every relation, arrows, unions, intersections, exclusions, and
//! a caveat whose values are given by the tuple, by the question, or by nobody. Tuples make no circles: SpiceDB walks
//! those until it gives up, so there our engine is compared with a naive evaluator instead
//! (`plex_domain::relation::check`).

use plex_domain::relation::caveat::{Caveats, Request};
use plex_domain::relation::check::{Truth, check};
use plex_domain::relation::graph::{Caveat, Graph, Object, Tuple};
use plex_domain::relation::lookup;
use plex_domain::relation::schema::{CaveatId, Kind, Schema};
use plex_tests::{Dice, Oracle};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use uuid::Uuid;

/// Schemas, each with several graphs.
const SCHEMAS: u64 = 20;
const GRAPHS: usize = 4;
const TUPLES: usize = 45;
/// Objects of each kind.
const OBJECTS: usize = 5;
const PERMISSIONS: usize = 4;
const CAVEAT: &str = "caveat fits(a int, b int) { a < b }\n";

fn one_in(dice: &mut Dice, bound: usize) -> bool {
    dice.index(bound) == 0
}

const FOLDERS: [&str; 2] = ["folder", "file"];

/// The subjects of a generated relation, besides users.
fn subjects(dice: &mut Dice) -> Vec<String> {
    let mut subjects = vec!["user".to_owned()];
    for set in ["group#member", "folder#reader", "file#reader", "file#writer"] {
        if one_in(dice, 2) {
            subjects.push(set.to_owned());
        }
    }
    subjects
}

/// An operand of a permission: of its own kind, or over an arrow; with an index below `bound`.
fn operand(dice: &mut Dice, bound: usize) -> String {
    let permission = (bound > 0).then(|| format!("may{}", dice.index(bound.max(1))));
    let own = ["reader", "writer", "banned"][dice.index(3)].to_owned();
    let name = match permission {
        Some(permission) if one_in(dice, 2) => permission,
        _ => own,
    };
    if one_in(dice, 3) {
        format!("parent->{name}")
    } else {
        name
    }
}

fn permission(dice: &mut Dice, index: usize) -> String {
    let [a, b, c] = [(); 3].map(|()| operand(dice, index));
    match dice.index(6) {
        0 => format!("{a} + {b} + {c}"),
        // Only where everything is joined may a permission rest on itself, further up.
        1 | 2 => format!("{a} + parent->may{index}"),
        3 => format!("{a} & ({b} + {c})"),
        4 => format!("{a} - {b}"),
        _ => format!("({a} + {b}) - ({b} & {c})"),
    }
}

/// The same schema in our dialect and in SpiceDB's.
fn schema(dice: &mut Dice) -> (String, String) {
    let (mut ours, mut theirs) = (CAVEAT.to_owned(), CAVEAT.to_owned());
    let both = |ours: &mut String, theirs: &mut String, text: &str| {
        ours.push_str(text);
        theirs.push_str(text);
    };
    both(&mut ours, &mut theirs, "definition user {}\n");
    let relation = |ours: &mut String, theirs: &mut String, name: &str, subjects: &[String]| {
        writeln!(ours, "relation {name}: {} with caveats", subjects.join(" | ")).expect("a string");
        let conditional = subjects.iter().map(|one| format!("{one} with fits"));
        let all: Vec<String> = subjects.iter().cloned().chain(conditional).collect();
        writeln!(theirs, "relation {name}: {}", all.join(" | ")).expect("a string");
    };
    both(&mut ours, &mut theirs, "definition group {\n");
    relation(
        &mut ours,
        &mut theirs,
        "member",
        &["user".to_owned(), "group#member".to_owned()],
    );
    both(&mut ours, &mut theirs, "}\n");
    for kind in FOLDERS {
        both(
            &mut ours,
            &mut theirs,
            &format!("definition {kind} {{\nrelation parent: folder | file\n"),
        );
        for name in ["reader", "writer", "banned"] {
            let subjects = subjects(dice);
            relation(&mut ours, &mut theirs, name, &subjects);
        }
        for index in 0..PERMISSIONS {
            let expression = permission(dice, index);
            both(
                &mut ours,
                &mut theirs,
                &format!("permission may{index} = {expression}\n"),
            );
        }
        both(&mut ours, &mut theirs, "}\n");
    }
    (ours, theirs)
}

fn object(kind: Kind, number: usize) -> Object {
    Object {
        kind,
        id: Uuid::from_u128(number as u128 + 1),
    }
}

fn text(schema: &Schema, object: Object) -> String {
    format!("{}:{}", schema.kind_word(object.kind), object.id)
}

/// A random tuple, and how SpiceDB writes it.
fn tuple(dice: &mut Dice, schema: &Schema) -> (Tuple, String) {
    let kinds = ["group", "folder", "file", "folder", "file"];
    let kind = schema.kind(kinds[dice.index(kinds.len())]).expect("a kind");
    let relations: Vec<_> = schema
        .members(kind)
        .filter_map(|(name, _)| Some((name, schema.relation(kind, name)?)))
        .collect();
    let (name, relation) = &relations[dice.index(relations.len())];
    let (subject_kind, set) = relation.subjects[dice.index(relation.subjects.len())];
    let caveat = (relation.takes_caveats && one_in(dice, 4)).then(|| {
        let mut context = Map::new();
        for parameter in ["a", "b"] {
            if one_in(dice, 2) {
                context.insert(parameter.to_owned(), json!(dice.index(3)));
            }
        }
        Caveat {
            id: CaveatId(0),
            context: Arc::new(context),
        }
    });
    // Whoever is no user has a higher number than the object, so that no way leads back.
    let number = dice.index(OBJECTS - 1);
    let subject_number = if schema.kind_word(subject_kind) == "user" {
        dice.index(OBJECTS)
    } else {
        number + 1 + dice.index(OBJECTS - 1 - number)
    };
    let tuple = Tuple {
        object: object(kind, number),
        relation: *name,
        subject: object(subject_kind, subject_number),
        set,
        caveat,
    };
    let set = tuple
        .set
        .map_or(String::new(), |set| format!("#{}", schema.word(set)));
    let condition = tuple.caveat.as_ref().map_or(String::new(), |caveat| {
        format!("[fits:{}]", Value::Object(caveat.context.as_ref().clone()))
    });
    let written = format!(
        "{}#{}@{}{set}{condition}",
        text(schema, tuple.object),
        schema.word(tuple.relation),
        text(schema, tuple.subject),
    );
    (tuple, written)
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::False => "no",
        Truth::Conditional => "conditional",
        Truth::True => "yes",
    }
}

fn given(dice: &mut Dice) -> Map<String, Value> {
    let mut context = Map::new();
    for parameter in ["a", "b"] {
        if one_in(dice, 3) {
            context.insert(parameter.to_owned(), json!(dice.index(3)));
        }
    }
    context
}

/// Asks both the same; returns how many answers were compared.
fn compare(seed: u64, oracle: &mut Oracle) -> usize {
    let mut dice = Dice::new(seed);
    let (ours, theirs) = schema(&mut dice);
    let schema = Schema::parse(&ours).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{ours}"));
    let caveats = Caveats::compile(&schema).expect("the caveat compiles");
    let user = schema.kind("user").expect("users");
    let mut compared = 0;
    for graph_number in 0..GRAPHS {
        let mut graph = Graph::default();
        let mut written = std::collections::BTreeMap::new();
        for _ in 0..TUPLES {
            let (tuple, text) = tuple(&mut dice, &schema);
            // One tuple for a place and a subject, as in both; the later one stands.
            let place = (tuple.object, tuple.relation, tuple.subject, tuple.set);
            graph.insert(tuple);
            written.insert(place, text);
        }
        let context = given(&mut dice);
        let request = Request {
            given: context.clone(),
            ..Request::default()
        };
        let (mut checks, mut expected, mut look_ups, mut found) = (vec![], vec![], vec![], vec![]);
        for kind in ["group", "folder", "file"].map(|word| schema.kind(word).expect("a kind")) {
            for (name, _) in schema.members(kind) {
                for subject in (0..OBJECTS).map(|number| object(user, number)) {
                    for resource in (0..OBJECTS).map(|number| object(kind, number)) {
                        let conditions = caveats.of(&request);
                        let answer = check((&schema, &graph), subject, (name, resource), &conditions);
                        expected.push(word(answer.expect("small enough").truth));
                        checks.push(json!({
                            "resource": text(&schema, resource), "permission": schema.word(name),
                            "subject": text(&schema, subject), "context": context,
                        }));
                    }
                    let conditions = caveats.of(&request);
                    let all = lookup::resources((&schema, &graph), subject, (name, kind), &conditions);
                    let all: Vec<String> = all
                        .expect("small enough")
                        .iter()
                        .map(|one| one.id.to_string())
                        .collect();
                    found.push(all);
                    look_ups.push(json!({
                        "resource_type": schema.kind_word(kind), "permission": schema.word(name),
                        "subject": text(&schema, subject), "context": context,
                    }));
                }
            }
        }
        let question = json!({
            "schema": theirs, "relationships": written.values().collect::<Vec<_>>(), "checks": checks,
        });
        let said = oracle.ask(&question);
        for ((asked, ours), theirs) in checks
            .iter()
            .zip(&expected)
            .zip(said["checks"].as_array().expect("answers"))
        {
            let theirs = theirs.as_str().expect("a word");
            compared += 1;
            assert_eq!(
                *ours, theirs,
                "seed {seed}, graph {graph_number}: {asked}\n{question:#}"
            );
        }
        let said = oracle.ask(&json!({"lookup_resources": look_ups}));
        for ((asked, ours), theirs) in look_ups
            .iter()
            .zip(&found)
            .zip(said["lookup_resources"].as_array().expect("answers"))
        {
            let sure: Vec<&str> = theirs
                .as_array()
                .expect("pairs")
                .iter()
                .filter(|pair| pair[1] == "yes")
                .map(|pair| pair[0].as_str().expect("an id"))
                .collect();
            compared += 1;
            assert_eq!(
                *ours, sure,
                "seed {seed}, graph {graph_number}: {asked}\n{question:#}"
            );
        }
    }
    compared
}

#[test]
fn the_engine_decides_as_spicedb_does() {
    let mut oracle = Oracle::start();
    let compared: usize = (0..SCHEMAS).map(|seed| compare(seed, &mut oracle)).sum();
    // A comparison that compares little shows little.
    assert!(compared > 10_000, "{compared} compared");
}
