//! Invocations as the log shows them: the targets of an execution.

use crate::db::{Error, Row, Tx, id_list};
use crate::nodes;
use crate::values;
use jiff::Timestamp;
use plex_api::executions::{Execution, ExecutionTarget, OutputRef};
use std::collections::HashMap;
use uuid::Uuid;

/// The bucket of outputs in the embedded object store.
pub const LOCAL_BUCKET: &str = "local";

/// What [`read_target`] reads, in its order.
macro_rules! target_columns {
    () => {
        "i.node_id, i.status, i.updated_at, i.started_at, i.finished_at, i.exit_code, i.error,
            i.output_kind, i.output_bytes, i.output_truncated, i.output_key, i.output_sha256"
    };
}
pub(crate) use target_columns;

macro_rules! targets_sql {
    ($first:literal, $rest:literal) => {
        concat!("select ", $first, ", ", target_columns!(), " from ", $rest)
    };
}

/// The targets of one execution by node id, at most `limit`. Inline outputs come without their bytes.
pub async fn targets(tx: &mut Tx, execution_id: Uuid, limit: u32) -> Result<Vec<ExecutionTarget>, Error> {
    let mut targets = tx
        .all(
            targets_sql!(
                "e.created_at",
                "executions e join invocations i on i.execution_id = e.id
                where e.id = $1
                order by i.node_id
                limit $2"
            ),
            &values![execution_id, limit],
            |row| read_target(row, 1, row.get(0)?),
        )
        .await?;
    nodes::name(tx, targets.iter_mut()).await?;
    Ok(targets)
}

/// Gives several executions all of their targets, in one statement.
pub(crate) async fn attach_targets(tx: &mut Tx, executions: &mut [&mut Execution]) -> Result<(), Error> {
    let places: HashMap<Uuid, usize> = executions
        .iter()
        .enumerate()
        .map(|(place, execution)| (execution.id, place))
        .collect();
    let ids: Vec<Uuid> = executions.iter().map(|execution| execution.id).collect();
    // The executions are at hand, so their rows need not be looked up again.
    tx.each(
        targets_sql!(
            "i.execution_id",
            "json_each($1) ids cross join invocations i on i.execution_id = unhex(ids.value)"
        ),
        &values![&id_list(&ids)],
        |row| {
            let place = places.get(&row.get(0)?);
            let place = place.ok_or_else(|| Error::Corrupt("a target of another execution".to_owned()))?;
            let execution = &mut executions[*place];
            let target = read_target(row, 1, execution.created_at)?;
            execution.targets.push(target);
            Ok(())
        },
    )
    .await?;
    nodes::name(
        tx,
        executions.iter_mut().flat_map(|execution| &mut execution.targets),
    )
    .await
}

/// Reads a target from a column on; [`nodes::name`] gives it its node's name.
pub(crate) fn read_target(
    row: &Row<'_>,
    first: usize,
    created_at: Timestamp,
) -> Result<ExecutionTarget, Error> {
    let kind: Option<String> = row.get(first + 7)?;
    let output_ref = match kind.as_deref() {
        None => None,
        Some("inline") => Some(OutputRef::Inline { inline_bytes: None }),
        Some(_) => Some(OutputRef::ObjectStore {
            bucket: LOCAL_BUCKET.to_owned(),
            key: row.get(first + 10)?,
            sha256: row.get(first + 11)?,
        }),
    };
    Ok(ExecutionTarget {
        node_id: row.get(first)?,
        node_name: None,
        status: row.get(first + 1)?,
        created_at,
        updated_at: row.get(first + 2)?,
        started_at: row.get(first + 3)?,
        finished_at: row.get(first + 4)?,
        exit_code: row.get(first + 5)?,
        error: row.get(first + 6)?,
        output_bytes: row.get(first + 8)?,
        output_truncated: row.get(first + 9)?,
        output_ref,
    })
}

/// One target of one execution.
pub async fn target(
    tx: &mut Tx,
    execution_id: Uuid,
    node_id: Uuid,
) -> Result<Option<ExecutionTarget>, Error> {
    let mut target = tx
        .optional(
            targets_sql!(
                "e.created_at",
                "executions e join invocations i on i.execution_id = e.id
                where e.id = $1 and i.node_id = $2"
            ),
            &values![execution_id, node_id],
            |row| read_target(row, 1, row.get(0)?),
        )
        .await?;
    nodes::name(tx, target.iter_mut()).await?;
    Ok(target)
}
