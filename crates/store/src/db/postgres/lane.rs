//! A connection that writes.
//!
//! It gathers the jobs that wait into one commit, each behind a savepoint. A transaction in conflict with another
//! runs again. A connection that is lost at the commit leaves open whether it happened; the row of marks, which the
//! same commit moved on, tells.

use super::session::Trouble;
use super::{Opener, Waiting, session};
use crate::db::job::{Again, Job};
use crate::db::{Error, Tx};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Most jobs in one commit.
const GATHER: usize = 256;
/// How long a transaction gathers: what others wait for is not held longer than it takes to be worth a commit.
const GATHER_FOR: Duration = Duration::from_millis(10);
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

/// A lane of this replica.
pub(super) struct Lane {
    name: Name,
    opener: Opener,
    tx: Option<Tx>,
    /// Names the lane's row of marks.
    id: Uuid,
    /// How many commits it made.
    commits: u64,
}

/// A job in a transaction.
struct Gathered {
    job: Box<dyn Job>,
    /// Whether it went on after a statement had failed, so that what it says is not what was done.
    is_unsound: bool,
}

/// Why a transaction came to nothing.
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

/// Commits until there is nobody left who could ask.
pub(super) async fn run(mut lane: Lane, mut jobs: mpsc::Receiver<Waiting>) {
    while let Some(first) = jobs.recv().await {
        let mut batch = vec![Gathered::new(first)];
        let committed = lane.commit(&mut batch, &mut jobs).await;
        if let Err(error) = &committed {
            tracing::error!(error.cause = ?error, lane = ?lane.name, "a transaction was not committed");
        }
        for Gathered { job, is_unsound } in batch {
            job.answer(match &committed {
                Ok(()) if is_unsound => Err(Error::Corrupt("a failed statement was passed over".to_owned())),
                Ok(()) => Ok(()),
                Err(Error::Busy) => Err(Error::Busy),
                Err(_) => Err(Error::Unavailable(None)),
            });
        }
    }
}

impl Gathered {
    fn new(waiting: Waiting) -> Self {
        Self {
            job: waiting.job,
            is_unsound: false,
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
        }
    }

    async fn commit(
        &mut self,
        batch: &mut Vec<Gathered>,
        jobs: &mut mpsc::Receiver<Waiting>,
    ) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        let mut is_unknown = false;
        loop {
            if is_unknown {
                match self.was_committed().await {
                    Ok(true) => return Ok(()),
                    Ok(false) => is_unknown = false,
                    Err(_) => self.tx = None,
                }
            }
            if !is_unknown {
                match self.attempt(batch, jobs).await {
                    Ok(()) => return Ok(()),
                    Err(Failed::For(error)) => return Err(error),
                    Err(Failed::Again) => {}
                    Err(Failed::Unknown) => is_unknown = true,
                }
            }
            if Instant::now() >= until {
                return Err(Error::Unavailable(None));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// One transaction: what is gathered already, and what waits behind it.
    async fn attempt(
        &mut self,
        batch: &mut Vec<Gathered>,
        jobs: &mut mpsc::Receiver<Waiting>,
    ) -> Result<(), Failed> {
        let began = Instant::now();
        self.begin().await?;
        let mark = self.mark();
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        let mut keeps_any = false;
        let mut next = 0;
        while let Some(gathered) = batch.get_mut(next) {
            tx.tick();
            let mut keep = gathered.job.run(tx, Again::Perhaps).await;
            let session = tx.postgres();
            if let Some(trouble) = session.trouble() {
                return Err(self.abandon(trouble).await);
            }
            gathered.is_unsound = keep && session.is_aborted();
            keep &= !gathered.is_unsound;
            keeps_any |= keep;
            next += 1;
            if next == batch.len() && next < GATHER && began.elapsed() < GATHER_FOR {
                batch.extend(jobs.try_recv().ok().map(Gathered::new));
            }
            let stepped = match (keep, next < batch.len()) {
                (true, true) => session.step("release savepoint job; savepoint job").await,
                (true, false) => Ok(()),
                (false, _) => session.back_to("rollback to savepoint job").await,
            };
            if stepped.is_err() {
                return Err(self.abandon(Trouble::Lost).await);
            }
        }
        let end = if keeps_any { mark.as_str() } else { "rollback" };
        let ended = tx.postgres().step(end).await;
        match (ended, tx.postgres().trouble()) {
            (Ok(()), _) => {
                self.commits += u64::from(keeps_any);
                Ok(())
            }
            (Err(_), Some(Trouble::Conflict)) => Err(self.abandon(Trouble::Conflict).await),
            (Err(_), Some(Trouble::Lost)) => {
                self.tx = None;
                Err(if keeps_any { Failed::Unknown } else { Failed::Again })
            }
            (Err(error), None) => Err(Failed::For(error)),
        }
    }

    async fn begin(&mut self) -> Result<(), Failed> {
        if self.tx.as_mut().is_none_or(|tx| tx.postgres().is_closed()) {
            self.tx = None;
            match self.opener.open().await {
                Ok(tx) => self.tx = Some(tx),
                Err(Error::Unavailable(_)) => return Err(Failed::Again),
                Err(error) => return Err(error.into()),
            }
        }
        let tx = self.tx.as_mut().ok_or(Failed::Again)?;
        match tx.postgres().begin_alone(self.name as i32).await {
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

    /// Moves the row of marks on and commits, in one message.
    fn mark(&self) -> String {
        let (id, commits) = (self.id, self.commits + 1);
        format!(
            "insert into writer_marks (id, commits, marked_at) values ('{id}', {commits}, now())
            on conflict (id) do update set commits = excluded.commits, marked_at = excluded.marked_at;
            commit"
        )
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
