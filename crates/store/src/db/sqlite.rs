//! SQLite on its own threads.

use super::error::Cause;
use super::idle::Idle;
use super::job::{Again, Job};
use super::tx::Connection as Driver;
use super::{Db, Error, Settings, Tx, checkpoint};
use crate::db::handle::{Asking, Queue, Threads};
use crossbeam_channel::{Receiver, bounded};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// The first version without the WAL-reset race that can lose commits: 3.51.3.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Most jobs in one commit.
const GATHER: usize = 512;
/// Threads that read. Reads are short and CPU-bound, so a few suffice.
const READERS: usize = 4;
/// Connections for look-ups; when all are in use, a look-up goes to the readers.
const LOOK_UPS: usize = 4;
/// Connections for what else asks once, in the same way.
const OTHERS: usize = 4;

/// Pages that the writer keeps, in KiB: every commit goes to the ends of many indexes, all over the file.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// Opens the file, brings its schema up to date and starts the threads.
pub(super) fn open(path: &Path, settings: &Settings) -> Result<Db, Error> {
    let version = rusqlite::version_number();
    if version < OLDEST_SQLITE {
        return Err(Error::Corrupt(format!(
            "SQLite {version} can lose commits, 3.51.3 or later is needed"
        )));
    }
    let mut first = connect(path)?;
    first.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    let found_version = migrate(&mut first)?;
    let failed = Arc::new(AtomicBool::new(false));
    let (writer, writes) = bounded(super::handle::QUEUE);
    let (readers, reads) = bounded(super::handle::QUEUE);
    let names = Arc::default();
    let tx = |connection| Tx::new(Driver::Sqlite(connection), settings, &names);
    let beside = connect(path)?;
    let (running, stopped) = bounded(0);
    let restart = Arc::new(AtomicBool::new(false));
    let mut threads = Threads::default();
    threads.start("db-writer", {
        let (tx, failed, restart) = (tx(first), Arc::clone(&failed), Arc::clone(&restart));
        move || write_loop(tx, &writes, (&failed, &restart))
    });
    threads.start("db-checkpoint", move || {
        checkpoint::run(&beside, &stopped, &restart)
    });
    for _ in 0..READERS {
        let tx = tx(connect(path)?);
        let reads: Receiver<Box<dyn Job>> = reads.clone();
        threads.start("db-reader", move || read_loop(tx, &reads));
    }
    let idle = |count: usize| {
        let connections: Result<_, Error> = (0..count).map(|_| connect(path).map(tx)).collect();
        connections.map(Idle::new)
    };
    let (look_ups, others) = (idle(LOOK_UPS)?, idle(OTHERS)?);
    Ok(Db {
        reports: Queue::Sqlite(writer.clone()),
        writer: Queue::Sqlite(writer),
        readers: Queue::Sqlite(readers),
        asking: Asking::Sqlite { look_ups, others },
        clock: Arc::clone(&settings.clock),
        failed,
        found_version,
        running: Some(running),
        threads,
    })
}

/// Runs a future that never waits: on SQLite every statement is done when it returns.
pub(super) fn finish<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a transaction waits only for its own statements"),
    }
}

fn read_loop(mut tx: Tx, jobs: &Receiver<Box<dyn Job>>) {
    while let Ok(mut job) = jobs.recv() {
        let began = tx.step("begin");
        tx.tick();
        finish(job.run(&mut tx, Again::Never));
        let _ = tx.step("rollback");
        job.answer(began);
    }
}

fn write_loop(mut tx: Tx, jobs: &Receiver<Box<dyn Job>>, (failed, restart): (&AtomicBool, &AtomicBool)) {
    while let Ok(first) = jobs.recv() {
        if restart.swap(false, Ordering::Relaxed) {
            checkpoint::restart(tx.sqlite());
        }
        let mut ran = Vec::new();
        let committed = gather(&mut tx, first, jobs, &mut ran);
        if let Err(error) = &committed {
            tracing::error!(error.cause = ?error, "a commit failed");
            if is_lost_fsync(error) {
                failed.store(true, Ordering::Relaxed);
            }
        }
        for job in ran {
            job.answer(
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
    matches!(error, Error::Unavailable(Some(Cause::Sqlite(cause)))
        if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure))
}

/// One commit: the first job and those that wait behind it.
fn gather(
    tx: &mut Tx,
    first: Box<dyn Job>,
    jobs: &Receiver<Box<dyn Job>>,
    ran: &mut Vec<Box<dyn Job>>,
) -> Result<(), Error> {
    // Without it the jobs do not run, and dropping one answers it with `Unavailable`.
    tx.step("begin immediate")?;
    let mut next = Some(first);
    while let Some(job) = next {
        if let Err(error) = in_savepoint(tx, job, ran) {
            let _ = tx.step("rollback");
            return Err(error);
        }
        next = if ran.len() < GATHER {
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

fn in_savepoint(tx: &mut Tx, mut job: Box<dyn Job>, ran: &mut Vec<Box<dyn Job>>) -> Result<(), Error> {
    tx.step("savepoint job")?;
    tx.tick();
    let keep = finish(job.run(tx, Again::Never));
    ran.push(job);
    if !keep {
        if tx.sqlite().is_autocommit() {
            // Some errors, a full disk for one, end the whole transaction.
            return Err(Error::Unavailable(None));
        }
        tx.step("rollback to job")?;
        tx.records.clear();
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
    include_str!("../../migrations/sqlite/0007_retention.sql"),
];

fn migrate(connection: &mut Connection) -> Result<u32, Error> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done: u32 = transaction.query_row("pragma user_version", [], |row| row.get(0))?;
    let Some(steps) = MIGRATIONS.get(done as usize..) else {
        return Err(Error::Newer);
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
