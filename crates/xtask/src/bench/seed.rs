//! A long history, written straight into the database while the server is stopped.
//!
//! Through the API a million executions with their reports would take several minutes; what the lists read is the
//! same. The rows are those that real dispatches leave: one execution, one invocation, three events, and an output
//! where the run succeeded. The audit chain is left alone, so it stays valid.

use super::fleet::{ACTION, Fleet};
use super::random::Random;
use std::path::Path;

use plex_api::executions::{ActionKind, ExecutionStatus};
use rusqlite::{Connection, Transaction, params};
use uuid::Uuid;

/// An action that one in a thousand executions has.
pub(super) const RARE_ACTION: &str = "rotate-keys";
/// The time that the history covers, in microseconds: 30 days.
const SPAN: i64 = 30 * 24 * 3600 * 1_000_000;
/// From one status of an invocation to the next, in microseconds.
const STEP: i64 = 250_000;
const PER_TRANSACTION: i64 = 20_000;

/// The history of one project.
pub(super) struct History<'f> {
    /// Whose nodes ran it.
    pub(super) fleet: &'f Fleet,
    /// The project's domain.
    pub(super) domain_id: Uuid,
    /// Executions.
    pub(super) size: u32,
}

impl History<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// When the database does not take it.
    pub(super) fn write(&self, path: &Path, random: &mut Random) -> anyhow::Result<()> {
        let mut database = Connection::open(path)?;
        // Nothing of this has to survive a crash; the server itself runs with its own settings.
        database.execute_batch(
            "pragma synchronous = off;
             pragma foreign_keys = off;
             pragma cache_size = -200000;",
        )?;
        let began = jiff::Timestamp::now().as_microsecond() - SPAN;
        let size = i64::from(self.size);
        let mut written = 0;
        while written < size {
            let transaction = database.transaction()?;
            let end = size.min(written + PER_TRANSACTION);
            for index in written..end {
                let created_at = began + SPAN / size * index;
                self.past(index, created_at, random).insert(&transaction, self)?;
            }
            transaction.commit()?;
            written = end;
        }
        database.execute_batch("pragma wal_checkpoint(truncate)")?;
        Ok(())
    }

    fn past(&self, index: i64, created_at: i64, random: &mut Random) -> Past {
        let status = match random.below(1000) {
            0..930 => ExecutionStatus::Succeeded,
            930..980 => ExecutionStatus::Failed,
            980..990 => ExecutionStatus::Timeout,
            990..999 => ExecutionStatus::Cancelled,
            _ => ExecutionStatus::Started,
        };
        let (action, kind) = match (index % 1000, random.below(20)) {
            (7, _) => (RARE_ACTION.to_owned(), ActionKind::Hook),
            (_, 0..10) => (ACTION.to_owned(), ActionKind::Builtin),
            (_, other) => (format!("deploy-{other}"), ActionKind::Hook),
        };
        let nodes = self.fleet.nodes.len() as u64;
        let node = usize::try_from(random.below(nodes)).expect("it is below a length");
        let id = random.id(u64::try_from(created_at / 1000).expect("the clock stands after 1970"));
        Past {
            id,
            node_id: self.fleet.nodes[node].id,
            action,
            kind,
            status,
            created_at,
        }
    }
}

/// One execution of long ago. Times are microseconds since 1970.
struct Past {
    id: Uuid,
    node_id: Uuid,
    action: String,
    kind: ActionKind,
    status: ExecutionStatus,
    created_at: i64,
}

impl Past {
    fn insert(&self, transaction: &Transaction<'_>, history: &History<'_>) -> rusqlite::Result<()> {
        self.insert_execution(transaction, history)?;
        self.insert_invocation(transaction)?;
        let reached: &[ExecutionStatus] = if self.status == ExecutionStatus::Timeout {
            &[ExecutionStatus::Timeout]
        } else if self.status == ExecutionStatus::Started {
            &[ExecutionStatus::Ack, ExecutionStatus::Started]
        } else {
            &[ExecutionStatus::Ack, ExecutionStatus::Started, self.status]
        };
        let mut insert = transaction.prepare_cached(
            "insert into execution_events (execution_id, node_id, status, occurred_at) values (?1, ?2, ?3, ?4)",
        )?;
        for (step, status) in (1..).zip(reached) {
            let occurred_at = self.created_at + step * STEP;
            insert.execute(params![
                self.id.as_bytes(),
                self.node_id.as_bytes(),
                status.as_str(),
                occurred_at
            ])?;
        }
        Ok(())
    }

    fn insert_execution(&self, transaction: &Transaction<'_>, history: &History<'_>) -> rusqlite::Result<()> {
        let has = |status| u32::from(self.status == status);
        // One that is still running must not fall due while it is being measured.
        let timeout: i64 = if self.status == ExecutionStatus::Started {
            60 * 24 * 3600
        } else {
            300
        };
        let mut insert = transaction.prepare_cached(
            "insert into executions (
                id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
                timeout_seconds, parameters, node_id, dispatched_by,
                pending, started, succeeded, failed, cancelled, timeout
            ) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15, ?16, ?17, ?18)",
        )?;
        insert.execute(params![
            self.id.as_bytes(),
            history.fleet.project_id.as_bytes(),
            history.domain_id.as_bytes(),
            self.action,
            self.kind.as_str(),
            self.status.as_str(),
            self.created_at,
            self.created_at + 3 * STEP,
            self.created_at + timeout * 1_000_000,
            timeout,
            r#"{"release":"2026.11.3","attempt":1}"#,
            self.node_id.as_bytes(),
            "user:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a1",
            has(ExecutionStatus::Started),
            has(ExecutionStatus::Succeeded),
            has(ExecutionStatus::Failed),
            has(ExecutionStatus::Cancelled),
            has(ExecutionStatus::Timeout),
        ])?;
        Ok(())
    }

    fn insert_invocation(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        const OUTPUT: &str = "release 2026.11.3 is in place\nrestarted in 1.2 s\n";
        let output = (self.status == ExecutionStatus::Succeeded).then_some(OUTPUT);
        let finished_at = self.status.is_terminal().then_some(self.created_at + 3 * STEP);
        let mut insert = transaction.prepare_cached(
            "insert into invocations (
                execution_id, node_id, status, updated_at, started_at, finished_at, exit_code, error,
                output_kind, output_bytes, output_truncated, output_id, live
            ) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        let output_id = match output {
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
            self.created_at + 3 * STEP,
            self.created_at + 2 * STEP,
            finished_at,
            output
                .map(|_| 0)
                .or((self.status == ExecutionStatus::Failed).then_some(1)),
            (self.status == ExecutionStatus::Failed).then_some("exit status 1"),
            output.map(|_| "inline"),
            output.map(|output| i64::try_from(output.len()).expect("it is short")),
            output.map(|_| false),
            output_id,
            (!self.status.is_terminal()).then_some(1),
        ])?;
        Ok(())
    }
}
