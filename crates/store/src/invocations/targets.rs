//! Invocations as the log shows them: the targets of an execution.

use crate::db::{Error, Row, Tx};
use crate::values;
use plex_api::executions::{ExecutionTarget, OutputRef};
use uuid::Uuid;

/// The bucket of outputs in the embedded object store.
pub const LOCAL_BUCKET: &str = "local";

macro_rules! targets_sql {
    ($rest:literal) => {
        concat!(
            "select
                i.execution_id, i.node_id, n.name, i.status, e.created_at, i.updated_at, i.started_at,
                i.finished_at, i.exit_code, i.error, i.output_kind, i.output_bytes, i.output_truncated,
                i.output_key, i.output_sha256
            from ",
            $rest
        )
    };
}

/// The targets of one execution by node id, at most `limit`. Inline outputs come without their bytes.
pub async fn targets(tx: &mut Tx, execution_id: Uuid, limit: u32) -> Result<Vec<ExecutionTarget>, Error> {
    tx.all(
        targets_sql!(
            "executions e
                join invocations i on i.execution_id = e.id
                join nodes n on n.id = i.node_id
            where e.id = $1
            order by i.node_id
            limit $2"
        ),
        &values![execution_id, limit],
        |row| Ok(read_target(row)?.1),
    )
    .await
}

/// All targets of several executions, each with its execution's id, in one statement.
pub async fn targets_of(tx: &mut Tx, executions: &[Uuid]) -> Result<Vec<(Uuid, ExecutionTarget)>, Error> {
    let ids: Vec<String> = executions.iter().map(|id| id.simple().to_string()).collect();
    let ids = serde_json::to_string(&ids).expect("hex strings are JSON");
    tx.all(
        targets_sql!(
            "json_each($1) ids
                cross join executions e on e.id = unhex(ids.value)
                cross join invocations i on i.execution_id = e.id
                cross join nodes n on n.id = i.node_id"
        ),
        &values![&ids],
        read_target,
    )
    .await
}

fn read_target(row: &Row<'_>) -> Result<(Uuid, ExecutionTarget), Error> {
    let kind: Option<String> = row.get(10)?;
    let output_ref = match kind.as_deref() {
        None => None,
        Some("inline") => Some(OutputRef::Inline { inline_bytes: None }),
        Some(_) => Some(OutputRef::ObjectStore {
            bucket: LOCAL_BUCKET.to_owned(),
            key: row.get(13)?,
            sha256: row.get(14)?,
        }),
    };
    let target = ExecutionTarget {
        node_id: row.get(1)?,
        node_name: row.get(2)?,
        status: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        started_at: row.get(6)?,
        finished_at: row.get(7)?,
        exit_code: row.get(8)?,
        error: row.get(9)?,
        output_bytes: row.get(11)?,
        output_truncated: row.get(12)?,
        output_ref,
    };
    Ok((row.get(0)?, target))
}

/// One target of one execution.
pub async fn target(
    tx: &mut Tx,
    execution_id: Uuid,
    node_id: Uuid,
) -> Result<Option<ExecutionTarget>, Error> {
    tx.optional(
        targets_sql!(
            "executions e
                join invocations i on i.execution_id = e.id
                join nodes n on n.id = i.node_id
            where e.id = $1 and i.node_id = $2"
        ),
        &values![execution_id, node_id],
        |row| Ok(read_target(row)?.1),
    )
    .await
}
