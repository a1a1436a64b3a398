use super::*;
use plex_domain::selector::{Selector, Term};
use proptest::prelude::*;
use serde_json::json;

/// Definitions by scope (0 project, 1 domain, 2 platform, 3 elsewhere) and local key, each with its default.
type Definitions = BTreeMap<(u128, char), Option<u8>>;
/// Values by definition.
type Values = BTreeMap<(u128, char), Vec<u8>>;

fn id(definition: &(u128, char)) -> Uuid {
    Uuid::from_u128(1000 * (definition.0 + 1) + definition.1 as u128)
}

fn qualified((scope, key): &(u128, char)) -> String {
    format!("s{scope}/{key}")
}

fn known(definitions: &Definitions) -> HashMap<Uuid, Vec<Known>> {
    let mut known: HashMap<Uuid, Vec<Known>> = HashMap::new();
    for (definition, default) in definitions {
        let scope_id = Uuid::from_u128(definition.0);
        let preset = |value: &u8| Preset {
            label: (id(definition), json!(value)),
            kinds: vec!["node".to_owned()],
        };
        known.entry(scope_id).or_default().push(Known {
            id: id(definition),
            scope_id,
            local: definition.1.to_string(),
            qualified: qualified(definition),
            default: default.as_ref().map(preset),
        });
    }
    known
}

/// The labels of those definitions that there are and that can be used.
fn labels(values: &Values, definitions: &Definitions) -> Vec<Label> {
    let usable = |definition: &(u128, char)| definition.0 < 3 && definitions.contains_key(definition);
    let usable = values.iter().filter(|(definition, _)| usable(definition));
    usable
        .flat_map(|(definition, values)| values.iter().map(|value| (id(definition), json!(value))))
        .collect()
}

/// What a key finds on a node, from first principles: its own values, else its project's, else the default.
fn naive(key: &str, definitions: &Definitions, own: &Values, project: &Values) -> Vec<String> {
    let usable = definitions.keys().filter(|(scope, _)| *scope < 3);
    let mut meant: Vec<_> = usable
        .filter(|definition| qualified(definition) == key || definition.1.to_string() == key)
        .collect();
    meant.sort();
    let Some(definition) = meant.first() else {
        return Vec::new();
    };
    let texts = |values: &Values| -> Vec<String> {
        values
            .get(definition)
            .into_iter()
            .flatten()
            .map(u8::to_string)
            .collect()
    };
    let default = definitions[definition].map(|value| value.to_string());
    [texts(own), texts(project), default.into_iter().collect()]
        .into_iter()
        .find(|values| !values.is_empty())
        .unwrap_or_default()
}

fn any_values() -> impl Strategy<Value = Values> {
    let several = prop::collection::btree_set(0..3_u8, 1..3).prop_map(|set| set.into_iter().collect());
    prop::collection::btree_map(definition(), several, 0..5)
}

fn definition() -> impl Strategy<Value = (u128, char)> {
    (0..4_u128, prop::char::range('a', 'c'))
}

fn any_term() -> impl Strategy<Value = Term> {
    let key = || {
        let exact = definition().prop_map(|definition| qualified(&definition));
        prop_oneof![prop::char::range('a', 'd').prop_map(|c| c.to_string()), exact]
    };
    let value = || (0..3_u8).prop_map(|value| value.to_string());
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Term::Eq { key, value }),
        (key(), value()).prop_map(|(key, value)| Term::Neq { key, value }),
        (key(), prop::collection::vec(value(), 1..3)).prop_map(|(key, values)| Term::In { key, values }),
        key().prop_map(|key| Term::Exists { key }),
        key().prop_map(|key| Term::Absent { key }),
    ]
}

proptest! {
    #[test]
    fn a_selector_selects_as_a_naive_evaluator(
        definitions in prop::collection::btree_map(definition(), prop::option::of(0..3_u8), 0..10),
        own in any_values(), project in any_values(), terms in prop::collection::vec(any_term(), 1..4),
    ) {
        let scopes = [0, 1, 2].map(Uuid::from_u128);
        let names = Names::new(scopes, &known(&definitions), labels(&project, &definitions));
        let keys = names.node(&labels(&own, &definitions)).unwrap().keys;
        let text = terms.iter().map(Term::to_string).collect::<Vec<_>>().join(",");
        let selector = Selector::parse(&text).unwrap();
        let expected = terms.iter().all(|term| {
            let found = |key: &String| naive(key, &definitions, &own, &project);
            match term {
                Term::Eq { key, value } => found(key).contains(value),
                Term::Neq { key, value } => !found(key).contains(value),
                Term::In { key, values } => found(key).iter().any(|value| values.contains(value)),
                Term::Exists { key } => !found(key).is_empty(),
                Term::Absent { key } => found(key).is_empty(),
            }
        });
        prop_assert_eq!(selector.matches(|key| keys.get(key)), expected, "{} {:?}", text, keys);
    }

    #[test]
    fn each_label_is_shown_once_by_a_key_that_finds_it(
        definitions in prop::collection::btree_map(definition(), prop::option::of(0..3_u8), 0..10),
        own in any_values(), project in any_values(),
    ) {
        let scopes = [0, 1, 2].map(Uuid::from_u128);
        let names = Names::new(scopes, &known(&definitions), labels(&project, &definitions));
        let labelled = names.node(&labels(&own, &definitions)).unwrap();
        prop_assert!(labelled.shown.iter().all(|(key, value)| labelled.keys.get(key) == Some(value)));
        let usable = definitions.keys().filter(|definition| definition.0 < 3);
        let there: Vec<_> = usable
            .filter(|definition| !naive(&qualified(definition), &definitions, &own, &project).is_empty())
            .collect();
        prop_assert_eq!(labelled.shown.len(), there.len());
        prop_assert_eq!(labelled.scopes, there.iter().map(|(scope, _)| Uuid::from_u128(*scope)).collect());
        let elsewhere = (Uuid::from_u128(9), json!(1));
        prop_assert!(names.node(&[elsewhere]).is_err());
    }
}

#[tokio::test]
async fn definitions_that_nothing_is_labelled_with_are_not_loaded() {
    use crate::labels::{AssignedBy, Object, assign};
    use crate::testing::{db, domain, node, project, resolve_or_define};
    let (_dir, db) = db();
    db.write(async |tx| {
        let acme = domain(tx, "acme").await?;
        let web = project(tx, acme, "web").await?;
        let id = node(tx, web, "a").await?;
        for key in ["of-node", "of-project", "idle", "idler"] {
            resolve_or_define(tx, web, key, AssignedBy::User).await?;
        }
        let mut used = BTreeSet::new();
        for (object, key) in [
            (Object::node(id), "of-node"),
            (Object::project(web), "of-project"),
        ] {
            let definition = resolve_or_define(tx, web, key, AssignedBy::User).await?;
            assign(tx, object, &definition, &json!("x"), AssignedBy::User)
                .await?
                .unwrap();
            if object.id == id {
                used.insert(definition.id);
            }
        }
        let places = of_places(tx, &[(web, acme)], used).await?;
        let mut loaded: Vec<&str> = places[&(web, acme)]
            .names
            .values()
            .map(|name| name.qualified.as_str())
            .collect();
        loaded.sort_unstable();
        assert_eq!(loaded, ["acme:web/of-node", "acme:web/of-project"]);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
