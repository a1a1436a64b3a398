//! What waits for a node.

use crate::db::{Error, Tx};
use crate::values;
use jiff::Timestamp;
use plex_api::executions::{ActionKind, ExecutionStatus};
use plex_domain::env::first_id;
use uuid::Uuid;

/// An invocation that waits for its node, with all the node needs to run it.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The execution.
    pub execution_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Where the action comes from.
    pub kind: ActionKind,
    /// JSON text.
    pub parameters: Option<String>,
    /// Seconds from dispatch to deadline.
    pub timeout_seconds: u32,
    /// The status now.
    pub status: ExecutionStatus,
    /// When it was dispatched.
    pub requested_at: Timestamp,
    /// The deadline.
    pub expires_at: Timestamp,
    /// The hook's pinned digest, base64.
    pub checksum: Option<String>,
}

/// For whom the parameters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The node, which needs the secret ones.
    Node,
    /// Anybody else: secret ones are masked (decision 5).
    Others,
}

/// What waits for a node: not terminal, not expired, oldest first.
pub async fn queued(
    tx: &mut Tx,
    node_id: Uuid,
    audience: Audience,
    limit: u32,
) -> Result<Vec<Queued>, Error> {
    let now = tx.now();
    tx.all(
        "select
            e.id, e.action, e.kind,
            case when $4 then e.parameters else coalesce(e.parameters_shown, e.parameters) end,
            e.timeout_seconds, i.status, e.created_at, e.expires_at, p.checksum
        from invocations i
            join executions e on e.id = i.execution_id
            left join hook_pins p on p.node_id = i.node_id and p.name = e.action and e.kind = 'hook'
        where i.node_id = $1 and i.live = 1 and e.expires_at > $2
        order by e.created_at, e.id
        limit $3",
        &values![node_id, now, limit, audience == Audience::Node],
        |row| {
            Ok(Queued {
                execution_id: row.get(0)?,
                action: row.get(1)?,
                kind: row.get(2)?,
                parameters: row.get(3)?,
                timeout_seconds: row.get(4)?,
                status: row.get(5)?,
                requested_at: row.get(6)?,
                expires_at: row.get(7)?,
                checksum: row.get(8)?,
            })
        },
    )
    .await
}

/// The nodes that have something pending which was dispatched at `since` or later, to the millisecond.
///
/// It goes by what was dispatched, which is little, and not by the nodes, which may be ten thousand in each month. What
/// is pending is live as well; to say so would offer the planner the index of all that is live, by nodes.
pub async fn waiting(tx: &mut Tx, since: Timestamp) -> Result<Vec<Uuid>, Error> {
    tx.all(
        "select distinct node_id
        from invocations
        where execution_id >= $1 and status = 'pending'",
        &values![first_id(since)],
        |row| row.get(0),
    )
    .await
}
