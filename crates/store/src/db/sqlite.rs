//! SQLite on its own threads.

use super::look_ups::LookUps;
use super::{Error, Tx, checkpoint};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use plex_domain::env::{Clock, Rng};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The first version without the WAL-reset race that can lose commits: 3.51.3.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Jobs that may wait for the writer, and for the readers; one more is [`Error::Busy`].
const QUEUE: usize = 4096;
/// Most jobs in one commit.
const GATHER: usize = 512;
/// Threads that read. Reads are short and CPU-bound, so a few suffice.
const READERS: usize = 4;
/// Connections for look-ups; when all are in use, a look-up goes to the readers.
const LOOK_UPS: usize = 4;

/// Pages that the writer keeps, in KiB: every commit goes to the ends of many indexes, all over the file.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// How a database is opened.
pub struct Settings {
    /// The file; it is made when it is missing.
    pub path: PathBuf,
    /// The time of transactions.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from.
    pub rng: Arc<dyn Rng>,
}

/// The database. Clones share it; the threads end with the last one.
#[derive(Clone)]
pub struct Db {
    writer: Sender<Job>,
    readers: Sender<Job>,
    look_ups: LookUps,
    failed: Arc<AtomicBool>,
    found_version: u32,
    /// Nothing is ever sent; the checkpoints end when the last clone is dropped.
    running: Sender<()>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// A transaction's code: runs, says whether to keep what it did, and hands out how to answer.
type Job = Box<dyn FnOnce(&mut Tx) -> Ran + Send>;

struct Ran {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), Error>) + Send>,
}

impl Db {
    /// Opens the file, brings its schema up to date and starts the threads.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let version = rusqlite::version_number();
        if version < OLDEST_SQLITE {
            return Err(Error::Corrupt(format!(
                "SQLite {version} can lose commits, 3.51.3 or later is needed"
            )));
        }
        let mut first = connect(&settings.path)?;
        first.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        let found_version = migrate(&mut first)?;
        let failed = Arc::new(AtomicBool::new(false));
        let (writer, writes) = bounded(QUEUE);
        let (readers, reads) = bounded(QUEUE);
        let tx = |connection| Tx {
            connection,
            clock: Arc::clone(&settings.clock),
            rng: Arc::clone(&settings.rng),
            now: settings.clock.now(),
        };
        let beside = connect(&settings.path)?;
        let (running, stopped) = bounded(0);
        let restart = Arc::new(AtomicBool::new(false));
        let mut threads = vec![
            start("db-writer", {
                let (tx, failed, restart) = (tx(first), Arc::clone(&failed), Arc::clone(&restart));
                move || write_loop(tx, &writes, (&failed, &restart))
            }),
            start("db-checkpoint", move || {
                checkpoint::run(&beside, &stopped, &restart)
            }),
        ];
        for _ in 0..READERS {
            let tx = tx(connect(&settings.path)?);
            let reads: Receiver<Job> = reads.clone();
            threads.push(start("db-reader", move || read_loop(tx, &reads)));
        }
        let look_ups = (0..LOOK_UPS)
            .map(|_| connect(&settings.path).map(tx))
            .collect::<Result<_, _>>()?;
        let look_ups = LookUps::new(look_ups);
        Ok(Self {
            writer,
            readers,
            look_ups,
            failed,
            found_version,
            running,
            threads: Arc::new(Mutex::new(threads)),
        })
    }

    /// Runs `work` on a snapshot; it never waits for a writer.
    pub async fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        submit(&self.readers, work).await
    }

    /// Runs one short statement that finds something by its key, on the caller's own thread.
    ///
    /// It sees what was committed before the call. Every request begins with such a look-up, and switching to
    /// a reader and back would cost more than the statement.
    pub async fn look_up<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self.look_ups.try_run(work) {
            Ok(outcome) => outcome,
            Err(work) => self.read(work).await,
        }
    }

    /// Runs `work` as the only writer. When this returns `Ok`, what it wrote is durable; when it returns
    /// an error, nothing of it was written.
    pub async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if self.failed.load(Ordering::Relaxed) {
            return Err(Error::Unavailable(None).into());
        }
        submit(&self.writer, work).await
    }

    /// Whether a commit could not be made durable. Nothing is written any more; only a restart, which
    /// reads back what the disk really holds, mends that.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// How many steps of the schema the file had seen when it was opened; it has seen all of them now.
    pub fn found_version(&self) -> u32 {
        self.found_version
    }

    /// Closes the files and returns once that is done. Call it with no other clone left: it waits for them.
    pub fn close(self) {
        let Self {
            writer,
            readers,
            look_ups,
            failed: _,
            found_version: _,
            running,
            threads,
        } = self;
        drop((writer, readers, running));
        look_ups.close();
        let threads = std::mem::take(&mut *threads.lock().expect("no holder of this lock panics"));
        for thread in threads {
            // A thread that panicked has closed its connection as well.
            let _ = thread.join();
        }
    }

    #[cfg(test)]
    pub(super) fn look_ups(&self) -> &LookUps {
        &self.look_ups
    }
}

async fn submit<T, E, W>(queue: &Sender<Job>, work: W) -> Result<T, E>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |tx| {
        let outcome = run(tx, work);
        Ran {
            keep: outcome.is_ok(),
            answer: Box::new(move |committed| {
                // A caller that went away needs no answer.
                let _ = answer.send(outcome.and_then(|value| committed.map(|()| value).map_err(E::from)));
            }),
        }
    });
    match queue.try_send(job) {
        Ok(()) => answered
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable(None).into())),
        Err(TrySendError::Full(_)) => Err(Error::Busy.into()),
        Err(TrySendError::Disconnected(_)) => Err(Error::Unavailable(None).into()),
    }
}

/// Runs a transaction's code; a panic in it is an error of its caller alone.
pub(super) fn run<T, E, W>(tx: &mut Tx, work: W) -> Result<T, E>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<Error>,
{
    tx.tick();
    catch_unwind(AssertUnwindSafe(|| finish(work(tx)))).unwrap_or_else(|_| Err(Error::Panicked.into()))
}

/// Runs a future that never waits: on SQLite every statement is done when it returns.
fn finish<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a transaction waits only for its own statements"),
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .expect("a thread can be started while the program starts")
}

fn read_loop(mut tx: Tx, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let began = tx.step("begin");
        let ran = job(&mut tx);
        let _ = tx.step("rollback");
        (ran.answer)(began);
    }
}

fn write_loop(mut tx: Tx, jobs: &Receiver<Job>, (failed, restart): (&AtomicBool, &AtomicBool)) {
    while let Ok(first) = jobs.recv() {
        if restart.swap(false, Ordering::Relaxed) {
            checkpoint::restart(&tx.connection);
        }
        let mut answers = Vec::new();
        let committed = gather(&mut tx, first, jobs, &mut answers);
        if let Err(error) = &committed {
            tracing::error!(error.cause = ?error, "a commit failed");
            if is_lost_fsync(error) {
                failed.store(true, Ordering::Relaxed);
            }
        }
        for answer in answers {
            answer(
                committed
                    .as_ref()
                    .map(|_| ())
                    .map_err(|_| Error::Unavailable(None)),
            );
        }
    }
}

/// After a failed fsync nobody knows what the disk holds, so nothing more may be acknowledged.
fn is_lost_fsync(error: &Error) -> bool {
    matches!(error, Error::Unavailable(Some(cause))
        if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure))
}

type Answers = Vec<Box<dyn FnOnce(Result<(), Error>) + Send>>;

/// One commit: the first job and those that wait behind it.
fn gather(tx: &mut Tx, first: Job, jobs: &Receiver<Job>, answers: &mut Answers) -> Result<(), Error> {
    // Without it the jobs do not run, and dropping one answers it with `Unavailable`.
    tx.step("begin immediate")?;
    let mut next = Some(first);
    while let Some(job) = next {
        if let Err(error) = in_savepoint(tx, job, answers) {
            let _ = tx.step("rollback");
            return Err(error);
        }
        next = if answers.len() < GATHER {
            jobs.try_recv().ok()
        } else {
            None
        };
    }
    let committed = tx.step("commit");
    if committed.is_err() {
        let _ = tx.step("rollback");
    }
    committed
}

fn in_savepoint(tx: &mut Tx, job: Job, answers: &mut Answers) -> Result<(), Error> {
    tx.step("savepoint job")?;
    let ran = job(tx);
    answers.push(ran.answer);
    if !ran.keep {
        if tx.connection.is_autocommit() {
            // Some errors, a full disk for one, end the whole transaction.
            return Err(Error::Unavailable(None));
        }
        tx.step("rollback to job")?;
    }
    tx.step("release job")?;
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Another process writes only for the moment of `plexsphere admin reset-token`.
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "pragma auto_vacuum = incremental;
         pragma journal_mode = wal;
         pragma synchronous = full;
         pragma foreign_keys = on;
         pragma wal_autocheckpoint = 0;
         pragma journal_size_limit = 134217728;
         pragma cache_size = -8000;
         pragma temp_store = memory;",
    )?;
    // With statistics, SQLite would prepare a statement again whenever a bound value changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    let mode: String = connection.query_row("pragma journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = connection.query_row("pragma synchronous", [], |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(Error::Corrupt(format!(
            "journal_mode {mode}, synchronous {synchronous}: not durable"
        )));
    }
    Ok(connection)
}

/// The schema's steps, in order; `user_version` says how many a file has seen.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_relations.sql"),
    include_str!("../../migrations/sqlite/0003_identity.sql"),
    include_str!("../../migrations/sqlite/0004_labels.sql"),
    include_str!("../../migrations/sqlite/0005_nodes.sql"),
    include_str!("../../migrations/sqlite/0006_audit.sql"),
];

fn migrate(connection: &mut Connection) -> Result<u32, Error> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done: u32 = transaction.query_row("pragma user_version", [], |row| row.get(0))?;
    let Some(steps) = MIGRATIONS.get(done as usize..) else {
        return Err(Error::Corrupt(
            "the database is from a newer version of this program".to_owned(),
        ));
    };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", done + steps.len() as u32)?;
    transaction.commit()?;
    Ok(done)
}

#[cfg(test)]
mod tests;
