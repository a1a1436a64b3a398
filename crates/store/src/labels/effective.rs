//! The labels in effect on several objects at once, without a query for each.

use super::names::{self, Label, Labelled, Place};
use super::{Holder, Object, id_list, parse};
use crate::db::{Error, Tx};
use crate::values;
use plex_api::labels::LabelAssignment;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The labels in effect on several nodes.
pub async fn of_nodes(tx: &mut Tx, nodes: &[Uuid]) -> Result<HashMap<Uuid, Labelled>, Error> {
    let mut own: HashMap<Uuid, (Place, Vec<Label>)> = HashMap::new();
    tx.each(
        "select n.id, n.project_id, n.domain_id, l.definition_id, l.value
        from json_each($1) ids
            cross join nodes n on n.id = unhex(ids.value)
            left join object_labels l on l.object_id = n.id
        order by l.definition_id, l.value",
        &values![&id_list(nodes)],
        |row| {
            let place = (row.get(1)?, row.get(2)?);
            let (_, labels) = own.entry(row.get(0)?).or_insert((place, Vec::new()));
            if let Some(definition_id) = row.get(3)? {
                labels.push((definition_id, parse(&row.get::<String>(4)?)?));
            }
            Ok(())
        },
    )
    .await?;
    let mut places: Vec<Place> = own.values().map(|(place, _)| *place).collect();
    places.sort_unstable();
    places.dedup();
    let labels = own.values().flat_map(|(_, labels)| labels);
    let used: BTreeSet<Uuid> = labels.map(|(definition_id, _)| *definition_id).collect();
    let names = names::of_places(tx, &places, used).await?;
    own.into_iter()
        .map(|(id, (place, labels))| Ok((id, names[&place].node(&labels)?)))
        .collect()
}

/// The labels in effect on several projects, each given with its domain.
pub async fn of_projects(tx: &mut Tx, places: &[(Uuid, Uuid)]) -> Result<HashMap<Uuid, Labelled>, Error> {
    let names = names::of_places(tx, places, BTreeSet::new()).await?;
    names
        .into_iter()
        .map(|((project_id, _), names)| Ok((project_id, names.project()?)))
        .collect()
}

/// The labels in effect on an object of a project, by qualified key, each with whose it is. A default is nobody's
/// and so the object's own, assigned by the system.
pub async fn in_effect(tx: &mut Tx, object: Object, project_id: Uuid) -> Result<Vec<LabelAssignment>, Error> {
    tx.all(
        "with
            own as (
                select definition_id, 'own' as owner, value, assigned_by, assigned_at
                from object_labels
                where object_id = $1
            ),
            held as (
                select * from own
                union all
                select definition_id, 'project', value, assigned_by, assigned_at
                from object_labels
                where object_id = $2 and definition_id not in (select definition_id from own)
            ),
            usable as (
                select d.*
                from projects p join label_definitions d on d.scope_id in (p.id, p.domain_id, $3)
                where p.id = $2
            )
        select d.id, d.qualified_key, h.owner, h.value, h.assigned_by, h.assigned_at
        from held h join label_definitions d on d.id = h.definition_id
        union all
        select u.id, u.qualified_key, 'own', u.default_value, 'system', u.updated_at
        from usable u
        where u.required = 1
            and u.default_value is not null
            and u.id not in (select definition_id from held)
            and exists (select 1 from json_each(u.applicable_kinds) kinds where kinds.value = $4)
        order by 2, 4",
        &values![object.id, project_id, Uuid::nil(), object.kind.as_str()],
        |row| {
            let owner = if row.get::<String>(2)? == "own" {
                object
            } else {
                Object {
                    kind: Holder::Project,
                    id: project_id,
                }
            };
            Ok(LabelAssignment {
                definition_id: row.get(0)?,
                qualified_key: row.get(1)?,
                object_kind: owner.kind.as_str().to_owned(),
                object_id: owner.id,
                value: parse(&row.get::<String>(3)?)?,
                assigned_by: row.get(4)?,
                assigned_at: row.get(5)?,
            })
        },
    )
    .await
}
