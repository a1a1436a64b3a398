//! What the deadline does to invocations that nobody reported.

use super::counting::{ask_counted, settle, told_counted};
use super::writing::record;
use super::{Event, Shift};
use crate::db::{Error, Sql, Tx};
use crate::values;
use jiff::Timestamp;
use plex_api::executions::ExecutionStatus;

/// Sets `timeout` on at most `limit` invocations whose execution expired before `cutoff`.
///
/// It compares and sets, so that any number of replicas may do it at once.
pub async fn time_out(tx: &mut Tx, cutoff: Timestamp, limit: u32) -> Result<Vec<Event>, Error> {
    let overdue = tx
        .all(
            "select i.execution_id, i.node_id, i.status
            from executions e join invocations i on i.execution_id = e.id
            where e.expires_at < $1
                and e.status in ('pending', 'ack', 'started')
                and i.status in ('pending', 'ack', 'started')
            order by e.expires_at
            limit $2",
            &values![cutoff, limit],
            |row| {
                let from = row.get(2)?;
                let to = ExecutionStatus::Timeout;
                Ok(Shift {
                    execution_id: row.get(0)?,
                    node_id: row.get(1)?,
                    from,
                    to,
                })
            },
        )
        .await?;
    let now = tx.now();
    let errors: Vec<String> = overdue.iter().map(told).collect();
    tx.execute_each(
        Sql::Each {
            sqlite: "update invocations
                set status = 'timeout', updated_at = $3, finished_at = $3, error = $4, last_report = null,
                    upload_key = null, live = null
                where execution_id = $1 and node_id = $2",
            postgres: "update invocations i
                set status = 'timeout', updated_at = r.now, finished_at = r.now, error = r.error,
                    last_report = null, upload_key = null, live = null
                from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[])
                    as r (execution_id, node_id, now, error)
                where i.execution_id = r.execution_id and i.node_id = r.node_id",
        },
        overdue
            .iter()
            .zip(&errors)
            .map(|(shift, error)| values![shift.execution_id, shift.node_id, now, error]),
    )
    .await?;
    let events = overdue.iter().zip(&errors).map(|(shift, error)| {
        (
            (shift.execution_id, shift.node_id, shift.to),
            Some(error.as_str()),
        )
    });
    record(tx, events).await?;
    let asked = ask_counted(tx, overdue.iter().map(|shift| shift.execution_id)).await?;
    let counted = told_counted(tx, asked).await?;
    settle(tx, counted, overdue).await
}

fn told(shift: &Shift) -> String {
    format!(
        "no report before the deadline (last status: {})",
        shift.from.as_str()
    )
}
