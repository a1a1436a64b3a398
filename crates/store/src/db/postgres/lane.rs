//! A connection that writes.
//!
//! One that writes gathers the jobs that wait into one commit, each behind a savepoint; one that reports takes them one
//! by one, as each holds many reports. The next transaction begins behind the commit of the one before, and is not
//! committed before that has succeeded. A transaction in conflict with another runs again. A connection that is lost at
//! the commit leaves open whether it happened; the row of marks, which the same commit moved on, tells.

use super::session::Trouble;
use super::{Opener, Waiting, session};
use crate::audit;
use crate::db::job::{Again, Job};
use crate::db::{Error, Tx, Value};
use crate::values;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Most writers' jobs in one commit.
const GATHER: usize = 256;
/// How long a transaction gathers: what others wait for is not held longer than it takes to be worth a commit.
const GATHER_FOR: Duration = Duration::from_millis(10);
/// Moves a lane's row of marks on.
const MARK: &str = "insert into writer_marks (id, commits, marked_at)
    values ($1, $2, now())
    on conflict (id) do update set commits = excluded.commits, marked_at = excluded.marked_at";
/// How long a job is tried, through conflicts and lost connections.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Which lane; its number is that of its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// Everything but the reporters.
    Writers = 1,
    /// What changes executions that exist.
    Reporters = 2,
}

impl Name {
    /// Most jobs in one commit. A job that reports holds many reports already, and alone it needs no savepoint, which
    /// would cost PostgreSQL a subtransaction.
    fn gathers(self) -> usize {
        match self {
            Self::Writers => GATHER,
            Self::Reporters => 1,
        }
    }

    /// Whether each job can be undone without the others.
    fn has_savepoints(self) -> bool {
        self.gathers() > 1
    }

    /// Answers those whose jobs were committed, or not.
    fn answer(self, batch: Vec<Gathered>, committed: Result<(), Error>) {
        if let Err(error) = &committed {
            tracing::error!(error.cause = ?error, lane = ?self, "a transaction was not committed");
        }
        // Of a batch that failed as a whole, each is to come again; one alone learns why.
        let is_alone = batch.len() == 1;
        let mut failed = committed.err();
        for Gathered { job, undone } in batch {
            job.answer(match &mut failed {
                None => undone.map_or(Ok(()), Err),
                Some(Error::Busy) => Err(Error::Busy),
                Some(_) if !is_alone => Err(Error::Unavailable(None)),
                Some(error) => Err(std::mem::replace(error, Error::Unavailable(None))),
            });
        }
    }
}

/// A lane of this replica.
pub(super) struct Lane {
    name: Name,
    opener: Opener,
    tx: Option<Tx>,
    /// Names the lane's row of marks.
    id: Uuid,
    /// How many commits it made.
    commits: u64,
    /// The transaction whose end was sent, until it is known what became of it.
    ending: Option<JoinHandle<Ended>>,
    /// The one whose end came last, where it is not known to be committed.
    uncommitted: Option<Uncommitted>,
}

/// A job in a transaction.
struct Gathered {
    job: Box<dyn Job>,
    /// Why what it did was undone, though it does not know.
    undone: Option<Error>,
}

/// A job that has run, and of which nobody knows yet whether what it sent has succeeded.
struct Ran {
    wants_to_keep: bool,
    /// How much was recorded before it.
    recorded: usize,
}

/// Why nobody knows a transaction to be committed.
enum Failed {
    /// It can be run again as it was.
    Again,
    /// Nobody has said yet whether it was committed.
    Unknown,
    /// It cannot succeed.
    For(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

/// What became of a transaction.
enum Ended {
    /// It was committed, or undone as its jobs wished; they have been answered.
    Well {
        /// How often the mark was moved on.
        commits: u64,
    },
    /// It is not known to be committed.
    Badly(Uncommitted),
}

/// Jobs whose transaction is not known to be committed.
struct Uncommitted {
    batch: Vec<Gathered>,
    failed: Failed,
}

/// The end of a transaction on its way.
struct Ending {
    answer: session::EndAnswer,
    keeps_any: bool,
}

impl Ending {
    async fn outcome(self) -> Result<(), Failed> {
        self.answer.await.map_err(|(error, trouble)| match trouble {
            Some(Trouble::Lost) if self.keeps_any => Failed::Unknown,
            Some(Trouble::Conflict | Trouble::Lost) => Failed::Again,
            None => Failed::For(error),
        })
    }
}

/// Commits until there is nobody left who could ask.
pub(super) async fn run(mut lane: Lane, mut jobs: mpsc::Receiver<Waiting>) {
    loop {
        tokio::select! {
            biased;
            next = jobs.recv() => match next {
                Some(first) => lane.commit(Gathered::new(first), &mut jobs).await,
                None => break,
            },
            _ = lane.is_settled(), if lane.ending.is_some() => {}
        }
        lane.mend().await;
    }
    lane.is_settled().await;
    lane.mend().await;
}

impl Gathered {
    fn new(waiting: Waiting) -> Self {
        Self {
            job: waiting.job,
            undone: None,
        }
    }
}

impl Lane {
    pub(super) fn new(name: Name, opener: Opener) -> Self {
        let mut id = [0; 16];
        opener.settings.rng.fill(&mut id);
        Self {
            name,
            opener,
            tx: None,
            id: Uuid::from_bytes(id),
            commits: 0,
            ending: None,
            uncommitted: None,
        }
    }

    /// Commits a job, and what waits behind it. The next may begin before anybody has heard what became of that.
    async fn commit(&mut self, first: Gathered, jobs: &mut mpsc::Receiver<Waiting>) {
        let mut batch = vec![first];
        match self.attempt(&mut batch, Some(jobs)).await {
            Ok(ending) => {
                let (name, commits) = (self.name, u64::from(ending.keeps_any));
                self.ending = Some(tokio::task::spawn_local(async move {
                    match ending.outcome().await {
                        Ok(()) => {
                            name.answer(batch, Ok(()));
                            Ended::Well { commits }
                        }
                        Err(failed) => Ended::Badly(Uncommitted { batch, failed }),
                    }
                }));
            }
            Err(failed) => {
                self.is_settled().await;
                self.mend().await;
                self.insist(Uncommitted { batch, failed }).await;
            }
        }
    }

    /// Waits until it is known what became of the transaction before; whether nothing is left to be done about it.
    async fn is_settled(&mut self) -> bool {
        if let Some(ending) = &mut self.ending {
            let ended = ending.await;
            self.ending = None;
            match ended {
                Ok(Ended::Well { commits }) => self.commits += commits,
                Ok(Ended::Badly(uncommitted)) => self.uncommitted = Some(uncommitted),
                // Nobody may take its mark, if there is one, for that of the next.
                Err(_) => self.commits += 1,
            }
        }
        self.uncommitted.is_none()
    }

    /// Sees to the transaction before, where that is not known to be committed.
    async fn mend(&mut self) {
        if let Some(uncommitted) = self.uncommitted.take() {
            self.insist(uncommitted).await;
        }
    }

    /// Commits jobs whose transaction is not known to be committed, unless it was; one after the other where one may have
    /// been at fault. Answers them.
    async fn insist(&mut self, Uncommitted { mut batch, failed }: Uncommitted) {
        let committed = self.try_on(&mut batch, failed).await;
        match committed {
            // What cannot be committed with others must not keep them from it: each gets a transaction of its own.
            Err(error) if batch.len() > 1 && !matches!(error, Error::Busy | Error::Unavailable(_)) => {
                for gathered in batch {
                    let mut alone = vec![gathered];
                    let committed = self.try_on(&mut alone, Failed::Again).await;
                    self.name.answer(alone, committed);
                }
            }
            committed => self.name.answer(batch, committed),
        }
    }

    async fn try_on(&mut self, batch: &mut Vec<Gathered>, mut failed: Failed) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        loop {
            if let Failed::Unknown = failed {
                match self.was_committed().await {
                    Ok(true) => return Ok(()),
                    Ok(false) => failed = Failed::Again,
                    Err(_) => self.tx = None,
                }
            }
            if let Failed::Again = failed {
                let ended = match self.attempt(batch, None).await {
                    Ok(ending) => {
                        let commits = u64::from(ending.keeps_any);
                        ending.outcome().await.map(|()| self.commits += commits)
                    }
                    Err(failed) => Err(failed),
                };
                match ended {
                    Ok(()) => return Ok(()),
                    Err(again) => failed = again,
                }
            }
            if let Failed::For(error) = failed {
                // Where the end was refused as well, the transaction is still there.
                self.abandon(Trouble::Conflict).await;
                return Err(error);
            }
            if Instant::now() >= until {
                // Nobody may take the mark of a commit that happened after all for that of the next.
                self.commits += u64::from(matches!(failed, Failed::Unknown));
                return Err(Error::Unavailable(None));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// One transaction, up to its end, which is sent.
    async fn attempt(
        &mut self,
        batch: &mut Vec<Gathered>,
        mut jobs: Option<&mut mpsc::Receiver<Waiting>>,
    ) -> Result<Ending, Failed> {
        self.begin().await?;
        let began = Instant::now();
        let mut keeps_any = false;
        let mut next = 0;
        while let Some(gathered) = batch.get_mut(next) {
            let ran = self.run(gathered).await?;
            next += 1;
            if let Some(jobs) = &mut jobs
                && next == batch.len()
                && next < self.name.gathers()
                && began.elapsed() < GATHER_FOR
            {
                batch.extend(jobs.try_recv().ok().map(Gathered::new));
            }
            let is_alone = batch.len() == 1;
            keeps_any |= self.keep(&mut batch[next - 1], ran, is_alone).await?;
            if next < batch.len() {
                let tx = self.tx.as_mut().ok_or(Failed::Again)?;
                tx.postgres().send("release savepoint job; savepoint job");
            }
        }
        self.end(keeps_any).await
    }

    /// Runs a job.
    async fn run(&mut self, gathered: &mut Gathered) -> Result<Ran, Failed> {
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        let recorded = tx.records.len();
        tx.tick();
        let wants_to_keep = gathered.job.run(tx, Again::Perhaps).await;
        // Where it went on after a statement had failed, what it says is not what was done.
        let is_unsound = wants_to_keep && tx.postgres().is_aborted();
        gathered.undone = is_unsound.then(|| Error::Corrupt("a failed statement was passed over".to_owned()));
        Ok(Ran {
            wants_to_keep,
            recorded,
        })
    }

    /// Keeps what a job did, or undoes it; says which. Where it is alone, whether what it sent has succeeded is heard
    /// with the commit; among others it must be known whose statement failed.
    async fn keep(&mut self, gathered: &mut Gathered, ran: Ran, is_alone: bool) -> Result<bool, Failed> {
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        let session = tx.postgres();
        if ran.wants_to_keep
            && !is_alone
            && let Err(error) = session.settle().await
        {
            gathered.undone.get_or_insert(error);
        }
        if let Some(trouble) = session.trouble() {
            return Err(self.abandon(trouble).await);
        }
        if ran.wants_to_keep && !session.is_aborted() {
            return Ok(true);
        }
        // What is alone is undone with its transaction.
        if self.name.has_savepoints() && session.back_to("rollback to savepoint job").await.is_err() {
            return Err(self.abandon(Trouble::Lost).await);
        }
        tx.records.truncate(ran.recorded);
        Ok(false)
    }

    /// Ends the transaction: with the audit chains, whose ends are then locked for as short as can be, and the commit.
    async fn end(&mut self, keeps_any: bool) -> Result<Ending, Failed> {
        // The mark counts what was committed before.
        if !self.is_settled().await {
            return Err(self.abandon(Trouble::Conflict).await);
        }
        let mark = keeps_any.then(|| values![self.id, self.commits + 1]);
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        if let Err(error) = write_last(tx, mark).await {
            let trouble = tx.postgres().trouble();
            let failed = self.abandon(trouble.unwrap_or(Trouble::Conflict)).await;
            return Err(if trouble.is_some() { failed } else { error.into() });
        }
        let answer = tx.postgres().end(if keeps_any { "commit" } else { "rollback" });
        Ok(Ending { answer, keeps_any })
    }

    async fn begin(&mut self) -> Result<(), Failed> {
        if self.tx.as_mut().is_none_or(|tx| tx.postgres().is_closed()) {
            self.tx = None;
            // What was lost with the connection is looked after first.
            if !self.is_settled().await {
                return Err(Failed::Again);
            }
            match self.opener.open().await {
                Ok(tx) => self.tx = Some(tx),
                Err(Error::Unavailable(_)) => return Err(Failed::Again),
                Err(error) => return Err(error.into()),
            }
        }
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        // Of a transaction that came to nothing.
        tx.records.clear();
        let savepoint = if self.name.has_savepoints() {
            "; savepoint job"
        } else {
            ""
        };
        tx.postgres().begin_alone(self.name as i32, savepoint);
        // What reports begins with a question, whose answer is soon enough for the time.
        let begun = match self.name {
            Name::Writers => tx.await_begin().await,
            Name::Reporters => Ok(()),
        };
        match begun {
            Ok(()) => Ok(()),
            Err(_) => Err(self.abandon(Trouble::Lost).await),
        }
    }

    /// Gives up a transaction, and its connection where that is at fault.
    async fn abandon(&mut self, trouble: Trouble) -> Failed {
        if let Some(tx) = &mut self.tx {
            let is_back = tx.postgres().step("rollback").await.is_ok();
            if trouble == Trouble::Lost || !is_back {
                self.tx = None;
            }
        }
        Failed::Again
    }

    /// Whether the commit whose answer was lost did happen. Taking the lock waits for the end of that transaction.
    async fn was_committed(&mut self) -> Result<bool, Error> {
        let mut tx = self.opener.open().await?;
        let session = tx.postgres();
        let lock = session::advisory_lock(self.name as i32);
        session.step(&format!("begin; {lock}")).await?;
        let id = self.id;
        let found = session
            .text(&format!("select commits from writer_marks where id = '{id}'"))
            .await?;
        session.step("rollback").await?;
        self.tx = Some(tx);
        let wanted = self.commits + 1;
        let happened = found.is_some_and(|commits| commits == wanted.to_string());
        self.commits += u64::from(happened);
        Ok(happened)
    }
}

/// Writes what comes last before the commit: the entries of the audit chains, and the lane's mark.
async fn write_last(tx: &mut Tx, mark: Option<[Value<'static>; 2]>) -> Result<(), Error> {
    // Nothing is committed before it is certain that the lane's lock was taken.
    tx.await_begin().await?;
    let links = audit::linked(tx).await?;
    tx.together(async |tx| {
        links.write(tx).await?;
        tx.execute_each(MARK, mark).await
    })
    .await
}
