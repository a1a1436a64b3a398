//! The handle that everybody holds.

use super::idle::Idle;
use super::job::{Job, Question, Transaction};
use super::postgres::{Pool, Waiting};
use super::{Error, Tx, postgres, sqlite};
use crossbeam_channel::TrySendError;
use plex_domain::env::{Clock, Rng};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait in each queue; one more is [`Error::Busy`].
pub(super) const QUEUE: usize = 4096;

/// How a database is opened.
#[derive(Clone)]
pub struct Settings {
    /// Which one.
    pub engine: Engine,
    /// The time of transactions, where the engine has none of its own.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from.
    pub rng: Arc<dyn Rng>,
}

/// Where the data is.
#[derive(Debug, Clone)]
pub enum Engine {
    /// SQLite; the file is made when it is missing.
    Sqlite(PathBuf),
    /// PostgreSQL, shared with other replicas.
    Postgres(Box<postgres::Settings>),
}

impl fmt::Display for Engine {
    /// Where it is, without anything secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite at {}", path.display()),
            Self::Postgres(server) => f.write_str(&server.place()),
        }
    }
}

/// The database. Clones share it; the threads end with the last one.
#[derive(Clone)]
pub struct Db {
    pub(super) writer: Queue,
    pub(super) reports: Queue,
    pub(super) readers: Queue,
    pub(super) asking: Asking,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) failed: Arc<AtomicBool>,
    pub(super) found_version: u32,
    /// Nothing is ever sent; what runs beside the queues ends when the last clone is dropped.
    pub(super) running: Option<crossbeam_channel::Sender<()>>,
    pub(super) threads: Threads,
}

/// The way to the threads that run jobs.
#[derive(Clone)]
pub(super) enum Queue {
    Sqlite(crossbeam_channel::Sender<Box<dyn Job>>),
    Postgres(mpsc::Sender<Waiting>),
}

/// Where what asks once runs.
#[derive(Clone)]
pub(super) enum Asking {
    /// On the caller's thread while there are idle connections, and it does not take long; then as other reads.
    Sqlite {
        /// For look-ups.
        look_ups: Idle,
        /// For the others.
        others: Idle,
    },
    /// All on the caller's runtime.
    Postgres {
        /// For look-ups.
        look_ups: Pool,
        /// For the others.
        others: Pool,
    },
}

impl Queue {
    fn waiting(&self) -> usize {
        match self {
            Self::Sqlite(queue) => queue.len(),
            Self::Postgres(queue) => queue.max_capacity() - queue.capacity(),
        }
    }

    fn push(&self, job: Box<dyn Job>) -> Result<(), Error> {
        match self {
            Self::Sqlite(queue) => queue.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => Error::Busy,
                TrySendError::Disconnected(_) => Error::Unavailable(None),
            }),
            Self::Postgres(queue) => queue.try_send(Waiting::new(job)).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Busy,
                mpsc::error::TrySendError::Closed(_) => Error::Unavailable(None),
            }),
        }
    }
}

/// The threads of a database.
#[derive(Clone, Default)]
pub(super) struct Threads(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Threads {
    pub(super) fn start(&mut self, name: &str, run: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .expect("a thread can be started while the program starts");
        self.0.lock().expect("no holder of this lock panics").push(thread);
    }

    fn join(&self) {
        let threads = std::mem::take(&mut *self.0.lock().expect("no holder of this lock panics"));
        for thread in threads {
            // A thread that panicked has closed its connection as well.
            let _ = thread.join();
        }
    }
}

impl Db {
    /// Opens the database, brings its schema up to date and starts the threads.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        match &settings.engine {
            Engine::Sqlite(path) => sqlite::open(path, &settings),
            Engine::Postgres(server) => postgres::open(server, &settings),
        }
    }

    /// Runs `work` on a snapshot; it never waits for a writer.
    pub async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        submit_read(&self.readers, work).await
    }

    /// The same for what asks only once, or whose questions need not be answered as of one moment: each sees what is
    /// committed when it begins. It runs where it is asked from: on SQLite on the caller's own thread, or on a reader's
    /// where it takes long, and on a snapshot all the same; on PostgreSQL on the caller's runtime, where to begin a
    /// snapshot and to end it would cost as much as a short statement. There it is [`Error::Busy`] after 8 s.
    pub async fn read_committed<T, E>(&self, question: impl Question<T, E> + Clone) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.asking {
            Asking::Sqlite { others, .. } => match others.try_read(question) {
                Ok(outcome) => outcome,
                Err(question) => read_by(&self.readers, question).await,
            },
            Asking::Postgres { others, .. } => others.ask(question).await,
        }
    }

    /// Runs one short statement that finds something by its key.
    ///
    /// It sees what was committed before the call. Every request begins with such a look-up, and to switch to a reader
    /// and back would cost more than the statement. On SQLite it runs on the caller's own thread, on PostgreSQL on a
    /// connection that many look-ups share, none of which waits for the answer to another before it is sent. There it is
    /// [`Error::Busy`] after 8 s.
    pub async fn look_up<T, E>(&self, question: impl Question<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.asking {
            Asking::Sqlite { look_ups, .. } => match look_ups.try_ask(question) {
                Ok(outcome) => outcome,
                Err(question) => read_by(&self.readers, question).await,
            },
            Asking::Postgres { look_ups, .. } => look_ups.ask(question).await,
        }
    }

    /// Runs `work` as the only writer. When this returns `Ok`, what it wrote is durable; when it returns
    /// an error, nothing of it was written. On a database shared with others `work` may run more than once.
    pub async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_through(&self.writer, work).await
    }

    /// The same for what changes executions that exist: reports and deadlines. On PostgreSQL they have a
    /// connection of their own, so that they wait for nobody but each other.
    pub async fn report<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_through(&self.reports, work).await
    }

    async fn write_through<T, E, W>(&self, queue: &Queue, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if self.has_failed() {
            return Err(Error::Unavailable(None).into());
        }
        submit(queue, |answer| Box::new(Transaction::repeatable(work, answer))).await
    }

    /// How many jobs that report may be handed in at a time, so that no time passes between two commits where enough
    /// wait: on PostgreSQL the next begins behind the commit of the one before.
    pub fn reports_at_once(&self) -> usize {
        match self.reports {
            Queue::Sqlite(_) => 1,
            Queue::Postgres(_) => 2,
        }
    }

    /// How far apart jobs begin that hold many reports each, unless enough come sooner: on PostgreSQL to begin a transaction
    /// and to commit it keeps the processors busy for longer than a report in it does.
    pub fn reports_apart(&self) -> Duration {
        match self.reports {
            Queue::Sqlite(_) => Duration::ZERO,
            Queue::Postgres(_) => Duration::from_millis(3),
        }
    }

    /// Whether look-ups are answered at once, so that nothing is gained by asking something else meanwhile.
    pub fn looks_up_at_once(&self) -> bool {
        matches!(self.asking, Asking::Sqlite { .. })
    }

    /// Whether a commit could not be made durable. Nothing is written any more; only a restart, which
    /// reads back what the disk really holds, mends that.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// How many jobs wait in each queue; reports may share that of the writes, and what asks once is among the reads.
    pub fn waiting(&self) -> [(&'static str, usize); 3] {
        let asking = match &self.asking {
            Asking::Sqlite { .. } => 0,
            Asking::Postgres { look_ups, others } => look_ups.waiting() + others.waiting(),
        };
        [
            ("write", self.writer.waiting()),
            ("report", self.reports.waiting()),
            ("read", self.readers.waiting() + asking),
        ]
    }

    /// The time that transactions have: on PostgreSQL the server's, which all replicas share.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// How many steps of the schema the database had seen when it was opened; it has seen all of them now.
    pub fn found_version(&self) -> u32 {
        self.found_version
    }

    /// Closes the database and returns once that is done. Call it with no other clone left: it waits for them. What asks
    /// once on PostgreSQL closes with its runtime.
    pub fn close(self) {
        let Self {
            writer,
            reports,
            readers,
            asking,
            clock: _,
            failed: _,
            found_version: _,
            running,
            threads,
        } = self;
        drop((writer, reports, readers, running));
        match asking {
            Asking::Sqlite { look_ups, others } => {
                look_ups.close();
                others.close();
            }
            Asking::Postgres { look_ups, others } => drop((look_ups, others)),
        }
        threads.join();
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> [&Idle; 2] {
        match &self.asking {
            Asking::Sqlite { look_ups, others } => [look_ups, others],
            Asking::Postgres { .. } => panic!("a test of SQLite's"),
        }
    }
}

async fn read_by<T, E>(readers: &Queue, question: impl Question<T, E>) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    submit_read(readers, async move |tx| question(tx).await).await
}

async fn submit_read<T, E, W>(queue: &Queue, work: W) -> Result<T, E>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    submit(queue, |answer| Box::new(Transaction::once(work, answer))).await
}

async fn submit<T, E>(
    queue: &Queue,
    job: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Box<dyn Job>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let (answer, answered) = oneshot::channel();
    queue.push(job(answer))?;
    answered
        .await
        .unwrap_or_else(|_| Err(Error::Unavailable(None).into()))
}
