//! Deleting definitions, and what becomes of their labels.

use super::find;
use crate::db::{Error, Tx};
use crate::labels::AssignedBy;
use crate::values;
use plex_api::labels::{LabelScope, OnDelete};
use uuid::Uuid;

/// Why a definition was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The platform came with it.
    #[error("the definition is the platform's own")]
    Seeded,
    /// There are labels of it, and they block.
    #[error("there are labels of it")]
    Assigned,
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Deletes a definition, and does with its labels as it says. Returns whether there was one.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, DeleteError> {
    let Some(definition) = find(tx, id).await? else {
        return Ok(false);
    };
    if definition.scope == LabelScope::Platform && definition.created_by == AssignedBy::System.as_str() {
        return Err(DeleteError::Seeded);
    }
    match definition.on_delete {
        OnDelete::Block => require_unassigned(tx, id).await?,
        OnDelete::Cascade => {}
        OnDelete::Orphan => orphan(tx, id).await?,
    }
    tx.execute("delete from object_labels where definition_id = $1", &values![id])
        .await?;
    tx.execute("delete from label_definitions where id = $1", &values![id])
        .await?;
    Ok(true)
}

async fn require_unassigned(tx: &mut Tx, id: Uuid) -> Result<(), DeleteError> {
    let assigned = tx
        .optional(
            "select 1 from object_labels where definition_id = $1 limit 1",
            &values![id],
            |_| Ok(()),
        )
        .await?;
    match assigned {
        Some(()) => Err(DeleteError::Assigned),
        None => Ok(()),
    }
}

async fn orphan(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(
        "insert into orphaned_labels (
            object_id, qualified_key, value, object_kind, assigned_by, assigned_at
        )
        select l.object_id, d.qualified_key, l.value, l.object_kind, l.assigned_by, l.assigned_at
        from object_labels l join label_definitions d on d.id = l.definition_id
        where l.definition_id = $1
        on conflict (object_id, qualified_key, value) do update
        set object_kind = excluded.object_kind, assigned_by = excluded.assigned_by,
            assigned_at = excluded.assigned_at",
        &values![id],
    )
    .await?;
    Ok(())
}

/// Deletes what a domain or project defined, and a project's own labels; for one that is about to go itself. A
/// definition whose labels are on something else is refused by the database.
pub(crate) async fn forget_scope(tx: &mut Tx, scope_id: Uuid) -> Result<(), Error> {
    tx.execute(
        "delete from object_labels where object_id = $1",
        &values![scope_id],
    )
    .await?;
    tx.execute(
        "delete from orphaned_labels where object_id = $1",
        &values![scope_id],
    )
    .await?;
    tx.execute(
        "delete from label_definitions where scope_id = $1",
        &values![scope_id],
    )
    .await?;
    Ok(())
}
