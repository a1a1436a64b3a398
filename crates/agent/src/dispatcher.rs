//! The one owner of what this agent is doing. It decides what is taken on, what may start, and what is over; others
//! act and send messages.
//!
//! An execution is *live* from its acceptance until it is settled. At most so many bodies run at once; those that wait
//! for their turn do so in the order in which they were acknowledged. The journal is written here and nowhere
//! else, before the answer that lets the step happen.

use crate::delivery::Job;
use crate::executor::{Departure, Executor};
use crate::journal::{Journal, JournalError, Stage};
use crate::spool::{Outcome, Spooled};
use plex_domain::env::Clock;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many executions may be live at once; what exceeds this is left for a later delivery.
const MOST_LIVE: usize = 1024;
/// How long running bodies may go on after a stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long a killed body may take until its result is on disk.
const KILL_GRACE: Duration = Duration::from_secs(8);
/// How long reports may take after the last body is over; the rest waits on disk for the next start.
const FLUSH: Duration = Duration::from_secs(3);

/// The two degrees of stopping.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Take no more work.
    pub soft: CancellationToken,
    /// Kill what runs.
    pub hard: CancellationToken,
}

/// The answer to who waits for a turn.
#[derive(Debug)]
pub enum Turn {
    /// The body may run; the journal says so already.
    Granted,
    /// It must not run, for this reason.
    Refused(String),
}

enum Message {
    Deliver(Box<Job>),
    Refuse(Uuid, &'static str),
    ReconcileStarted(Uuid),
    WantsTurn(Uuid, oneshot::Sender<Turn>),
    BodyOver(Uuid),
    Left(Uuid, Departure),
}

/// Where the dispatcher is told things.
#[derive(Debug, Clone)]
pub struct Inbox(mpsc::Sender<Message>);

/// What the dispatcher hears.
pub struct Messages(mpsc::Receiver<Message>);

/// A channel to a dispatcher.
pub fn channel() -> (Inbox, Messages) {
    let (sender, receiver) = mpsc::channel(256);
    (Inbox(sender), Messages(receiver))
}

impl Inbox {
    /// A genuine job has arrived, perhaps not for the first time.
    pub(crate) async fn deliver(&self, job: Box<Job>) {
        self.send(Message::Deliver(job)).await;
    }

    /// An execution waits for this node that it must not run.
    pub(crate) async fn refuse(&self, execution_id: Uuid, reason: &'static str) {
        self.send(Message::Refuse(execution_id, reason)).await;
    }

    /// The server believes that this execution runs here.
    pub(crate) async fn reconcile_started(&self, execution_id: Uuid) {
        self.send(Message::ReconcileStarted(execution_id)).await;
    }

    /// Waits for the turn of an execution; `None` when there will be none.
    pub(crate) async fn turn(&self, execution_id: Uuid) -> Option<Turn> {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::WantsTurn(execution_id, sender)).await;
        receiver.await.ok()
    }

    /// The body of an execution is over and its result is safe.
    pub(crate) async fn body_over(&self, execution_id: Uuid) {
        self.send(Message::BodyOver(execution_id)).await;
    }

    async fn send(&self, message: Message) {
        // A dispatcher that is gone has no more decisions to make.
        let _ = self.0.send(message).await;
    }
}

/// The dispatcher; see the module.
pub struct Dispatcher {
    journal: Journal,
    clock: Arc<dyn Clock>,
    executor: Arc<Executor>,
    most_running: usize,
    inbox: Inbox,
    messages: Messages,
    stops: Stops,
    live: HashSet<Uuid>,
    running: HashSet<Uuid>,
    waiting: VecDeque<(Uuid, oneshot::Sender<Turn>)>,
}

impl Dispatcher {
    /// A dispatcher that lets `most_running` bodies run at once.
    pub fn new(
        (journal, clock): (Journal, Arc<dyn Clock>),
        executor: Arc<Executor>,
        most_running: usize,
        (inbox, messages): (Inbox, Messages),
        stops: Stops,
    ) -> Self {
        let (live, running, waiting) = Default::default();
        Self {
            journal,
            clock,
            executor,
            most_running,
            inbox,
            messages,
            stops,
            live,
            running,
            waiting,
        }
    }

    /// Reports what an earlier run left behind, then works until it is stopped and nothing is left to wait for.
    pub async fn run(mut self) {
        self.recover();
        while !self.stops.soft.is_cancelled() {
            tokio::select! {
                message = self.messages.0.recv() => self.handle(message),
                () = self.stops.soft.clone().cancelled_owned() => {}
            }
        }
        // Those who wait hear that there will be no turn; they stay in the journal as accepted.
        self.waiting.clear();
        self.handle_until(Instant::now() + GRACE, |this| {
            this.running.is_empty() || this.stops.hard.is_cancelled()
        })
        .await;
        self.stops.hard.cancel();
        self.handle_until(Instant::now() + KILL_GRACE, |this| this.running.is_empty())
            .await;
        self.handle_until(Instant::now() + FLUSH, |this| this.live.is_empty())
            .await;
    }

    async fn handle_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            tokio::select! {
                message = self.messages.0.recv() => self.handle(message),
                () = self.stops.hard.clone().cancelled_owned(), if !self.stops.hard.is_cancelled() => {}
                () = sleep_until(end) => return,
            }
        }
    }

    fn handle(&mut self, message: Option<Message>) {
        // The dispatcher holds a sender itself, so the channel cannot end.
        let Some(message) = message else { return };
        match message {
            Message::Deliver(job) => self.deliver(job),
            Message::Refuse(id, reason) => self.refuse(id, reason),
            Message::ReconcileStarted(id) => self.reconcile_started(id),
            Message::WantsTurn(id, turn) => self.waiting.push_back((id, turn)),
            Message::BodyOver(id) => {
                self.running.remove(&id);
            }
            Message::Left(id, departure) => self.left(id, departure),
        }
        self.grant_turns();
    }

    fn recover(&mut self) {
        let spooled = self.executor.spooled();
        for id in self
            .journal
            .at(Stage::Started)
            .into_iter()
            .filter(|id| !spooled.contains(id))
        {
            tracing::warn!(execution.id = %id, "execution was cut short by the end of the agent");
            self.conclude(id, Outcome::failed("interrupted"));
        }
        for id in spooled {
            self.live.insert(id);
            let executor = self.executor.clone();
            self.spawn(id, async move { executor.resume(id).await });
        }
    }

    /// Takes a job on unless it was taken on before. One that was accepted and never started, before an agent's restart,
    /// is taken up again.
    fn deliver(&mut self, job: Box<Job>) {
        let id = job.execution_id;
        match self.journal.stage(id) {
            Some(Stage::Started | Stage::Settled) => return,
            Some(Stage::Accepted) | None => {}
        }
        if self.stops.soft.is_cancelled() || self.live.contains(&id) || self.live.len() >= MOST_LIVE {
            return;
        }
        if let Err(error) = self.note(id, Stage::Accepted) {
            return self.conclude(id, Outcome::failed(unjournaled(&error)));
        }
        tracing::info!(execution.id = %id, action = %plex_domain::text::printable(&job.action), "execution accepted");
        self.live.insert(id);
        let (executor, inbox, stops) = (self.executor.clone(), self.inbox.clone(), self.stops.clone());
        self.spawn(id, async move { executor.perform(*job, &inbox, &stops).await });
    }

    fn refuse(&mut self, id: Uuid, reason: &str) {
        if self.journal.stage(id).is_none() && !self.stops.soft.is_cancelled() {
            self.conclude(id, Outcome::failed(reason));
        }
    }

    /// An execution that the server saw start and that is neither live nor journaled as started was lost with a
    /// journal. It may have run, so it is over.
    fn reconcile_started(&mut self, id: Uuid) {
        match self.journal.stage(id) {
            Some(Stage::Started | Stage::Settled) => {}
            Some(Stage::Accepted) | None => self.conclude(id, Outcome::failed("interrupted")),
        }
    }

    /// Reports an outcome of an execution that does not run here.
    fn conclude(&mut self, id: Uuid, outcome: Outcome) {
        if !self.live.insert(id) {
            return;
        }
        let executor = self.executor.clone();
        let result = Spooled {
            execution_id: id,
            outcome,
            output: Vec::new(),
        };
        self.spawn(id, async move {
            executor.conclude(result, Instant::now(), None).await
        });
    }

    fn grant_turns(&mut self) {
        while self.running.len() < self.most_running && !self.stops.soft.is_cancelled() {
            let Some((id, turn)) = self.waiting.pop_front() else {
                return;
            };
            if turn.is_closed() {
                continue;
            }
            match self.note(id, Stage::Started) {
                Ok(()) => {
                    self.running.insert(id);
                    if turn.send(Turn::Granted).is_err() {
                        self.running.remove(&id);
                    }
                }
                Err(error) => {
                    let _ = turn.send(Turn::Refused(unjournaled(&error)));
                }
            }
        }
    }

    fn left(&mut self, id: Uuid, departure: Departure) {
        self.live.remove(&id);
        self.running.remove(&id);
        match departure {
            Departure::Settled => {
                if let Err(error) = self.note(id, Stage::Settled) {
                    tracing::warn!(execution.id = %id, reason = %error, "journal not written");
                }
            }
            Departure::Deferred => {}
        }
    }

    fn note(&mut self, id: Uuid, stage: Stage) -> Result<(), JournalError> {
        let now = self.clock.now();
        // Flushing takes as long as the disk does; other tasks go on meanwhile.
        tokio::task::block_in_place(|| self.journal.note(id, stage, now))
    }

    fn spawn(&self, id: Uuid, work: impl Future<Output = Departure> + Send + 'static) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            // A task that breaks down must leave too, or its slot would be lost for good.
            let departure = tokio::spawn(work).await.unwrap_or(Departure::Deferred);
            inbox.send(Message::Left(id, departure)).await;
        });
    }
}

fn unjournaled(error: &JournalError) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    format!("not run because the node cannot write its journal{cause}")
}
