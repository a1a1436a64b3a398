//! Script hooks and their pinned digests (decision 12).
//!
//! The pin outlives the manifest: a hook that disappears and comes back changed is still a changed hook.

use crate::db::{Error, Row, Tx, Value};
use crate::values;
use plex_api::hooks::{HookStatus, NodeHook};
use uuid::Uuid;

/// Where a page of hooks starts: after this node's hook of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The node.
    pub node_id: Uuid,
    /// The hook's name.
    pub name: String,
}

/// What became of an acceptance.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// The digest is the pinned one now.
    Pinned {
        /// The hook as it is now.
        hook: NodeHook,
        /// The digest that was pinned before.
        before: String,
    },
    /// The node declares another digest.
    Differs,
    /// The node does not declare this hook.
    NotDeclared,
}

macro_rules! hooks_sql {
    ($rest:literal) => {
        concat!(
            "select n.id, n.name, p.name, p.checksum, a.checksum, p.pinned_at, a.description
            from nodes n
                cross join hook_pins p on p.node_id = n.id
                left join node_actions a on a.node_id = n.id and a.kind = 'hook' and a.name = p.name
            ",
            $rest
        )
    };
}

/// A page of a project's hooks by node id and name. Revoked nodes are left out.
pub async fn page(
    tx: &mut Tx,
    (project_id, only): (Uuid, Option<Uuid>),
    after: Option<&Position>,
    limit: u32,
) -> Result<Vec<NodeHook>, Error> {
    let sql = if only.is_some() {
        hooks_sql!(
            "where n.project_id = $1 and n.revoked_at is null
                and n.id >= $2 and (n.id > $2 or p.name > $3) and n.id = $5
            order by n.id, p.name
            limit $4"
        )
    } else {
        hooks_sql!(
            "where n.project_id = $1 and n.revoked_at is null
                and n.id >= $2 and (n.id > $2 or p.name > $3)
            order by n.id, p.name
            limit $4"
        )
    };
    let (node_id, name) = after.map_or((Uuid::nil(), ""), |after| (after.node_id, after.name.as_str()));
    let mut values = values![project_id, node_id, name, limit].to_vec();
    values.extend(only.map(Value::from));
    tx.all(sql, &values, read).await
}

/// Pins the digest that a node declares now, which must be the one given: nobody accepts what they have
/// not seen.
pub async fn accept(
    tx: &mut Tx,
    hook: &Position,
    checksum: &str,
    accepted_by: &str,
) -> Result<Accepted, Error> {
    let declared: Option<String> = tx
        .optional(
            "select checksum
            from node_actions
            where node_id = $1 and kind = 'hook' and name = $2",
            &values![hook.node_id, &hook.name],
            |row| row.get(0),
        )
        .await?;
    match declared {
        None => return Ok(Accepted::NotDeclared),
        Some(declared) if declared != checksum => return Ok(Accepted::Differs),
        Some(_) => {}
    }
    let missing = || Error::Corrupt("a declared hook without its pin".to_owned());
    let before = pinned(tx, hook).await?.ok_or_else(missing)?;
    tx.execute(
        "update hook_pins
        set checksum = $3, pinned_at = $4, accepted_by = $5
        where node_id = $1 and name = $2 and checksum <> $3",
        &values![hook.node_id, &hook.name, checksum, tx.now(), accepted_by],
    )
    .await?;
    let found = tx
        .optional(
            hooks_sql!("where n.id = $1 and p.name = $2"),
            &values![hook.node_id, &hook.name],
            read,
        )
        .await?;
    let hook = found.ok_or_else(missing)?;
    Ok(Accepted::Pinned { hook, before })
}

async fn pinned(tx: &mut Tx, hook: &Position) -> Result<Option<String>, Error> {
    tx.optional(
        "select checksum
        from hook_pins
        where node_id = $1 and name = $2",
        &values![hook.node_id, &hook.name],
        |row| row.get(0),
    )
    .await
}

fn read(row: &Row<'_>) -> Result<NodeHook, Error> {
    let pinned_checksum: String = row.get(3)?;
    let declared_checksum: Option<String> = row.get(4)?;
    let status = match &declared_checksum {
        None => HookStatus::Absent,
        Some(declared) if *declared == pinned_checksum => HookStatus::Pinned,
        Some(_) => HookStatus::Drifted,
    };
    Ok(NodeHook {
        node_id: row.get(0)?,
        node_name: row.get(1)?,
        name: row.get(2)?,
        status,
        pinned_checksum,
        declared_checksum,
        pinned_at: row.get(5)?,
        description: row.get(6)?,
    })
}

#[cfg(test)]
mod tests;
