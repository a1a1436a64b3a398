//! Invocations: one row per (execution, node); what nodes report and what the deadline does to them.
//!
//! [`advance`] is the hot path. It takes a batch, decides each report by `domain::execution`, and touches
//! each execution's counts once.

mod queue;
mod targets;
#[cfg(test)]
mod tests;
mod timeout;

pub use queue::{Audience, Queued, queued, waiting};
pub use targets::{LOCAL_BUCKET, attach_targets, target, targets};
pub use timeout::time_out;

use crate::db::{Error, Tx};
use crate::values;
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::{Invocation, Refusal, Report, TargetCounts, Verdict, judge};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One callback, checked but not yet decided.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The execution.
    pub execution_id: Uuid,
    /// The reporting node.
    pub node_id: Uuid,
    /// The state reached, and the digest that tells a replay.
    pub report: Report,
    /// The process's exit code.
    pub exit_code: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// SHA-256 of the output to come, lowercase hex.
    pub declared_sha256: Option<String>,
    /// A fresh upload key, for a report that declares an output over the inline ceiling.
    pub upload_key: Option<String>,
    /// The output of a terminal report.
    pub output: Option<Output>,
}

/// The output of a terminal report.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where it is.
    pub place: OutputPlace,
    /// Whether the node cut it.
    pub truncated: bool,
}

/// Where an output is.
#[derive(Debug, Clone)]
pub enum OutputPlace {
    /// In the callback.
    Inline(Vec<u8>),
    /// In the object store, already verified and moved to `key`.
    Object {
        /// The final key.
        key: String,
        /// Its length.
        bytes: u64,
        /// Its SHA-256, lowercase hex.
        sha256: String,
    },
}

/// An upload that a node may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The key to upload to.
    pub key: String,
    /// The exact length.
    pub bytes: u64,
    /// The SHA-256 that the node announced, lowercase hex.
    pub sha256: Option<String>,
}

/// What became of an [`Advance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored, or stored before by the very same report.
    Accepted {
        /// The status now.
        status: ExecutionStatus,
        /// Where to put the declared output.
        upload: Option<Upload>,
    },
    /// Not legal now; nothing changed.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The status as it stands.
        current: ExecutionStatus,
    },
    /// This node has no such invocation.
    NotFound,
}

/// A status reached, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The execution.
    pub execution_id: Uuid,
    /// The execution's domain.
    pub domain_id: Uuid,
    /// The node.
    pub node_id: Uuid,
    /// From which status.
    pub from: ExecutionStatus,
    /// To which status.
    pub to: ExecutionStatus,
}

/// Decides and stores a batch of reports, in order. Returns an outcome for each, and the events stored.
pub async fn advance(tx: &mut Tx, batch: &[Advance]) -> Result<(Vec<Outcome>, Vec<Event>), Error> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut shifts = Vec::with_capacity(batch.len());
    for report in batch {
        let (outcome, shift) = advance_one(tx, report).await?;
        outcomes.push(outcome);
        shifts.extend(shift);
    }
    let events = settle(tx, shifts).await?;
    Ok((outcomes, events))
}

/// A status change whose execution has not been counted anew yet.
struct Shift {
    execution_id: Uuid,
    node_id: Uuid,
    from: ExecutionStatus,
    to: ExecutionStatus,
}

/// What the decision needs to know of an invocation.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The status and the last report accepted.
    pub invocation: Invocation,
    /// The upload last declared.
    pub upload: Option<Upload>,
}

async fn advance_one(tx: &mut Tx, report: &Advance) -> Result<(Outcome, Option<Shift>), Error> {
    let Some(stored) = stored(tx, report.execution_id, report.node_id).await? else {
        return Ok((Outcome::NotFound, None));
    };
    let from = stored.invocation.status;
    let to = report.report.status;
    match judge(&stored.invocation, &report.report) {
        Verdict::Refuse(refusal) => Ok((
            Outcome::Refused {
                refusal,
                current: from,
            },
            None,
        )),
        Verdict::Replay => {
            let upload = stored.upload.filter(|_| declares(&report.report));
            Ok((Outcome::Accepted { status: from, upload }, None))
        }
        Verdict::Declare => {
            declare(tx, report).await?;
            Ok((
                Outcome::Accepted {
                    status: from,
                    upload: upload_of(report),
                },
                None,
            ))
        }
        Verdict::Advance => {
            store(tx, report).await?;
            let shift = Shift {
                execution_id: report.execution_id,
                node_id: report.node_id,
                from,
                to,
            };
            Ok((
                Outcome::Accepted {
                    status: to,
                    upload: upload_of(report),
                },
                Some(shift),
            ))
        }
    }
}

/// Whether the answer to this report carries an upload URL.
fn declares(report: &Report) -> bool {
    !report.status.is_terminal()
        && report
            .declared_bytes
            .is_some_and(|bytes| bytes > plex_api::limits::INLINE_OUTPUT_BYTES as u64)
}

fn upload_of(report: &Advance) -> Option<Upload> {
    declares(&report.report).then_some(())?;
    Some(Upload {
        key: report.upload_key.clone()?,
        bytes: report.report.declared_bytes?,
        sha256: report.declared_sha256.clone(),
    })
}

/// What is stored of one invocation.
pub async fn stored(tx: &mut Tx, execution_id: Uuid, node_id: Uuid) -> Result<Option<Stored>, Error> {
    tx.optional(
        "select status, last_report, upload_key, declared_bytes, declared_sha256
        from invocations
        where execution_id = $1 and node_id = $2",
        &values![execution_id, node_id],
        |row| {
            let key: Option<String> = row.get(2)?;
            let bytes: Option<u64> = row.get(3)?;
            let sha256 = row.get(4)?;
            Ok(Stored {
                invocation: Invocation {
                    status: row.get(0)?,
                    last_report: row.get(1)?,
                },
                upload: key.zip(bytes).map(|(key, bytes)| Upload { key, bytes, sha256 }),
            })
        },
    )
    .await
}

async fn declare(tx: &mut Tx, report: &Advance) -> Result<(), Error> {
    tx.execute(
        "update invocations
        set declared_bytes = $3, declared_sha256 = $4, upload_key = $5, last_report = $6
        where execution_id = $1 and node_id = $2",
        &values![
            report.execution_id,
            report.node_id,
            report.report.declared_bytes,
            report.declared_sha256.as_deref(),
            report.upload_key.as_deref(),
            &report.report.digest,
        ],
    )
    .await?;
    Ok(())
}

async fn store(tx: &mut Tx, report: &Advance) -> Result<(), Error> {
    let now = tx.now();
    let status = report.report.status;
    if upload_of(report).is_some() {
        declare(tx, report).await?;
    }
    if status.is_terminal() {
        finish(tx, report).await?;
    } else {
        let started_at = (status == ExecutionStatus::Started).then_some(now);
        tx.execute(
            "update invocations
            set status = $3, updated_at = $4, started_at = coalesce($5, started_at), last_report = $6
            where execution_id = $1 and node_id = $2",
            &values![
                report.execution_id,
                report.node_id,
                status,
                now,
                started_at,
                &report.report.digest
            ],
        )
        .await?;
    }
    record(
        tx,
        report.execution_id,
        report.node_id,
        status,
        report.error.as_deref(),
    )
    .await
}

async fn finish(tx: &mut Tx, report: &Advance) -> Result<(), Error> {
    let place = report.output.as_ref().map(|output| &output.place);
    let (kind, bytes, key, sha256) = match place {
        None => (None, None, None, None),
        Some(OutputPlace::Inline(bytes)) => (Some("inline"), Some(bytes.len() as u64), None, None),
        Some(OutputPlace::Object { key, bytes, sha256 }) => (
            Some("object_store"),
            Some(*bytes),
            Some(key.as_str()),
            Some(sha256.as_str()),
        ),
    };
    let output_id = match place {
        Some(OutputPlace::Inline(bytes)) => keep_inline(tx, bytes).await?,
        Some(OutputPlace::Object { .. }) | None => None,
    };
    tx.execute(
        "update invocations
        set status = $3, updated_at = $4, finished_at = $4, exit_code = $5, error = $6, output_kind = $7,
            output_bytes = $8, output_truncated = $9, output_key = $10, output_sha256 = $11, last_report = $12,
            output_id = $13, upload_key = null, live = null
        where execution_id = $1 and node_id = $2",
        &values![
            report.execution_id,
            report.node_id,
            report.report.status,
            tx.now(),
            report.exit_code,
            report.error.as_deref(),
            kind,
            bytes,
            report.output.as_ref().map(|output| output.truncated),
            key,
            sha256,
            &report.report.digest,
            output_id,
        ],
    )
    .await?;
    Ok(())
}

async fn keep_inline(tx: &mut Tx, bytes: &[u8]) -> Result<Option<i64>, Error> {
    let sql = "insert into outputs (bytes) values ($1) returning id";
    tx.optional(sql, &values![bytes], |row| row.get(0)).await
}

async fn record(
    tx: &mut Tx,
    execution_id: Uuid,
    node_id: Uuid,
    status: ExecutionStatus,
    detail: Option<&str>,
) -> Result<(), Error> {
    tx.execute(
        "insert into execution_events (execution_id, node_id, status, occurred_at, detail)
        values ($1, $2, $3, $4, $5)",
        &values![execution_id, node_id, status, tx.now(), detail],
    )
    .await?;
    Ok(())
}

/// Counts each touched execution anew, once.
async fn settle(tx: &mut Tx, shifts: Vec<Shift>) -> Result<Vec<Event>, Error> {
    let mut by_execution: BTreeMap<Uuid, Vec<Shift>> = BTreeMap::new();
    for shift in shifts {
        by_execution.entry(shift.execution_id).or_default().push(shift);
    }
    let mut events = Vec::new();
    for (execution_id, shifts) in by_execution {
        let Counted {
            domain_id,
            status,
            mut counts,
        } = counted(tx, execution_id).await?;
        for shift in &shifts {
            counts.shift(shift.from, shift.to);
        }
        recount(tx, execution_id, &counts).await?;
        if counts.aggregate() != status {
            set_aggregate(tx, execution_id, counts.aggregate()).await?;
        }
        events.extend(shifts.into_iter().map(|shift| Event {
            execution_id,
            domain_id,
            node_id: shift.node_id,
            from: shift.from,
            to: shift.to,
        }));
    }
    Ok(events)
}

/// What a recount needs to know of an execution.
struct Counted {
    domain_id: Uuid,
    status: ExecutionStatus,
    counts: TargetCounts,
}

async fn counted(tx: &mut Tx, execution_id: Uuid) -> Result<Counted, Error> {
    tx.optional(
        "select domain_id, status, pending, ack, started, succeeded, failed, cancelled, timeout
        from executions
        where id = $1",
        &values![execution_id],
        |row| {
            let mut counts = [0; 7];
            for (column, count) in (2..).zip(counts.iter_mut()) {
                *count = row.get(column)?;
            }
            Ok(Counted {
                domain_id: row.get(0)?,
                status: row.get(1)?,
                counts: TargetCounts::from_array(counts),
            })
        },
    )
    .await?
    .ok_or_else(|| Error::Corrupt("an invocation without its execution".to_owned()))
}

async fn recount(tx: &mut Tx, execution_id: Uuid, counts: &TargetCounts) -> Result<(), Error> {
    let [pending, ack, started, succeeded, failed, cancelled, timeout] = counts.to_array();
    tx.execute(
        "update executions
        set updated_at = $2, pending = $3, ack = $4, started = $5, succeeded = $6, failed = $7, cancelled = $8,
            timeout = $9
        where id = $1",
        &values![
            execution_id,
            tx.now(),
            pending,
            ack,
            started,
            succeeded,
            failed,
            cancelled,
            timeout,
        ],
    )
    .await?;
    Ok(())
}

/// Apart from the counts, which change with every report, because three indexes hold the status.
async fn set_aggregate(tx: &mut Tx, execution_id: Uuid, status: ExecutionStatus) -> Result<(), Error> {
    let sql = "update executions set status = $2 where id = $1";
    tx.execute(sql, &values![execution_id, status]).await?;
    Ok(())
}

/// The domain whose audit chain an execution belongs to.
pub async fn domain_of(tx: &mut Tx, execution_id: Uuid) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select domain_id from executions where id = $1",
        &values![execution_id],
        |row| row.get(0),
    )
    .await
}
