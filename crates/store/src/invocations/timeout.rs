//! What the deadline does to invocations that nobody reported.

use super::{Event, Shift, record, settle};
use crate::db::{Error, Tx};
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
    for shift in &overdue {
        let error = format!(
            "no report before the deadline (last status: {})",
            shift.from.as_str()
        );
        let now = tx.now();
        tx.execute(
            "update invocations
            set status = 'timeout', updated_at = $3, finished_at = $3, error = $4, last_report = null,
                upload_key = null, live = null
            where execution_id = $1 and node_id = $2",
            &values![shift.execution_id, shift.node_id, now, &error],
        )
        .await?;
        record(tx, shift.execution_id, shift.node_id, shift.to, Some(&error)).await?;
    }
    settle(tx, overdue).await
}
