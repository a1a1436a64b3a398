//! Of all the ways in which labels come to be in effect, none is left out where a dispatch takes its short cut.

use super::*;
use crate::Db;
use crate::labels::definitions::{NewDefinition, create};
use crate::labels::{self, AssignedBy, Object, ValueSchema};
use crate::nodes::{Addressed, candidates};
use crate::testing::{db, domain, node, project};
use plex_api::executions::ActionKind;
use plex_api::labels::OnDelete;
use plex_domain::label::ScopeRef;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// A definition's place (0 project, 1 domain, 2 platform, 3 another project) and its local key.
type Key = (usize, char);

#[derive(Debug, Clone)]
struct World {
    /// By key: the default, and whether it counts for nodes.
    definitions: BTreeMap<Key, Option<(u8, bool)>>,
    project: BTreeMap<Key, Vec<u8>>,
    nodes: Vec<BTreeMap<Key, Vec<u8>>>,
    terms: Vec<Term>,
}

const PREFIXES: [&str; 4] = ["acme:web", "acme", "platform", "acme:other"];

fn key() -> impl Strategy<Value = Key> {
    (0..4_usize, prop::char::range('a', 'c'))
}

fn term() -> impl Strategy<Value = Term> {
    let written = || {
        let qualified = key().prop_map(|(place, key)| format!("{}/{key}", PREFIXES[place]));
        prop_oneof![
            prop::char::range('a', 'd').prop_map(|key| key.to_string()),
            qualified
        ]
    };
    let value = || (0..3_u8).prop_map(|value| value.to_string());
    prop_oneof![
        (written(), value()).prop_map(|(key, value)| Term::Eq { key, value }),
        (written(), value()).prop_map(|(key, value)| Term::Neq { key, value }),
        (written(), prop::collection::vec(value(), 1..3)).prop_map(|(key, values)| Term::In { key, values }),
        written().prop_map(|key| Term::Exists { key }),
        written().prop_map(|key| Term::Absent { key }),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let default = prop::option::of((0..3_u8, any::<bool>()));
    let values = || {
        let several = prop::collection::btree_set(0..3_u8, 1..3).prop_map(|set| set.into_iter().collect());
        prop::collection::btree_map(key(), several, 0..5)
    };
    let world = (
        prop::collection::btree_map(key(), default, 0..10),
        values(),
        prop::collection::vec(values(), 1..5),
        prop::collection::vec(term(), 1..4),
    );
    world.prop_map(|(definitions, project, nodes, terms)| World {
        definitions,
        project,
        nodes,
        terms,
    })
}

impl World {
    /// What a key finds on a node, from first principles: its own values, else its project's, else the default.
    fn found(&self, key: &str, own: &BTreeMap<Key, Vec<u8>>) -> Vec<String> {
        let usable = self.definitions.keys().filter(|(place, _)| *place < 3);
        let mut meant = usable.filter(|(place, local)| {
            local.to_string() == key || format!("{}/{local}", PREFIXES[*place]) == key
        });
        // They are sorted by place, the nearest first.
        let Some(definition) = meant.next() else {
            return Vec::new();
        };
        let default = self.definitions[definition].filter(|(_, for_nodes)| *for_nodes);
        let default = default.map(|(value, _)| vec![value]);
        let values = own.get(definition).or_else(|| self.project.get(definition));
        let values = values.or(default.as_ref());
        values.into_iter().flatten().map(u8::to_string).collect()
    }

    fn selects(&self, own: &BTreeMap<Key, Vec<u8>>) -> bool {
        let found = |key: &String| self.found(key, own);
        self.terms.iter().all(|term| match term {
            Term::Eq { key, value } => found(key).contains(value),
            Term::Neq { key, value } => !found(key).contains(value),
            Term::In { key, values } => found(key).iter().any(|value| values.contains(value)),
            Term::Exists { key } => !found(key).is_empty(),
            Term::Absent { key } => found(key).is_empty(),
        })
    }

    /// Makes it all, and answers which nodes are selected and which should be.
    async fn selected(&self, tx: &mut Tx) -> Result<[Vec<Uuid>; 2], Error> {
        let acme = domain(tx, "acme").await?;
        let (web, other) = (project(tx, acme, "web").await?, project(tx, acme, "other").await?);
        let scopes = [
            ScopeRef::Project(web),
            ScopeRef::Domain(acme),
            ScopeRef::Platform,
            ScopeRef::Project(other),
        ];
        let mut ids = BTreeMap::new();
        for (key, default) in &self.definitions {
            let made = create(tx, &new(scopes[key.0], key.1, *default)).await;
            ids.insert(*key, made.expect("a free key").id);
        }
        label(tx, (web, Object::project(web)), &self.project, &ids).await?;
        let mut expected = Vec::new();
        for own in &self.nodes {
            let id = node(tx, web, "n").await?;
            label(tx, (web, Object::node(id)), own, &ids).await?;
            if self.selects(own) {
                expected.push(id);
            }
        }
        let text = self
            .terms
            .iter()
            .map(Term::to_string)
            .collect::<Vec<_>>()
            .join(",");
        let selector = Selector::parse(&text).expect("terms");
        let addressed = Addressed::Selected(&selector);
        let found = candidates(tx, web, addressed, ActionKind::Builtin, "a").await?;
        expected.sort();
        Ok([found.iter().map(|found| found.node_id).collect(), expected])
    }
}

fn new(scope: ScopeRef, key: char, default: Option<(u8, bool)>) -> NewDefinition {
    // The project has its labels whatever a default is for.
    let for_nodes = default.is_none_or(|(_, for_nodes)| for_nodes);
    let kinds: &[&str] = if for_nodes {
        &["node", "project"]
    } else {
        &["project"]
    };
    NewDefinition {
        scope,
        local_key: key.to_string(),
        description: String::new(),
        schema: ValueSchema::plain(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        required: default.is_some(),
        default_value: default.map(|(value, _)| json!(value.to_string())),
        immutable: false,
        cloud_tag_propagation: false,
        on_delete: OnDelete::Block,
        cardinality: 0,
        created_by: AssignedBy::User,
    }
}

/// Puts those of the labels on that can be.
async fn label(
    tx: &mut Tx,
    (project, object): (Uuid, Object),
    values: &BTreeMap<Key, Vec<u8>>,
    ids: &BTreeMap<Key, Uuid>,
) -> Result<(), Error> {
    for (key, values) in values {
        let Some(id) = ids.get(key).filter(|_| key.0 < 3) else {
            continue;
        };
        let mut definition = labels::definition(tx, project, *id).await?.expect("a usable one");
        definition.kinds = vec!["node".to_owned(), "project".to_owned()];
        for value in values {
            let value = json!(value.to_string());
            labels::assign(tx, object, &definition, &value, AssignedBy::User)
                .await?
                .expect("room");
        }
    }
    Ok(())
}

/// Carries the outcome out of a transaction that is rolled back, so that one database does for all cases.
#[derive(Debug)]
enum RolledBack {
    With([Vec<Uuid>; 2]),
    Failed(Error),
}

impl From<Error> for RolledBack {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

async fn outcome(db: &Db, world: &World) -> [Vec<Uuid>; 2] {
    let world = world.clone();
    let work = async move |tx: &mut Tx| {
        let outcome = world.selected(tx).await?;
        Err::<(), _>(RolledBack::With(outcome))
    };
    match db.write(work).await {
        Err(RolledBack::With(outcome)) => outcome,
        Err(RolledBack::Failed(error)) => panic!("{error}"),
        Ok(()) => unreachable!("it always fails"),
    }
}

#[test]
fn a_dispatch_selects_as_a_naive_evaluator() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_dir, db) = db();
    let cases = TestRunner::default().run(&world(), |world| {
        let [found, expected] = runtime.block_on(outcome(&db, &world));
        prop_assert_eq!(found, expected);
        Ok(())
    });
    cases.unwrap();
}
