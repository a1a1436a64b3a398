//! Checkpoints: moving what was committed from the write-ahead log into the database file.
//!
//! Left to itself, SQLite does that inside a commit, which then takes as long as hundreds of others; everybody
//! who waits for that commit feels it. So a thread of its own does most of it beside the writer, and the writer
//! only starts the log again from its beginning, when little is left to move.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the log is looked at.
const PERIOD: Duration = Duration::from_millis(500);
/// Pages in the log from which the writer should start it again: 64 MiB.
const LONG_LOG: u32 = 16_384;

/// Checkpoints beside the writer until the other end of `stop` is dropped. Sets `restart` when the log is long.
pub(super) fn run(connection: &Connection, stop: &Receiver<()>, restart: &AtomicBool) {
    while stop.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        match checkpoint(connection, "pragma wal_checkpoint(passive)") {
            Ok(pages) if pages >= LONG_LOG => restart.store(true, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error.cause = ?error, "the log could not be moved into the database file")
            }
        }
    }
}

/// Moves what is left and starts the log again. Only the writer may call it, between two transactions.
pub(super) fn restart(connection: &Connection) {
    if let Err(error) = checkpoint(connection, "pragma wal_checkpoint(restart)") {
        tracing::warn!(error.cause = ?error, "the log could not be started again");
    }
}

/// Runs a checkpoint; returns how many pages the log holds.
fn checkpoint(connection: &Connection, pragma: &str) -> rusqlite::Result<u32> {
    connection.query_row(pragma, [], |row| {
        Ok(row.get::<_, i64>(1)?.try_into().unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh database that never checkpoints by itself, and the length of its log in pages.
    fn fresh() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection::open(dir.path().join("test.db")).unwrap();
        connection
            .execute_batch(
                "pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (b blob)",
            )
            .unwrap();
        (dir, connection)
    }

    fn fill(connection: &Connection, rows: u32) {
        connection.execute_batch("begin").unwrap();
        for _ in 0..rows {
            connection
                .execute("insert into t values (zeroblob(4000))", [])
                .unwrap();
        }
        connection.execute_batch("commit").unwrap();
    }

    #[test]
    fn a_long_log_is_asked_to_be_started_again_and_then_is_short() {
        let (dir, connection) = fresh();
        fill(&connection, LONG_LOG + 100);
        let beside = Connection::open(dir.path().join("test.db")).unwrap();
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let wanted = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let flag = &wanted;
            scope.spawn(move || run(&beside, &stopped, flag));
            while !wanted.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            drop(stop);
        });
        restart(&connection);
        fill(&connection, 1);
        let pages = checkpoint(&connection, "pragma wal_checkpoint(passive)").unwrap();
        assert!(pages < 100, "the log was started again: {pages} pages");
    }
}
