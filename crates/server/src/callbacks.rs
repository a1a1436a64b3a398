//! The group committer: callbacks that arrive within a moment share one transaction.
//!
//! While one batch is being made durable, the next gathers, until its transaction begins; nobody is answered before the
//! commit that holds their report. Where a commit costs as much as many reports, the next gathers for a moment longer
//! while many report, unless as many wait or are being committed as ever did lately: most likely no more will come
//! before those are answered. Callbacks that commit together share one audit entry per execution (decision 29).

use crate::app::App;
use crate::problem::Failure;
use crate::request::Context;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use plex_api::audit::AuditReason;
use plex_api::codes;
use plex_api::executions::ExecutionStatus;
use plex_domain::execution::Refusal;
use plex_store::invocations::{self, Advance, Event, Outcome};
use plex_store::{Error, Tx, audit};
use ring::digest::{Context as Digest, SHA256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// Callbacks that may wait for a commit; one more is told to try again.
const QUEUE: usize = 8192;
/// Most callbacks in one commit.
const BATCH: usize = 512;
/// Callbacks that are worth a commit of their own at any time.
const ENOUGH: usize = 32;
/// Callbacks in the last commit from which on more can be expected within a moment.
const MANY: usize = 8;
/// Commits that tell how many callbacks there are at once.
const LATELY: usize = 8;

/// Where callbacks are handed in. Clones share it.
#[derive(Clone, Default)]
pub struct Committer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// How many were taken, and are not answered yet.
    under_way: usize,
    /// How many waited or were under way when each of the last transactions began.
    at_once: [usize; LATELY],
    /// Whether there is a transaction that will take them, and has not begun.
    is_called: bool,
    /// Whether nobody commits any more.
    is_closed: bool,
    /// When the last transaction began in which many reported.
    last_of_many: Option<Instant>,
}

/// What is to be done about reports that wait.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// A transaction is to be called for them; whoever is told so calls it.
    Now,
    /// Not before that time, if neither enough for a commit of their own come until then nor all that can be expected.
    At(Instant),
    /// None wait, or there is a transaction that will take them.
    Nothing,
}

/// A callback on its way into a commit.
struct Waiting {
    report: Report,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<Outcome, Failure>>;

impl Committer {
    /// Stores a report; returns once what it answers is durable.
    pub async fn advance(&self, advance: Advance, context: &Context) -> Result<Outcome, Failure> {
        let (answer, answered) = oneshot::channel();
        let report = Report {
            advance,
            correlation_id: context.correlation_id.clone(),
        };
        let busy = || Failure::unavailable(codes::DATASTORE_UNAVAILABLE, "too many reports wait; try again");
        let is_to_be_seen = {
            let mut queue = self.queue();
            if queue.is_closed || queue.waiting.len() >= QUEUE {
                return Err(busy());
            }
            queue.waiting.push(Waiting { report, answer });
            // The others are seen with these.
            matches!(queue.waiting.len(), 1 | ENOUGH) || queue.at_once() == queue.most_at_once()
        };
        // Not while others wait for the queue: to wake a thread takes longer than all else here.
        if is_to_be_seen {
            self.0.arrived.notify_one();
        }
        answered.await.unwrap_or_else(|_| Err(busy()))
    }

    /// How many reports wait.
    pub fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Waits until a transaction is to be called for what waits, where those of many begin so far apart; whoever is told
    /// so calls it.
    async fn called(&self, apart: Duration) {
        loop {
            let arrived = self.0.arrived.notified();
            match self.call(Instant::now(), apart) {
                Call::Now => return,
                Call::At(at) => tokio::select! {
                    () = arrived => {}
                    () = sleep_until(at) => {}
                },
                Call::Nothing => arrived.await,
            }
        }
    }

    /// What is to be done about what waits, where transactions of many begin so far apart.
    fn call(&self, now: Instant, apart: Duration) -> Call {
        let mut queue = self.queue();
        if queue.is_called || queue.waiting.is_empty() {
            return Call::Nothing;
        }
        let at = queue.last_of_many.map(|last| last + apart).filter(|at| now < *at);
        match at {
            Some(at) if queue.waiting.len() < ENOUGH && queue.at_once() < queue.most_at_once() => {
                Call::At(at)
            }
            _ => {
                queue.is_called = true;
                Call::Now
            }
        }
    }

    /// What waits, as much as one transaction takes.
    fn take(&self) -> Batch {
        let mut queue = self.queue();
        queue.is_called = false;
        let most = queue.waiting.len().min(BATCH);
        queue.last_of_many = (most >= MANY).then(Instant::now);
        queue.at_once.rotate_right(1);
        queue.at_once[0] = queue.at_once();
        queue.under_way += most;
        if queue.waiting.len() > most {
            self.0.arrived.notify_one();
        }
        let taken = queue.waiting.drain(..most);
        let (reports, answers): (Vec<Report>, Vec<Answer>) =
            taken.map(|waiting| (waiting.report, waiting.answer)).unzip();
        Batch {
            reports: reports.into(),
            answers: Mutex::new(answers),
        }
    }

    /// As many as were taken have their answer.
    fn have_answer(&self, count: usize) {
        self.queue().under_way -= count;
    }

    /// Takes no more reports, unless some wait.
    fn close(&self) -> bool {
        let mut queue = self.queue();
        queue.is_closed = queue.waiting.is_empty();
        queue.is_closed
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between any two statements that could panic.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// How many wait or are under way.
    fn at_once(&self) -> usize {
        self.waiting.len() + self.under_way
    }

    /// The most that there were of these when one of the last transactions began.
    fn most_at_once(&self) -> usize {
        self.at_once.iter().copied().fold(0, usize::max)
    }
}

/// Commits batch after batch until the server stops and the queue is empty.
pub async fn commit(app: App) {
    let _over = Over(app.committer.clone());
    let mut under_way = FuturesUnordered::new();
    loop {
        // Nobody waits for more where no more come.
        let apart = if app.drained.is_cancelled() {
            Duration::ZERO
        } else {
            app.db.reports_apart()
        };
        let has_room = under_way.len() < app.db.reports_at_once();
        tokio::select! {
            biased;
            Some(()) = under_way.next() => {}
            () = app.committer.called(apart), if has_room => under_way.push(commit_next(&app)),
            () = app.drained.cancelled(), if under_way.is_empty() => if app.committer.close() { return },
        }
    }
}

/// Lets nobody wait for what commits no more, however it ended.
struct Over(Committer);

impl Drop for Over {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_closed = true;
        queue.waiting.clear();
    }
}

/// Reports that commit together, and where each is answered.
struct Batch {
    reports: Arc<[Report]>,
    answers: Mutex<Vec<Answer>>,
}

impl Batch {
    fn answers(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn commit_next(app: &App) {
    let batch = Arc::new(OnceLock::new());
    let taken = {
        let (batch, committer) = (Arc::clone(&batch), app.committer.clone());
        move || Arc::clone(&batch.get_or_init(|| committer.take()).reports)
    };
    let stored = store(app, taken).await;
    // Where the transaction never began, those that wait now are told so.
    let batch = batch.get_or_init(|| app.committer.take());
    match stored {
        Ok(outcomes) => {
            for (answer, outcome) in batch.answers().into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        // One unreadable row must not hold up the others, so each gets a transaction of its own.
        Err(error) if batch.reports.len() > 1 && !matches!(error, Error::Busy | Error::Unavailable(_)) => {
            tracing::error!(error.cause = ?error, "a batch of callbacks failed; storing them one by one");
            for (answer, report) in batch.answers().into_iter().zip(batch.reports.iter()) {
                let alone: Arc<[Report]> = Arc::new([report.clone()]);
                let stored = store(app, move || Arc::clone(&alone)).await;
                let _ = answer.send(
                    stored
                        .map(|mut outcomes| outcomes.remove(0))
                        .map_err(Failure::from),
                );
            }
        }
        Err(error) => {
            tracing::error!(error.cause = ?error, "a batch of callbacks was not stored");
            for answer in batch.answers() {
                let detail = "the report could not be stored now; send it again";
                let _ = answer.send(Err(Failure::unavailable(codes::DATASTORE_UNAVAILABLE, detail)));
            }
        }
    }
    app.committer.have_answer(batch.reports.len());
}

/// A report and the request it came with.
#[derive(Clone)]
struct Report {
    advance: Advance,
    correlation_id: String,
}

/// Stores reports, which are taken when their transaction begins.
async fn store(
    app: &App,
    taken: impl Fn() -> Arc<[Report]> + Clone + Send + 'static,
) -> Result<Vec<Outcome>, Error> {
    let key = app.keys.pseudonyms;
    let take = taken.clone();
    let outcomes = app
        .db
        .report(async move |tx| {
            let reports = take();
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
    let committed = taken();
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

#[cfg(test)]
mod tests;
