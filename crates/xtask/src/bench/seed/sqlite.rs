//! The history in SQLite's file.

use super::{DISPATCHED_BY, PARAMETERS, PER_TRANSACTION, Past};
use std::path::Path;

use plex_api::executions::ExecutionStatus;
use rusqlite::{Connection, Transaction, params};
use uuid::Uuid;

/// Writes it; project and domain are whose it is.
pub(super) fn write(
    path: &Path,
    project: (Uuid, Uuid),
    pasts: &mut dyn Iterator<Item = Past>,
) -> anyhow::Result<()> {
    let mut database = Connection::open(path)?;
    // Nothing of this has to survive a crash; the server itself runs with its own settings.
    database.execute_batch(
        "pragma journal_mode = off;
         pragma synchronous = off;
         pragma locking_mode = exclusive;
         pragma foreign_keys = off;
         pragma cache_size = -400000;",
    )?;
    let mut pasts = pasts.peekable();
    while pasts.peek().is_some() {
        let transaction = database.transaction()?;
        for past in pasts.by_ref().take(PER_TRANSACTION) {
            past.insert(&transaction, project)?;
        }
        transaction.commit()?;
    }
    database.execute_batch("pragma locking_mode = normal; pragma journal_mode = wal;")?;
    Ok(())
}

/// Removes executions and their invocations.
pub(super) fn forget(path: &Path, executions: &[Uuid]) -> anyhow::Result<()> {
    let mut database = Connection::open(path)?;
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    let transaction = database.transaction()?;
    for id in executions {
        for sql in [
            "delete from invocations where execution_id = ?1",
            "delete from executions where id = ?1",
        ] {
            transaction.prepare_cached(sql)?.execute([id.as_bytes()])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

impl Past {
    fn insert(&self, transaction: &Transaction<'_>, project: (Uuid, Uuid)) -> rusqlite::Result<()> {
        self.insert_execution(transaction, project)?;
        self.insert_invocation(transaction)?;
        let mut insert = transaction.prepare_cached(
            "insert into execution_events (execution_id, node_id, status, occurred_at) values (?1, ?2, ?3, ?4)",
        )?;
        for (status, occurred_at) in self.events() {
            insert.execute(params![
                self.id.as_bytes(),
                self.node_id.as_bytes(),
                status.as_str(),
                occurred_at
            ])?;
        }
        Ok(())
    }

    fn insert_execution(
        &self,
        transaction: &Transaction<'_>,
        (project_id, domain_id): (Uuid, Uuid),
    ) -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached(
            "insert into executions (
                id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
                timeout_seconds, parameters, node_id, dispatched_by,
                pending, started, succeeded, failed, cancelled, timeout
            ) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15, ?16, ?17, ?18)",
        )?;
        insert.execute(params![
            self.id.as_bytes(),
            project_id.as_bytes(),
            domain_id.as_bytes(),
            self.action,
            self.kind.as_str(),
            self.status.as_str(),
            self.created_at,
            self.updated_at(),
            self.expires_at(),
            self.timeout_seconds(),
            PARAMETERS,
            self.node_id.as_bytes(),
            DISPATCHED_BY,
            self.has(ExecutionStatus::Started),
            self.has(ExecutionStatus::Succeeded),
            self.has(ExecutionStatus::Failed),
            self.has(ExecutionStatus::Cancelled),
            self.has(ExecutionStatus::Timeout),
        ])?;
        Ok(())
    }

    fn insert_invocation(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached(
            "insert into invocations (
                execution_id, node_id, status, updated_at, started_at, finished_at, exit_code, error,
                output_kind, output_bytes, output_truncated, output_id, live
            ) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        let output_id = match self.output() {
            None => None,
            Some(output) => {
                transaction
                    .prepare_cached("insert into outputs (bytes) values (?1)")?
                    .execute(params![output.as_bytes()])?;
                Some(transaction.last_insert_rowid())
            }
        };
        insert.execute(params![
            self.id.as_bytes(),
            self.node_id.as_bytes(),
            self.status.as_str(),
            self.updated_at(),
            self.started_at(),
            self.ended(),
            self.exit_code(),
            self.error(),
            self.output().map(|_| "inline"),
            self.output_bytes(),
            self.output().map(|_| false),
            output_id,
            self.live(),
        ])?;
        Ok(())
    }
}
