//! Invocations as the log shows them: the targets of an execution.

use crate::db::{Error, Row, Sql, Tx};
use crate::values;
use jiff::Timestamp;
use plex_api::executions::{Execution, ExecutionTarget, OutputRef};
use std::collections::HashMap;
use uuid::Uuid;

/// The bucket of outputs in the embedded object store.
pub const LOCAL_BUCKET: &str = "local";

macro_rules! targets_sql {
    ($first:literal, $rest:literal) => {
        concat!(
            "select ",
            $first,
            ", i.node_id, n.name, i.status, i.updated_at, i.started_at, i.finished_at, i.exit_code, i.error,
                i.output_kind, i.output_bytes, i.output_truncated, i.output_key, i.output_sha256
            from ",
            $rest
        )
    };
}

/// The targets of one execution by node id, at most `limit`. Inline outputs come without their bytes.
pub async fn targets(tx: &mut Tx, execution_id: Uuid, limit: u32) -> Result<Vec<ExecutionTarget>, Error> {
    tx.all(
        targets_sql!(
            "e.created_at",
            "executions e
                join invocations i on i.execution_id = e.id
                join nodes n on n.id = i.node_id
            where e.id = $1
            order by i.node_id
            limit $2"
        ),
        &values![execution_id, limit],
        |row| read_target(row, row.get(0)?),
    )
    .await
}

/// Gives several executions all of their targets, in one statement.
pub async fn attach_targets(tx: &mut Tx, executions: &mut [&mut Execution]) -> Result<(), Error> {
    if executions.is_empty() {
        return Ok(());
    }
    let places: HashMap<Uuid, usize> = executions
        .iter()
        .enumerate()
        .map(|(place, execution)| (execution.id, place))
        .collect();
    // The first and the last say in which months PostgreSQL has to look.
    let mut ids: Vec<Uuid> = places.keys().copied().collect();
    ids.sort_unstable();
    // The executions are at hand, so their rows need not be looked up again.
    tx.each(
        Sql::Each {
            sqlite: targets_sql!(
                "i.execution_id",
                "json_each($1) ids
                    cross join invocations i on i.execution_id = unhex(ids.value)
                    cross join nodes n on n.id = i.node_id"
            ),
            postgres: targets_sql!(
                "i.execution_id",
                "unnest($1::uuid[]) as ids (id)
                    join invocations i on i.execution_id = ids.id
                    join nodes n on n.id = i.node_id
                where i.execution_id between ($1::uuid[])[1] and ($1::uuid[])[cardinality($1::uuid[])]"
            ),
        },
        &values![&ids],
        |row| {
            let place = places.get(&row.get(0)?);
            let place = place.ok_or_else(|| Error::Corrupt("a target of another execution".to_owned()))?;
            let execution = &mut executions[*place];
            let target = read_target(row, execution.created_at)?;
            execution.targets.push(target);
            Ok(())
        },
    )
    .await?;
    // Both databases find them in the order of their index; only one of them promises it.
    for execution in executions {
        execution.targets.sort_unstable_by_key(|target| target.node_id);
    }
    Ok(())
}

/// The first column is the caller's.
fn read_target(row: &Row<'_>, created_at: Timestamp) -> Result<ExecutionTarget, Error> {
    let kind: Option<String> = row.get(9)?;
    let output_ref = match kind.as_deref() {
        None => None,
        Some("inline") => Some(OutputRef::Inline { inline_bytes: None }),
        Some(_) => Some(OutputRef::ObjectStore {
            bucket: LOCAL_BUCKET.to_owned(),
            key: row.get(12)?,
            sha256: row.get(13)?,
        }),
    };
    Ok(ExecutionTarget {
        node_id: row.get(1)?,
        node_name: row.get(2)?,
        status: row.get(3)?,
        created_at,
        updated_at: row.get(4)?,
        started_at: row.get(5)?,
        finished_at: row.get(6)?,
        exit_code: row.get(7)?,
        error: row.get(8)?,
        output_bytes: row.get(10)?,
        output_truncated: row.get(11)?,
        output_ref,
    })
}

/// One target of one execution.
pub async fn target(
    tx: &mut Tx,
    execution_id: Uuid,
    node_id: Uuid,
) -> Result<Option<ExecutionTarget>, Error> {
    tx.optional(
        targets_sql!(
            "e.created_at",
            "executions e
                join invocations i on i.execution_id = e.id
                join nodes n on n.id = i.node_id
            where e.id = $1 and i.node_id = $2"
        ),
        &values![execution_id, node_id],
        |row| read_target(row, row.get(0)?),
    )
    .await
}
