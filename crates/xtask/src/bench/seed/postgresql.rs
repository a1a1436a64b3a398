//! The history on PostgreSQL, by COPY.

use super::super::engine::{client, psql};
use super::{DISPATCHED_BY, PARAMETERS, PER_TRANSACTION, Past};
use std::fmt::{Display, Write as _};
use std::io::Write as _;

use anyhow::Context as _;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use plex_api::executions::ExecutionStatus;
use plex_domain::env::first_id;
use uuid::Uuid;

/// The tables that lie in months.
const TABLES: [&str; 4] = ["executions", "invocations", "outputs", "execution_events"];
/// The columns of each, as [`Chunk`] fills them.
const COLUMNS: [&str; 4] = [
    "id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at, timeout_seconds, parameters, \
     node_id, dispatched_by, pending, started, succeeded, failed, cancelled, timeout",
    "execution_id, node_id, status, updated_at, started_at, finished_at, exit_code, error, output_kind, output_bytes, \
     output_truncated, live",
    "execution_id, node_id, bytes",
    "execution_id, node_id, status, occurred_at",
];

/// Writes it; project and domain are whose it is, and `began` is when it begins.
pub(super) fn write(
    url: &str,
    (project, began): ((Uuid, Uuid), i64),
    pasts: &mut dyn Iterator<Item = Past>,
) -> anyhow::Result<()> {
    psql(url, &months(began)?)?;
    let mut child = client(url).spawn().context("cannot run psql")?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    // Nothing of this has to survive a crash.
    let mut written = stdin.write_all(b"set synchronous_commit = off;\n");
    let mut pasts = pasts.peekable();
    while written.is_ok() && pasts.peek().is_some() {
        let mut chunk = Chunk::default();
        for past in pasts.by_ref().take(PER_TRANSACTION) {
            chunk.push(&past, project);
        }
        written = stdin.write_all(chunk.script().as_bytes());
    }
    drop(stdin);
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "psql: {status}");
    written?;
    // What the server would do by itself in the next minutes, while something is being measured.
    psql(
        url,
        &format!("vacuum (analyze) {}; checkpoint", TABLES.join(", ")),
    )
    .map(drop)
}

/// Removes executions and their invocations.
pub(super) fn forget(url: &str, executions: &[Uuid]) -> anyhow::Result<()> {
    let ids: Vec<String> = executions.iter().map(|id| format!("'{id}'")).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let ids = ids.join(",");
    psql(
        url,
        &format!(
            "delete from invocations where execution_id in ({ids}); delete from executions where id in ({ids});
             vacuum (analyze) executions, invocations"
        ),
    )
    .map(drop)
}

/// The months of the history. A server that was there all the time would have made them as they came.
fn months(began: i64) -> anyhow::Result<String> {
    let began = jiff::Timestamp::from_microsecond(began)?;
    let now = jiff::Timestamp::now().to_zoned(TimeZone::UTC);
    let mut month = began.to_zoned(TimeZone::UTC).first_of_month()?.start_of_day()?;
    let mut script = String::from("set client_min_messages = warning;\n");
    while month < now {
        let next = month.checked_add(1.month())?;
        let (from, to) = (first_id(month.timestamp()), first_id(next.timestamp()));
        for table in TABLES {
            let name = month.strftime("%Y_%m");
            writeln!(
                script,
                "create table if not exists {table}_{name} partition of {table} for values from ('{from}') to ('{to}');"
            )?;
        }
        month = next;
    }
    Ok(script)
}

/// Rows of each of the tables, as COPY reads them.
#[derive(Default)]
struct Chunk([String; 4]);

impl Chunk {
    fn push(&mut self, past: &Past, (project_id, domain_id): (Uuid, Uuid)) {
        let [executions, invocations, outputs, events] = &mut self.0;
        let (id, node_id, status) = (past.id, past.node_id, past.status.as_str());
        let (created_at, updated_at) = (past.created_at, past.updated_at());
        let (expires_at, timeout_seconds) = (past.expires_at(), past.timeout_seconds());
        let (action, kind) = (&past.action, past.kind.as_str());
        let counts = [
            ExecutionStatus::Started,
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Cancelled,
            ExecutionStatus::Timeout,
        ];
        let counts = counts.map(|status| past.has(status).to_string()).join("\t");
        let _ = writeln!(
            executions,
            "{id}\t{project_id}\t{domain_id}\t{action}\t{kind}\t{status}\t{created_at}\t{updated_at}\t{expires_at}\t\
             {timeout_seconds}\t{PARAMETERS}\t{node_id}\t{DISPATCHED_BY}\t0\t{counts}"
        );
        let _ = writeln!(
            invocations,
            "{id}\t{node_id}\t{status}\t{updated_at}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            past.started_at(),
            value(past.ended()),
            value(past.exit_code()),
            value(past.error()),
            value(past.output().map(|_| "inline")),
            value(past.output_bytes()),
            value(past.output().map(|_| 0)),
            value(past.live()),
        );
        if let Some(output) = past.output() {
            let hex = data_encoding::HEXLOWER.encode(output.as_bytes());
            let _ = writeln!(outputs, "{id}\t{node_id}\t\\\\x{hex}");
        }
        for (status, occurred_at) in past.events() {
            let _ = writeln!(events, "{id}\t{node_id}\t{}\t{occurred_at}", status.as_str());
        }
    }

    /// All of it in one transaction.
    fn script(&self) -> String {
        let mut script = String::from("begin;\n");
        for ((table, columns), rows) in TABLES.iter().zip(COLUMNS).zip(&self.0) {
            let _ = write!(script, "copy {table} ({columns}) from stdin;\n{rows}\\.\n");
        }
        script.push_str("commit;\n");
        script
    }
}

/// A value, or what COPY takes for none.
fn value(value: Option<impl Display>) -> String {
    value.map_or_else(|| "\\N".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plex_api::executions::ActionKind;

    #[test]
    fn every_row_has_a_value_for_every_column() {
        let mut chunk = Chunk::default();
        for status in [
            ExecutionStatus::Succeeded,
            ExecutionStatus::Failed,
            ExecutionStatus::Started,
        ] {
            let past = Past {
                id: Uuid::max(),
                node_id: Uuid::max(),
                action: "x".to_owned(),
                kind: ActionKind::Hook,
                status,
                created_at: 1,
            };
            chunk.push(&past, (Uuid::nil(), Uuid::nil()));
        }
        for (columns, rows) in COLUMNS.iter().zip(&chunk.0) {
            let expected = columns.split(',').count();
            assert!(
                !rows.is_empty() && rows.lines().all(|row| row.split('\t').count() == expected),
                "{columns}: {rows}"
            );
        }
    }

    #[test]
    fn the_months_reach_from_the_beginning_to_now() {
        let now = jiff::Timestamp::now().as_microsecond();
        let script = months(now - 40 * 24 * 3600 * 1_000_000).unwrap();
        let made = script.matches("partition of executions ").count();
        assert!((2..=3).contains(&made), "{script}");
    }
}
