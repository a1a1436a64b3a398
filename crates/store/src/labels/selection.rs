//! What a selector's keys mean in one project, found out once, so that of all its nodes only the labels that
//! matter are looked at.

use super::names::enter;
use super::{Holder, id_list, json_text, parse};
use crate::db::{Error, Tx};
use crate::values;
use plex_domain::selector::{Selector, Term};
use serde_json::Value as Json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Values by definition; several of one are a list.
pub(crate) type Values = BTreeMap<Uuid, Json>;

/// A selector in a project.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    selector: &'a Selector,
    /// The definition that a key means; a key without one is on no node.
    definitions: BTreeMap<String, Uuid>,
    /// What a node has that has none of its own: the project's labels, else the defaults.
    inherited: Values,
}

impl<'a> Selection<'a> {
    /// Finds out what the keys mean, and what a node of the project has of them without its own labels.
    pub(crate) async fn resolve(
        tx: &mut Tx,
        project_id: Uuid,
        selector: &'a Selector,
    ) -> Result<Self, Error> {
        let (definitions, defaults) = meant(tx, project_id, selector).await?;
        let mut selection = Self {
            selector,
            definitions,
            inherited: Values::new(),
        };
        selection.inherited = of_project(tx, project_id, &selection.definition_ids()).await?;
        for (id, default) in defaults {
            selection.inherited.entry(id).or_insert(default);
        }
        Ok(selection)
    }

    /// The definitions that matter, as a JSON array that a statement takes apart again.
    pub(crate) fn definition_ids(&self) -> String {
        let ids: BTreeSet<Uuid> = self.definitions.values().copied().collect();
        id_list(&ids.into_iter().collect::<Vec<_>>())
    }

    /// Whether a node with these values of its own is selected.
    pub(crate) fn matches(&self, own: &Values) -> bool {
        self.selector.matches(|key| {
            let id = self.definitions.get(key)?;
            own.get(id).or_else(|| self.inherited.get(id))
        })
    }
}

/// The definition that each key of a selector means in a project, the nearest one, and those that have a default for
/// nodes.
async fn meant(
    tx: &mut Tx,
    project_id: Uuid,
    selector: &Selector,
) -> Result<(BTreeMap<String, Uuid>, Values), Error> {
    let keys: BTreeSet<&str> = selector.terms().iter().map(Term::key).collect();
    let (mut definitions, mut defaults) = (BTreeMap::new(), Values::new());
    tx.each(
        "with
            place (id, rank) as materialized (
                select id, 0 from projects where id = $1
                union all
                select domain_id, 1 from projects where id = $1
                union all
                select $2, 2
            ),
            meant (key, definition_id, rank) as (
                select k.value, d.id, p.rank
                from json_each($3) k cross join place p on true cross join label_definitions d
                    on d.scope_id = p.id and d.local_key = k.value
                union all
                select k.value, d.id, p.rank
                from json_each($3) k cross join label_definitions d on d.qualified_key = k.value
                    cross join place p on p.id = d.scope_id
            )
        select
            m.key, d.id,
            case when d.required = 1
                and exists (select 1 from json_each(d.applicable_kinds) kinds where kinds.value = $4)
            then d.default_value end
        from meant m cross join label_definitions d on d.id = m.definition_id
        order by m.rank",
        &values![project_id, Uuid::nil(), &json_text(&keys), Holder::Node.as_str()],
        |row| {
            // The nearest comes first.
            if let Entry::Vacant(unknown) = definitions.entry(row.get(0)?) {
                let id = *unknown.insert(row.get(1)?);
                if let Some(default) = row.get::<Option<String>>(2)? {
                    defaults.insert(id, parse(&default)?);
                }
            }
            Ok(())
        },
    )
    .await?;
    Ok((definitions, defaults))
}

/// The project's own labels of these definitions.
async fn of_project(tx: &mut Tx, project_id: Uuid, definition_ids: &str) -> Result<Values, Error> {
    let mut values = Values::new();
    tx.each(
        "select definition_id, value
        from object_labels
        where object_id = $1 and definition_id in (select unhex(value) from json_each($2))",
        &values![project_id, definition_ids],
        |row| enter_stored(&mut values, row.get(0)?, &row.get::<String>(1)?),
    )
    .await?;
    Ok(values)
}

/// The same as [`enter`], for a value as it is stored.
pub(crate) fn enter_stored(values: &mut Values, definition_id: Uuid, value: &str) -> Result<(), Error> {
    enter(values, definition_id, parse(value)?);
    Ok(())
}

#[cfg(test)]
mod tests;
