//! Nodes: who they are, when they were last heard, and whether their key still holds.
//!
//! [`authenticate`] runs before nearly every request of a node, so it is one look-up by primary key.

mod candidates;
mod keys;
mod list;
mod names;
mod registration;

pub use candidates::{Addressed, Candidate, candidates};
pub use keys::{Keys, Offered, Rotation, Standing, changed_keys, offer_key, promote_key, request_rotation};
pub use list::{Listed, Within, find, page, reachability};
pub(crate) use names::{Names, name};
pub use registration::{Member, NewNode, NoAddress, join, note_nonce, register};

use crate::db::{Error, Tx};
use crate::values;
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// An invocation that is still pending after this long may have missed its node.
const OVERDUE: Duration = Duration::from_secs(5);

/// What authentication and authorisation need to know of a node.
#[derive(Clone)]
pub struct NodeKey {
    /// The node's id.
    pub id: Uuid,
    /// Its project.
    pub project_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// The name it registered with.
    pub name: String,
    /// What it may come with.
    pub keys: Keys,
    /// When it was asked for a new key that it has not used yet.
    pub rotation_requested_at: Option<Timestamp>,
}

/// The node of that id, revoked or not.
pub async fn authenticate(tx: &mut Tx, id: Uuid) -> Result<Option<NodeKey>, Error> {
    tx.optional(
        "select id, project_id, domain_id, name, key_hash, revoked_at, next_key_hash, previous_key_until,
            rotation_requested_at
        from nodes
        where id = $1",
        &values![id],
        |row| {
            Ok(NodeKey {
                id: row.get(0)?,
                project_id: row.get(1)?,
                domain_id: row.get(2)?,
                name: row.get(3)?,
                keys: Keys::read(row, 4)?,
                rotation_requested_at: row.get(8)?,
            })
        },
    )
    .await
}

/// Ends a node's key and its membership in cohorts. Returns whether it was still valid.
pub async fn revoke(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update nodes
            set revoked_at = $2, keys_changed_at = $2
            where id = $1 and revoked_at is null",
            &values![id, tx.now()],
        )
        .await?;
    Ok(changed > 0)
}

/// What a node is told with the answer to its heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// It should pull its state.
    pub reconcile: bool,
    /// It should hand in a new key.
    pub rotate_key: bool,
}

/// Notes a sign of life. Returns what the node should do; `None` when its key is revoked.
///
/// The request to pull stands while something that is pending should have reached the node by now.
pub async fn heartbeat(tx: &mut Tx, id: Uuid, version: &str, checksum: &str) -> Result<Option<Beat>, Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select
                d.stale_after,
                exists (
                    select 1
                    from invocations i
                    where i.node_id = n.id
                        and i.live = 1
                        and i.status = 'pending'
                        and i.updated_at <= $2
                ),
                n.rotation_requested_at is not null
            from nodes n join domains d on d.id = n.domain_id
            where n.id = $1 and n.revoked_at is null",
            &values![id, before(now, OVERDUE)],
            |row| {
                let beat = Beat {
                    reconcile: row.get(1)?,
                    rotate_key: row.get(2)?,
                };
                Ok((row.get::<u32>(0)?, beat))
            },
        )
        .await?;
    let Some((stale_after, beat)) = found else {
        return Ok(None);
    };
    let silent_since = before(now, Duration::from_secs(stale_after.into()));
    tx.execute(
        "update nodes
        set last_heartbeat_at = $2,
            recovered_at = case
                when last_heartbeat_at is null or last_heartbeat_at <= $3 then $2
                else recovered_at
            end,
            binary_version = $4,
            binary_checksum = $5
        where id = $1",
        &values![id, now, silent_since, version, checksum],
    )
    .await?;
    Ok(Some(beat))
}

fn before(now: Timestamp, time: Duration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
