//! Labels on one object, as they were assigned.

use super::{AssignedBy, Definition, MAX_LABELS, Object, Refused, parse};
use crate::db::{Error, Tx};
use crate::values;
use plex_api::labels::LabelAssignment;
use serde_json::Value as Json;
use uuid::Uuid;

/// Puts a label on an object. Where the definition has one value on each object, it takes the place of the one
/// that was there; else it is one more.
pub async fn assign(
    tx: &mut Tx,
    object: Object,
    definition: &Definition,
    value: &Json,
    by: AssignedBy,
) -> Result<Result<LabelAssignment, Refused>, Error> {
    if !definition.kinds.iter().any(|kind| kind == object.kind.as_str()) {
        return Ok(Err(Refused::Kind));
    }
    if !definition.schema.accepts(value) {
        return Ok(Err(Refused::Value));
    }
    let held = held(tx, object, definition.id).await?;
    let text = value.to_string();
    let is_new = !held.contains(&text);
    if is_new && let Err(refused) = make_room(tx, object, definition, held.len()).await? {
        return Ok(Err(refused));
    }
    let now = tx.now();
    tx.execute(
        "insert into object_labels (object_id, definition_id, value, object_kind, assigned_by, assigned_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (object_id, definition_id, value) do update
        set assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at",
        &values![
            object.id,
            definition.id,
            &text,
            object.kind.as_str(),
            by.as_str(),
            now
        ],
    )
    .await?;
    Ok(Ok(LabelAssignment {
        definition_id: Some(definition.id),
        qualified_key: definition.qualified_key.clone(),
        object_kind: object.kind.as_str().to_owned(),
        object_id: object.id,
        value: value.clone(),
        assigned_by: by.as_str().to_owned(),
        assigned_at: now,
    }))
}

/// The values of a definition that an object has, as JSON texts.
async fn held(tx: &mut Tx, object: Object, definition_id: Uuid) -> Result<Vec<String>, Error> {
    tx.all(
        "select value
        from object_labels
        where object_id = $1 and definition_id = $2",
        &values![object.id, definition_id],
        |row| row.get(0),
    )
    .await
}

/// Lets one more value in, or the old one out.
async fn make_room(
    tx: &mut Tx,
    object: Object,
    definition: &Definition,
    held: usize,
) -> Result<Result<(), Refused>, Error> {
    if definition.cardinality == 1 && held > 0 {
        if definition.immutable {
            return Ok(Err(Refused::Immutable));
        }
        remove(tx, object, definition.id).await?;
        return Ok(Ok(()));
    }
    if definition.cardinality > 1 && held >= definition.cardinality as usize {
        return Ok(Err(Refused::Cardinality));
    }
    let count = tx
        .optional(
            "select
                (select count(*) from object_labels where object_id = $1)
                + (select count(*) from orphaned_labels where object_id = $1)",
            &values![object.id],
            |row| row.get::<u32>(0),
        )
        .await?;
    Ok(if count.unwrap_or(0) < MAX_LABELS {
        Ok(())
    } else {
        Err(Refused::Limit)
    })
}

/// Takes all labels of one definition off an object. Returns whether there were any.
pub async fn remove(tx: &mut Tx, object: Object, definition_id: Uuid) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "delete from object_labels
            where object_id = $1 and definition_id = $2",
            &values![object.id, definition_id],
        )
        .await?;
    Ok(changed > 0)
}

/// Takes the labels of a key whose definition is gone off an object. Returns whether there were any.
pub async fn remove_orphaned(tx: &mut Tx, object: Object, qualified_key: &str) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "delete from orphaned_labels
            where object_id = $1 and qualified_key = $2",
            &values![object.id, qualified_key],
        )
        .await?;
    Ok(changed > 0)
}

/// An object's own labels, orphaned ones too, by qualified key.
pub async fn of_object(tx: &mut Tx, object: Object) -> Result<Vec<LabelAssignment>, Error> {
    tx.all(
        "select d.id, d.qualified_key, l.value, l.assigned_by, l.assigned_at
        from object_labels l join label_definitions d on d.id = l.definition_id
        where l.object_id = $1
        union all
        select null, o.qualified_key, o.value, o.assigned_by, o.assigned_at
        from orphaned_labels o
        where o.object_id = $1
        order by 2, 3",
        &values![object.id],
        |row| {
            Ok(LabelAssignment {
                definition_id: row.get(0)?,
                qualified_key: row.get(1)?,
                object_kind: object.kind.as_str().to_owned(),
                object_id: object.id,
                value: parse(&row.get::<String>(2)?)?,
                assigned_by: row.get(3)?,
                assigned_at: row.get(4)?,
            })
        },
    )
    .await
}
