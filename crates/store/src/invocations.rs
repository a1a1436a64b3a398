//! Invocations: one row per (execution, node); what nodes report and what the deadline does to them.
//!
//! [`advance`] is the hot path. It takes a batch, decides each report by `domain::execution`, and touches
//! each execution's counts once. What it writes it writes for the whole batch, which on PostgreSQL is one statement
//! for each kind of change.

mod counting;
mod queue;
mod targets;
#[cfg(test)]
mod tests;
mod timeout;
mod writing;

pub use queue::{Audience, Queued, queued, waiting};
pub use targets::{LOCAL_BUCKET, target, targets};
pub(crate) use targets::{attach_targets, read_target, target_columns};
pub use timeout::time_out;
pub use writing::stored;

use crate::db::{Error, Tx};
use crate::nodes::Keys;
use crate::values;
use counting::{ask_counted, settle, told_counted};
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::{Invocation, Refusal, Report, Verdict, judge};
use std::collections::HashSet;
use uuid::Uuid;
use writing::{ask_stored, declare, store, told_stored};

/// One callback, checked but not yet decided.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The execution.
    pub execution_id: Uuid,
    /// The reporting node.
    pub node_id: Uuid,
    /// The keyed hash of the key that it came with.
    pub key: [u8; 32],
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
    /// The key that the report came with is none of the node's, or none any more; nothing changed.
    Stranger,
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

/// Decides and stores a batch of reports, in order; each by the keys that its node has now. Returns an outcome for
/// each, and the events stored.
pub async fn advance(tx: &mut Tx, batch: &[Advance]) -> Result<(Vec<Outcome>, Vec<Event>), Error> {
    let mut outcomes = vec![Outcome::NotFound; batch.len()];
    let mut events = Vec::new();
    let mut left: Vec<usize> = (0..batch.len()).collect();
    // A round holds one report of each invocation, so that a statement for all of them touches no row twice.
    while !left.is_empty() {
        let mut in_round = HashSet::new();
        let (round, later): (Vec<usize>, Vec<usize>) = left
            .into_iter()
            .partition(|index| in_round.insert((batch[*index].execution_id, batch[*index].node_id)));
        let reports: Vec<&Advance> = round.iter().map(|index| &batch[*index]).collect();
        let decided = advance_round(tx, &reports).await?;
        events.extend(decided.events);
        for (index, outcome) in round.into_iter().zip(decided.outcomes) {
            outcomes[index] = outcome;
        }
        left = later;
    }
    Ok((outcomes, events))
}

/// What became of a round.
struct Decided {
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
}

/// A status change whose execution has not been counted anew yet.
struct Shift {
    execution_id: Uuid,
    node_id: Uuid,
    from: ExecutionStatus,
    to: ExecutionStatus,
}

/// What the decision needs to know of an invocation.
#[derive(Clone)]
pub struct Stored {
    /// The status and the last report accepted.
    pub invocation: Invocation,
    /// The upload last declared.
    pub upload: Option<Upload>,
    /// The node's keys.
    pub keys: Keys,
}

async fn advance_round(tx: &mut Tx, reports: &[&Advance]) -> Result<Decided, Error> {
    let ids = reports.iter().map(|report| (report.execution_id, report.node_id));
    let invocations = ask_stored(tx, ids.clone()).await?;
    let executions = ask_counted(tx, ids.map(|(execution_id, _)| execution_id)).await;
    // Where the first question failed, its answer tells why the second did.
    let known = told_stored(tx, invocations).await?;
    let executions = executions?;
    let counted = told_counted(tx, executions).await?;
    let (mut declared, mut advanced, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
    let mut outcomes = Vec::with_capacity(reports.len());
    for report in reports {
        let Some(stored) = known.get(&(report.execution_id, report.node_id)) else {
            outcomes.push(Outcome::NotFound);
            continue;
        };
        if !stored.keys.admit(&report.key, tx.now()) {
            outcomes.push(Outcome::Stranger);
            continue;
        }
        let from = stored.invocation.status;
        outcomes.push(match judge(&stored.invocation, &report.report) {
            Verdict::Refuse(refusal) => Outcome::Refused {
                refusal,
                current: from,
            },
            Verdict::Replay => Outcome::Accepted {
                status: from,
                upload: stored.upload.clone().filter(|_| declares(&report.report)),
            },
            Verdict::Declare => {
                declared.push(*report);
                Outcome::Accepted {
                    status: from,
                    upload: upload_of(report),
                }
            }
            Verdict::Advance => {
                advanced.push(*report);
                shifts.push(Shift {
                    execution_id: report.execution_id,
                    node_id: report.node_id,
                    from,
                    to: report.report.status,
                });
                Outcome::Accepted {
                    status: report.report.status,
                    upload: upload_of(report),
                }
            }
        });
    }
    declared.extend(
        advanced
            .iter()
            .copied()
            .filter(|report| upload_of(report).is_some()),
    );
    // What is declared and advanced is one row, so the one comes after the other.
    declare(tx, &declared).await?;
    let events = tx
        .together(async |tx| {
            store(tx, &advanced).await?;
            settle(tx, counted, shifts).await
        })
        .await?;
    Ok(Decided { outcomes, events })
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

/// The domain whose audit chain an execution belongs to.
pub async fn domain_of(tx: &mut Tx, execution_id: Uuid) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select domain_id from executions where id = $1",
        &values![execution_id],
        |row| row.get(0),
    )
    .await
}
