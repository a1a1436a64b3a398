//! The group committer: callbacks that arrive within a moment share one transaction.
//!
//! While one batch is being made durable, the next gathers; nobody is answered before the commit that
//! holds their report. Callbacks that commit together share one audit entry per execution (decision 29).

use crate::app::App;
use crate::problem::Failure;
use crate::request::Context;
use plex_api::audit::AuditReason;
use plex_api::codes;
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::Refusal;
use plex_store::invocations::{self, Advance, Event, Outcome};
use plex_store::{Error, Tx, audit};
use ring::digest::{Context as Digest, SHA256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Callbacks that may wait for a commit; one more is told to try again.
const QUEUE: usize = 8192;
/// Most callbacks in one commit.
const BATCH: usize = 512;

/// Where callbacks are handed in.
pub struct Committer(mpsc::Sender<Waiting>);

/// A callback on its way into a commit.
pub struct Waiting {
    advance: Advance,
    correlation_id: String,
    answer: oneshot::Sender<Result<Outcome, Failure>>,
}

/// A committer and the end that [`commit`] works off.
pub fn committer() -> (Committer, mpsc::Receiver<Waiting>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Committer(sender), receiver)
}

impl Committer {
    /// Stores a report; returns once what it answers is durable.
    pub async fn advance(&self, advance: Advance, context: &Context) -> Result<Outcome, Failure> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            advance,
            correlation_id: context.correlation_id.clone(),
            answer,
        };
        let busy = || Failure::unavailable(codes::DATASTORE_UNAVAILABLE, "too many reports wait; try again");
        self.0.try_send(waiting).map_err(|_| busy())?;
        answered.await.unwrap_or_else(|_| Err(busy()))
    }

    /// How many reports wait.
    pub fn waiting(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}

/// Commits batch after batch until the server stops and the queue is empty.
pub async fn commit(app: App, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            received = queue.recv_many(&mut batch, BATCH) => if received == 0 { return },
            () = app.drained.cancelled(), if queue.is_empty() => return,
        }
        commit_batch(&app, std::mem::take(&mut batch)).await;
    }
}

async fn commit_batch(app: &App, batch: Vec<Waiting>) {
    let (reports, answers): (Vec<Report>, Vec<_>) = batch
        .into_iter()
        .map(|waiting| {
            (
                Report {
                    advance: waiting.advance,
                    correlation_id: waiting.correlation_id,
                },
                waiting.answer,
            )
        })
        .unzip();
    let reports: Arc<[Report]> = reports.into();
    match store(app, Arc::clone(&reports)).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        // One unreadable row must not hold up the others, so each gets a transaction of its own.
        Err(error) if reports.len() > 1 && !matches!(error, Error::Busy | Error::Unavailable(_)) => {
            tracing::error!(error.cause = ?error, "a batch of callbacks failed; storing them one by one");
            for (answer, report) in answers.into_iter().zip(reports.iter()) {
                let stored = store(app, Arc::new([report.clone()])).await;
                let _ = answer.send(
                    stored
                        .map(|mut outcomes| outcomes.remove(0))
                        .map_err(Failure::from),
                );
            }
        }
        Err(error) => {
            tracing::error!(error.cause = ?error, "a batch of callbacks was not stored");
            for answer in answers {
                let detail = "the report could not be stored now; send it again";
                let _ = answer.send(Err(Failure::unavailable(codes::DATASTORE_UNAVAILABLE, detail)));
            }
        }
    }
}

/// A report and the request it came with.
#[derive(Clone)]
struct Report {
    advance: Advance,
    correlation_id: String,
}

async fn store(app: &App, reports: Arc<[Report]>) -> Result<Vec<Outcome>, Error> {
    let key = app.keys.pseudonyms;
    let committed = Arc::clone(&reports);
    let outcomes = app
        .db
        .report(async move |tx| {
            let advances: Vec<Advance> = reports.iter().map(|report| report.advance.clone()).collect();
            let (outcomes, events) = invocations::advance(tx, &advances).await?;
            let correlation_of = |execution_id| {
                let first = reports
                    .iter()
                    .find(|report| report.advance.execution_id == execution_id);
                first
                    .map(|report| report.correlation_id.clone())
                    .unwrap_or_default()
            };
            let mut entries = records("callback", &events, correlation_of);
            entries.extend(late_results(tx, &reports, &outcomes).await?);
            audit::append_all(tx, &key, entries).await?;
            Ok::<_, Error>(outcomes)
        })
        .await?;
    // Not in the transaction, which may run more than once.
    app.metrics.commit_batches.observe(committed.len() as u64);
    let late = committed.iter().zip(&outcomes);
    let late = late.filter(|(report, outcome)| is_late(report, outcome)).count();
    app.metrics.late_results.add(late as u64);
    Ok(outcomes)
}

/// One audit entry per execution, holding the digest over its events.
pub fn records(
    relation: &str,
    events: &[Event],
    correlation_of: impl Fn(Uuid) -> String,
) -> Vec<audit::Record> {
    let mut by_execution: BTreeMap<Uuid, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_execution.entry(event.execution_id).or_default().push(event);
    }
    let entry = |(execution_id, events): (Uuid, Vec<&Event>)| {
        let only = events
            .iter()
            .all(|event| event.node_id == events[0].node_id)
            .then(|| events[0].node_id);
        let by_deadline = events[0].to == ExecutionStatus::Timeout;
        audit::Record {
            domain_id: Some(events[0].domain_id),
            reason: AuditReason::Granted,
            identity: only
                .filter(|_| !by_deadline)
                .map_or_else(|| "system".to_owned(), |id| format!("node:{id}")),
            relation: relation.to_owned(),
            object_type: "execution".to_owned(),
            object_id: execution_id.to_string(),
            correlation_id: correlation_of(execution_id),
            ip: None,
            user_agent: None,
            caveats: BTreeMap::new(),
            count: u32::try_from(events.len()).unwrap_or(u32::MAX),
            details: Some(digest(&events)),
        }
    };
    by_execution.into_iter().map(entry).collect()
}

/// SHA-256 over `node id ‖ from ‖ 0 ‖ to ‖ 0` of each event, in commit order, as lowercase hex.
fn digest(events: &[&Event]) -> String {
    let mut digest = Digest::new(&SHA256);
    for event in events {
        digest.update(event.node_id.as_bytes());
        for word in [event.from.as_str(), event.to.as_str()] {
            digest.update(word.as_bytes());
            digest.update(&[0]);
        }
    }
    format!(
        "events sha256:{}",
        data_encoding::HEXLOWER.encode(digest.finish().as_ref())
    )
}

/// Whether it is a result that came after `timeout`.
fn is_late(report: &Report, outcome: &Outcome) -> bool {
    let timed_out = Outcome::Refused {
        refusal: Refusal::AlreadyTerminal,
        current: ExecutionStatus::Timeout,
    };
    *outcome == timed_out && report.advance.report.status.is_terminal()
}

/// A result that came after `timeout` is refused, but it is evidence: it is audited (decision 16).
async fn late_results(
    tx: &mut Tx,
    reports: &[Report],
    outcomes: &[Outcome],
) -> Result<Vec<audit::Record>, Error> {
    let mut records = Vec::new();
    for (report, outcome) in reports.iter().zip(outcomes) {
        if !is_late(report, outcome) {
            continue;
        }
        let status = report.advance.report.status;
        let (execution_id, node_id) = (report.advance.execution_id, report.advance.node_id);
        tracing::warn!(execution.id = %execution_id, node.id = %node_id, "a result came after its deadline");
        records.push(audit::Record {
            domain_id: invocations::domain_of(tx, execution_id).await?,
            reason: AuditReason::Granted,
            identity: format!("node:{node_id}"),
            relation: "late_result".to_owned(),
            object_type: "execution".to_owned(),
            object_id: execution_id.to_string(),
            correlation_id: report.correlation_id.clone(),
            ip: None,
            user_agent: None,
            caveats: BTreeMap::new(),
            count: 1,
            details: Some(format!("reported {}", status.as_str())),
        });
    }
    Ok(records)
}
