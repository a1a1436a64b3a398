//! What labels are in effect in a project, and under which keys they are found there.

use super::{Holder, id_list, parse, parsed};
use crate::db::{Error, Row, Tx};
use crate::values;
use serde_json::Value as Json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// The labels in effect on an object. Several values of one key are a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labelled {
    /// Each label once: by its bare key, or by its qualified key where a nearer definition hides it.
    pub shown: BTreeMap<String, Json>,
    /// By every key that finds it.
    pub keys: BTreeMap<String, Json>,
    /// Where they are defined: domains, projects, and nil for the platform.
    pub scopes: BTreeSet<Uuid>,
}

/// A label, by its definition.
pub(super) type Label = (Uuid, Json);

/// The definitions that labels in a project are of, each with the keys that find it there, and the labels that a
/// node has although nobody gave it to the node.
#[derive(Debug)]
pub(super) struct Names {
    names: HashMap<Uuid, Name>,
    /// The project's own labels.
    project: Vec<Label>,
    /// The defaults of required definitions.
    defaults: Vec<Preset>,
}

#[derive(Debug)]
struct Name {
    qualified: String,
    /// The local key, unless a nearer definition has it.
    bare: Option<String>,
    scope_id: Uuid,
}

#[derive(Debug, Clone)]
struct Preset {
    label: Label,
    kinds: Vec<String>,
}

/// A stored definition.
#[derive(Debug)]
struct Known {
    id: Uuid,
    scope_id: Uuid,
    local: String,
    qualified: String,
    default: Option<Preset>,
}

/// A project with its domain.
pub(super) type Place = (Uuid, Uuid);

impl Names {
    /// The names in a project that can use definitions of these scopes, the nearest first.
    fn new(scopes: [Uuid; 3], known: &HashMap<Uuid, Vec<Known>>, project: Vec<Label>) -> Self {
        let mut taken = HashMap::new();
        let (mut names, mut defaults) = (HashMap::new(), Vec::new());
        for definition in scopes.iter().filter_map(|scope| known.get(scope)).flatten() {
            let nearest = *taken.entry(definition.local.as_str()).or_insert(definition.id) == definition.id;
            let name = Name {
                qualified: definition.qualified.clone(),
                bare: nearest.then(|| definition.local.clone()),
                scope_id: definition.scope_id,
            };
            names.insert(definition.id, name);
            defaults.extend(definition.default.clone());
        }
        Self {
            names,
            project,
            defaults,
        }
    }

    /// The labels in effect on a node with these of its own.
    pub(super) fn node(&self, own: &[Label]) -> Result<Labelled, Error> {
        self.labelled(Holder::Node, own)
    }

    /// The labels in effect on the project itself.
    pub(super) fn project(&self) -> Result<Labelled, Error> {
        self.labelled(Holder::Project, &self.project)
    }

    fn labelled(&self, holder: Holder, own: &[Label]) -> Result<Labelled, Error> {
        let mut labelled = Labelled::default();
        self.each(holder, own, |name, value| {
            enter_all(&mut labelled.keys, name, value);
            let key = name.bare.as_ref().unwrap_or(&name.qualified);
            enter(&mut labelled.shown, key.clone(), value.clone());
            labelled.scopes.insert(name.scope_id);
        })?;
        Ok(labelled)
    }

    /// The labels in effect on an object with these of its own, whosever they are.
    fn each(&self, holder: Holder, own: &[Label], mut see: impl FnMut(&Name, &Json)) -> Result<(), Error> {
        for (definition_id, value) in own {
            see(self.name(*definition_id)?, value);
        }
        let is_in = |labels: &[Label], id: Uuid| labels.iter().any(|(held, _)| *held == id);
        let inherited: &[Label] = match holder {
            Holder::Node => &self.project,
            Holder::Project => &[],
        };
        for (definition_id, value) in inherited.iter().filter(|(id, _)| !is_in(own, *id)) {
            see(self.name(*definition_id)?, value);
        }
        for default in &self.defaults {
            let (id, value) = &default.label;
            let applies = default.kinds.iter().any(|kind| kind == holder.as_str());
            if applies && !is_in(own, *id) && !is_in(inherited, *id) {
                see(self.name(*id)?, value);
            }
        }
        Ok(())
    }

    fn name(&self, definition_id: Uuid) -> Result<&Name, Error> {
        let missing = || Error::Corrupt("a label of a definition from elsewhere".to_owned());
        self.names.get(&definition_id).ok_or_else(missing)
    }
}

fn enter_all(labels: &mut BTreeMap<String, Json>, name: &Name, value: &Json) {
    if let Some(bare) = &name.bare {
        enter(labels, bare.clone(), value.clone());
    }
    enter(labels, name.qualified.clone(), value.clone());
}

/// Enters a value; a second one of the same key makes a list of them.
pub(super) fn enter<K: Ord>(labels: &mut BTreeMap<K, Json>, key: K, value: Json) {
    match labels.entry(key) {
        Entry::Vacant(none) => {
            none.insert(value);
        }
        Entry::Occupied(mut held) => match held.get_mut() {
            Json::Array(several) => several.push(value),
            one => *one = Json::Array(vec![one.take(), value]),
        },
    }
}

/// The names in several places, as far as they are of used definitions, of the projects' labels, or of defaults.
///
/// A scope may have many definitions that no label is of; they are passed over by their keys in the index.
pub(super) async fn of_places(
    tx: &mut Tx,
    places: &[Place],
    mut used: BTreeSet<Uuid>,
) -> Result<HashMap<Place, Names>, Error> {
    let mut scopes: Vec<Uuid> = places
        .iter()
        .flat_map(|(project, domain)| [*project, *domain])
        .collect();
    scopes.push(Uuid::nil());
    scopes.sort_unstable();
    scopes.dedup();
    let scopes = id_list(&scopes);
    let mut of_projects = of_projects(tx, &scopes).await?;
    used.extend(
        of_projects
            .values()
            .flatten()
            .map(|(definition_id, _)| *definition_id),
    );
    let used: Vec<Uuid> = used.into_iter().collect();
    let known = known(tx, &scopes, &id_list(&used)).await?;
    let names = |place: &Place| {
        let scopes = [place.0, place.1, Uuid::nil()];
        let own = of_projects.remove(&place.0).unwrap_or_default();
        (*place, Names::new(scopes, &known, own))
    };
    Ok(places.iter().map(names).collect())
}

/// The definitions of these scopes that are used, that have a default, or that a nearer one of the same key may hide.
async fn known(tx: &mut Tx, scopes: &str, used: &str) -> Result<HashMap<Uuid, Vec<Known>>, Error> {
    let mut known: HashMap<Uuid, Vec<Known>> = HashMap::new();
    tx.each(
        "with
            scopes (id) as materialized (select unhex(value) from json_each($1)),
            keys (local_key) as materialized (
                select d.local_key
                from json_each($2) used cross join label_definitions d on d.id = unhex(used.value)
                union
                select d.local_key
                from scopes s cross join label_definitions d on d.scope_id = s.id
                where d.required = 1 and d.default_value is not null
            )
        select
            d.id, d.scope_id, d.local_key, d.qualified_key,
            case when d.required = 1 then d.default_value end, d.applicable_kinds
        from scopes s cross join label_definitions d on d.scope_id = s.id
        where +d.local_key in (select local_key from keys)",
        &values![scopes, used],
        |row| {
            let found = read_known(row)?;
            known.entry(found.scope_id).or_default().push(found);
            Ok(())
        },
    )
    .await?;
    Ok(known)
}

fn read_known(row: &Row<'_>) -> Result<Known, Error> {
    let id = row.get(0)?;
    let default = match row.get::<Option<String>>(4)? {
        None => None,
        Some(text) => Some(Preset {
            label: (id, parse(&text)?),
            kinds: parsed(&row.get::<String>(5)?)?,
        }),
    };
    Ok(Known {
        id,
        scope_id: row.get(1)?,
        local: row.get(2)?,
        qualified: row.get(3)?,
        default,
    })
}

/// The own labels of the projects among these ids.
async fn of_projects(tx: &mut Tx, ids: &str) -> Result<HashMap<Uuid, Vec<Label>>, Error> {
    let mut labels: HashMap<Uuid, Vec<Label>> = HashMap::new();
    tx.each(
        "select l.object_id, l.definition_id, l.value
        from json_each($1) ids cross join object_labels l on l.object_id = unhex(ids.value)
        order by l.definition_id, l.value",
        &values![ids],
        |row| {
            let label = (row.get(1)?, parse(&row.get::<String>(2)?)?);
            labels.entry(row.get(0)?).or_default().push(label);
            Ok(())
        },
    )
    .await?;
    Ok(labels)
}

#[cfg(test)]
mod tests;
