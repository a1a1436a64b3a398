//! What waits for a node.

use crate::db::{Error, Sql, Tx};
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

/// The nodes that have something pending which was dispatched after `since`.
///
/// It goes by what was dispatched, which is little, and not by the nodes, which may be ten thousand in each month.
pub async fn waiting(tx: &mut Tx, since: Timestamp) -> Result<Vec<Uuid>, Error> {
    tx.all(
        Sql::Each {
            sqlite: "select distinct i.node_id
                from executions e cross join invocations i on i.execution_id = e.id
                where e.id >= $1 and e.created_at > $2 and i.live = 1 and i.status = 'pending'",
            // `offset 0` keeps it from beginning with all that is live.
            postgres: "select distinct i.node_id
                from executions e
                    cross join lateral (
                        select node_id
                        from invocations
                        where execution_id = e.id and execution_id >= $1 and live = 1 and status = 'pending'
                        offset 0
                    ) i
                where e.id >= $1 and e.created_at > $2",
        },
        &values![first_id(since), since],
        |row| row.get(0),
    )
    .await
}
