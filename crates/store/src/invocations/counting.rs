//! The counts of executions, from which their aggregate status follows.

use super::{Event, Shift};
use crate::db::{Asked, Error, Sql, Tx};
use crate::values;
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::TargetCounts;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// What a recount needs to know of an execution.
pub(super) struct Counted {
    domain_id: Uuid,
    status: ExecutionStatus,
    counts: TargetCounts,
}

/// Asks how executions are counted now.
pub(super) async fn ask_counted(
    tx: &mut Tx,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Asked<'static, 1>, Error> {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    tx.ask(
        Sql::Each {
            sqlite:
                "select domain_id, status, pending, ack, started, succeeded, failed, cancelled, timeout, id
                from executions
                where id = $1",
            // A join looks for each id in its own month alone.
            postgres: "select
                    e.domain_id, e.status, e.pending, e.ack, e.started, e.succeeded, e.failed, e.cancelled,
                    e.timeout, e.id
                from unnest($1::uuid[]) as asked (id) join executions e on e.id = asked.id",
        },
        ids.into_iter().map(|id| values![id]),
    )
    .await
}

pub(super) async fn told_counted(tx: &mut Tx, asked: Asked<'_, 1>) -> Result<HashMap<Uuid, Counted>, Error> {
    let mut found = HashMap::new();
    tx.told(asked, |row| {
        let mut counts = [0; 7];
        for (column, count) in (2..).zip(counts.iter_mut()) {
            *count = row.get(column)?;
        }
        let counted = Counted {
            domain_id: row.get(0)?,
            status: row.get(1)?,
            counts: TargetCounts::from_array(counts),
        };
        found.insert(row.get(9)?, counted);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Counts each touched execution anew, once.
pub(super) async fn settle(
    tx: &mut Tx,
    mut counted: HashMap<Uuid, Counted>,
    shifts: Vec<Shift>,
) -> Result<Vec<Event>, Error> {
    let mut by_execution: BTreeMap<Uuid, Vec<Shift>> = BTreeMap::new();
    for shift in shifts {
        by_execution.entry(shift.execution_id).or_default().push(shift);
    }
    let mut events = Vec::new();
    let mut recounted = Vec::new();
    for (execution_id, shifts) in by_execution {
        let Some(Counted {
            domain_id,
            status,
            mut counts,
        }) = counted.remove(&execution_id)
        else {
            return Err(Error::Corrupt("an invocation without its execution".to_owned()));
        };
        for shift in &shifts {
            counts.shift(shift.from, shift.to);
        }
        let reached = Some(counts.aggregate()).filter(|aggregate| *aggregate != status);
        recounted.push(Recounted {
            execution_id,
            counts,
            reached,
        });
        events.extend(shifts.into_iter().map(|shift| Event {
            execution_id,
            domain_id,
            node_id: shift.node_id,
            from: shift.from,
            to: shift.to,
        }));
    }
    recount(tx, &recounted).await?;
    Ok(events)
}

/// The counts of an execution as they are to be.
struct Recounted {
    execution_id: Uuid,
    counts: TargetCounts,
    /// The aggregate status, where it is another.
    reached: Option<ExecutionStatus>,
}

async fn recount(tx: &mut Tx, executions: &[Recounted]) -> Result<(), Error> {
    let now = tx.now();
    let sets = executions.iter().map(|recounted| {
        let [pending, ack, started, succeeded, failed, cancelled, timeout] = recounted.counts.to_array();
        values![
            recounted.execution_id,
            now,
            pending,
            ack,
            started,
            succeeded,
            failed,
            cancelled,
            timeout,
            recounted.reached,
        ]
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "update executions
                set updated_at = $2, pending = $3, ack = $4, started = $5, succeeded = $6, failed = $7,
                    cancelled = $8, timeout = $9
                where id = $1",
            postgres: "update executions e
                set updated_at = r.now, pending = r.pending, ack = r.ack, started = r.started,
                    succeeded = r.succeeded, failed = r.failed, cancelled = r.cancelled, timeout = r.timeout,
                    status = coalesce(r.reached, e.status)
                from unnest(
                    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::bigint[], $9::bigint[], $10::text[]
                ) as r (id, now, pending, ack, started, succeeded, failed, cancelled, timeout, reached)
                where e.id = r.id",
        },
        sets,
    )
    .await?;
    if tx.is_shared() {
        return Ok(());
    }
    // SQLite writes the three indexes that hold the status whenever a statement names it, and counts change with every
    // report.
    let reached = executions
        .iter()
        .filter_map(|recounted| Some((recounted.execution_id, recounted.reached?)));
    tx.execute_each(
        "update executions set status = $2 where id = $1",
        reached.map(|(id, status)| values![id, status]),
    )
    .await
}
