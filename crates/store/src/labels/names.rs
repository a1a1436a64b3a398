//! Under which keys a label is found in a project.

use super::{id_list, parse};
use crate::db::{Error, Tx};
use crate::values;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The definitions that a project's nodes can have labels of, each with the keys that find it there.
#[derive(Debug, Default)]
pub struct Names(HashMap<Uuid, Name>);

#[derive(Debug)]
struct Name {
    qualified: String,
    /// The local key, unless a nearer definition has it.
    bare: Option<String>,
}

/// A stored definition.
struct Known {
    id: Uuid,
    scope_id: Uuid,
    local: String,
    qualified: String,
}

impl Names {
    /// The names in one project.
    pub async fn of_project(tx: &mut Tx, project_id: Uuid) -> Result<Self, Error> {
        let domain = tx
            .optional(
                "select domain_id from projects where id = $1",
                &values![project_id],
                |row| row.get(0),
            )
            .await?;
        let Some(domain_id) = domain else {
            return Ok(Self::default());
        };
        let mut names = of_places(tx, &[(project_id, domain_id)]).await?;
        Ok(names.remove(&(project_id, domain_id)).unwrap_or_default())
    }

    /// The names in a project that can use definitions of these scopes, the nearest first.
    fn new(scopes: [Uuid; 3], known: &HashMap<Uuid, Vec<Known>>) -> Self {
        let mut taken = HashMap::new();
        let mut names = HashMap::new();
        for definition in scopes.iter().filter_map(|scope| known.get(scope)).flatten() {
            let nearest = *taken.entry(definition.local.as_str()).or_insert(definition.id) == definition.id;
            let bare = nearest.then(|| definition.local.clone());
            names.insert(
                definition.id,
                Name {
                    qualified: definition.qualified.clone(),
                    bare,
                },
            );
        }
        Self(names)
    }

    /// Enters a label by every key that finds it.
    pub fn enter(
        &self,
        definition_id: Uuid,
        value: &str,
        labels: &mut BTreeMap<String, Json>,
    ) -> Result<(), Error> {
        let name = self.name(definition_id)?;
        let value = parse(value)?;
        if let Some(bare) = &name.bare {
            labels.insert(bare.clone(), value.clone());
        }
        labels.insert(name.qualified.clone(), value);
        Ok(())
    }

    /// Enters a label once, by the shortest key that finds it.
    pub fn show(
        &self,
        definition_id: Uuid,
        value: &str,
        labels: &mut BTreeMap<String, Json>,
    ) -> Result<(), Error> {
        let name = self.name(definition_id)?;
        labels.insert(
            name.bare.as_ref().unwrap_or(&name.qualified).clone(),
            parse(value)?,
        );
        Ok(())
    }

    fn name(&self, definition_id: Uuid) -> Result<&Name, Error> {
        let missing = || Error::Corrupt("a label of a definition from elsewhere".to_owned());
        self.0.get(&definition_id).ok_or_else(missing)
    }
}

/// The names in several places, each a project with its domain.
pub(super) async fn of_places(
    tx: &mut Tx,
    places: &[(Uuid, Uuid)],
) -> Result<HashMap<(Uuid, Uuid), Names>, Error> {
    let mut scopes: Vec<Uuid> = places
        .iter()
        .flat_map(|(project, domain)| [*project, *domain])
        .collect();
    scopes.push(Uuid::nil());
    scopes.sort_unstable();
    scopes.dedup();
    let mut known: HashMap<Uuid, Vec<Known>> = HashMap::new();
    tx.each(
        "select d.id, d.scope_id, d.local_key, d.qualified_key
        from json_each($1) ids cross join label_definitions d on d.scope_id = unhex(ids.value)",
        &values![&id_list(&scopes)],
        |row| {
            let found = Known {
                id: row.get(0)?,
                scope_id: row.get(1)?,
                local: row.get(2)?,
                qualified: row.get(3)?,
            };
            known.entry(found.scope_id).or_default().push(found);
            Ok(())
        },
    )
    .await?;
    let names = |place: &(Uuid, Uuid)| (*place, Names::new([place.0, place.1, Uuid::nil()], &known));
    Ok(places.iter().map(names).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Definitions by scope (0 project, 1 domain, 2 platform, 3 elsewhere) and local key.
    fn known(definitions: &BTreeSet<(u128, char)>) -> HashMap<Uuid, Vec<Known>> {
        let mut known: HashMap<Uuid, Vec<Known>> = HashMap::new();
        for (n, (scope, key)) in definitions.iter().enumerate() {
            let scope_id = Uuid::from_u128(*scope);
            let qualified = format!("{scope}/{key}");
            let id = Uuid::from_u128(100 + n as u128);
            known.entry(scope_id).or_default().push(Known {
                id,
                scope_id,
                local: key.to_string(),
                qualified,
            });
        }
        known
    }

    proptest! {
        #[test]
        fn a_bare_key_finds_the_nearest_and_a_qualified_key_each(
            definitions in prop::collection::btree_set((0..4_u128, prop::char::range('a', 'c')), 0..12),
        ) {
            let known = known(&definitions);
            let names = Names::new([0, 1, 2].map(Uuid::from_u128), &known);
            let (mut keys, mut shown) = (BTreeMap::new(), BTreeMap::new());
            for definition in known.values().flatten().filter(|known| known.scope_id != Uuid::from_u128(3)) {
                let value = format!("\"{}\"", definition.qualified);
                names.enter(definition.id, &value, &mut keys).unwrap();
                names.show(definition.id, &value, &mut shown).unwrap();
            }
            let mut expected = BTreeMap::new();
            // The set runs from the nearest scope to the farthest.
            for (scope, key) in definitions.iter().filter(|(scope, _)| *scope < 3) {
                let qualified = format!("{scope}/{key}");
                expected.entry(key.to_string()).or_insert_with(|| Json::from(qualified.clone()));
                expected.insert(qualified.clone(), Json::from(qualified));
            }
            prop_assert_eq!(&keys, &expected);
            prop_assert_eq!(shown.len(), definitions.iter().filter(|(scope, _)| *scope < 3).count());
            prop_assert!(shown.iter().all(|(key, value)| keys.get(key) == Some(value)));
            for elsewhere in known.get(&Uuid::from_u128(3)).into_iter().flatten() {
                prop_assert!(names.enter(elsewhere.id, "1", &mut keys).is_err());
            }
        }
    }
}
