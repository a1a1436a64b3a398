//! Labels on nodes, and the definitions they are of (`api.md` §6, decision 24).
//!
//! A definition belongs to the platform, a domain or a project and has a local key there. A bare key means
//! the nearest definition: the project's, else the domain's, else the platform's. A definition that a
//! nearer one hides is still found by its qualified key.

mod names;
mod schema;

pub use names::Names;
pub use schema::ValueSchema;

use crate::db::{Error, Row, Tx};
use crate::values;
use jiff::Timestamp;
use plex_api::labels::LabelAssignment;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Most labels of one node.
pub const MAX_LABELS: u32 = 64;

/// Who put a label there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedBy {
    /// An operator.
    User,
    /// The bootstrap token that the node redeemed.
    System,
}

impl AssignedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// What a label is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The definition's id.
    pub id: Uuid,
    /// Its full key.
    pub qualified_key: String,
    /// What values it takes.
    pub schema: ValueSchema,
}

/// Why a label was not assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The value does not satisfy the definition.
    Value,
    /// The node has as many labels as it can have.
    Limit,
}

/// A node's labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labelled {
    /// Each label once: by its bare key, or by its qualified key where a nearer definition hides it.
    pub shown: BTreeMap<String, Json>,
    /// By every key that finds it.
    pub keys: BTreeMap<String, Json>,
}

/// A definition that may be used in a project: its own, its domain's or the platform's.
pub async fn definition(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Option<Definition>, Error> {
    tx.optional(
        "select d.id, d.qualified_key, d.value_schema
        from label_definitions d join projects p on p.id = $1
        where d.id = $2 and (d.scope = 'platform' or d.scope_id in (p.id, p.domain_id))",
        &values![project_id, id],
        read_definition,
    )
    .await
}

/// The definition that a key means in a project: a qualified key that very one, a bare key the nearest.
pub async fn resolve(tx: &mut Tx, project_id: Uuid, key: &str) -> Result<Option<Definition>, Error> {
    tx.optional(
        "select d.id, d.qualified_key, d.value_schema
        from projects p
            join label_definitions d on d.scope_id in (p.id, p.domain_id, $3)
        where p.id = $1 and (d.local_key = $2 or d.qualified_key = $2)
        order by case d.scope when 'project' then 0 when 'domain' then 1 else 2 end
        limit 1",
        &values![project_id, key, Uuid::nil()],
        read_definition,
    )
    .await
}

fn read_definition(row: &Row<'_>) -> Result<Definition, Error> {
    let schema = serde_json::from_str(&row.get::<String>(2)?);
    Ok(Definition {
        id: row.get(0)?,
        qualified_key: row.get(1)?,
        schema: schema.map_err(|error| Error::Corrupt(error.to_string()))?,
    })
}

/// The definition that a bare key means in a project; defines a plain string key there when there is none.
/// The key must be a valid local key.
pub async fn resolve_or_define(
    tx: &mut Tx,
    project_id: Uuid,
    key: &str,
    by: AssignedBy,
) -> Result<Definition, Error> {
    if let Some(known) = resolve(tx, project_id, key).await? {
        return Ok(known);
    }
    let id = tx.new_id();
    let schema = serde_json::to_string(&ValueSchema::plain()).expect("a schema is JSON");
    tx.execute(
        "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        )
        select $1, 'project', p.id, $3, d.slug || ':' || p.slug || '/' || $3, $4, $5, $6, $6
        from projects p join domains d on d.id = p.domain_id
        where p.id = $2",
        &values![id, project_id, key, &schema, by.as_str(), tx.now()],
    )
    .await?;
    definition(tx, project_id, id)
        .await?
        .ok_or_else(|| Error::Corrupt("a label definition just stored is missing".to_owned()))
}

/// Puts a label on a node, in place of the one of the same definition.
pub async fn assign(
    tx: &mut Tx,
    node_id: Uuid,
    definition: &Definition,
    value: &Json,
    by: AssignedBy,
) -> Result<Result<LabelAssignment, Refused>, Error> {
    if !definition.schema.accepts(value) {
        return Ok(Err(Refused::Value));
    }
    let others = tx
        .optional(
            "select count(*)
            from node_labels
            where node_id = $1 and definition_id <> $2",
            &values![node_id, definition.id],
            |row| row.get::<u32>(0),
        )
        .await?;
    if others.unwrap_or(0) >= MAX_LABELS {
        return Ok(Err(Refused::Limit));
    }
    let now = tx.now();
    tx.execute(
        "insert into node_labels (node_id, definition_id, value, assigned_by, assigned_at)
        values ($1, $2, $3, $4, $5)
        on conflict (node_id, definition_id) do update
        set value = excluded.value, assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at",
        &values![node_id, definition.id, &value.to_string(), by.as_str(), now],
    )
    .await?;
    Ok(Ok(assignment(
        definition,
        node_id,
        value.clone(),
        (by.as_str(), now),
    )))
}

fn assignment(
    definition: &Definition,
    node_id: Uuid,
    value: Json,
    (by, at): (&str, Timestamp),
) -> LabelAssignment {
    LabelAssignment {
        definition_id: Some(definition.id),
        qualified_key: definition.qualified_key.clone(),
        object_kind: "node".to_owned(),
        object_id: node_id,
        value,
        assigned_by: by.to_owned(),
        assigned_at: at,
    }
}

/// Takes a label off a node. Returns whether it was there.
pub async fn remove(tx: &mut Tx, node_id: Uuid, definition_id: Uuid) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "delete from node_labels
            where node_id = $1 and definition_id = $2",
            &values![node_id, definition_id],
        )
        .await?;
    Ok(changed > 0)
}

/// A node's labels, by qualified key.
pub async fn of_node(tx: &mut Tx, node_id: Uuid) -> Result<Vec<LabelAssignment>, Error> {
    tx.all(
        "select d.id, d.qualified_key, d.value_schema, l.value, l.assigned_by, l.assigned_at
        from node_labels l join label_definitions d on d.id = l.definition_id
        where l.node_id = $1
        order by d.qualified_key",
        &values![node_id],
        |row| {
            let stamp = (row.get::<String>(4)?, row.get(5)?);
            let value = parse(&row.get::<String>(3)?)?;
            Ok(assignment(
                &read_definition(row)?,
                node_id,
                value,
                (&stamp.0, stamp.1),
            ))
        },
    )
    .await
}

/// The labels of several nodes.
pub async fn of_nodes(tx: &mut Tx, nodes: &[Uuid]) -> Result<HashMap<Uuid, Labelled>, Error> {
    let ids = id_list(nodes);
    let rows = tx
        .all(
            "select n.id, n.project_id, n.domain_id, l.definition_id, l.value
            from json_each($1) ids
                cross join nodes n on n.id = unhex(ids.value)
                cross join node_labels l on l.node_id = n.id",
            &values![&ids],
            |row| {
                let place = (row.get::<Uuid>(1)?, row.get::<Uuid>(2)?);
                Ok((
                    row.get::<Uuid>(0)?,
                    place,
                    row.get::<Uuid>(3)?,
                    row.get::<String>(4)?,
                ))
            },
        )
        .await?;
    let mut places: Vec<(Uuid, Uuid)> = rows.iter().map(|(_, place, ..)| *place).collect();
    places.sort_unstable();
    places.dedup();
    let names = names::of_places(tx, &places).await?;
    let mut found: HashMap<Uuid, Labelled> = HashMap::new();
    for (node_id, place, definition_id, value) in &rows {
        let labelled = found.entry(*node_id).or_default();
        names[place].enter(*definition_id, value, &mut labelled.keys)?;
        names[place].show(*definition_id, value, &mut labelled.shown)?;
    }
    Ok(found)
}

fn parse(value: &str) -> Result<Json, Error> {
    serde_json::from_str(value).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Ids as a JSON array that a statement takes apart again.
fn id_list(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    serde_json::to_string(&ids).expect("hex strings are JSON")
}

#[cfg(test)]
mod tests;
