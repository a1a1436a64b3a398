//! The committer on SQLite: a thread with the only connection.

use super::{BATCH, Report, Waiting, tell};
use std::collections::HashMap;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, ensure};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::mpsc;
use uuid::Uuid;

const SCHEMA: &str = "
    create table executions (
        id blob primary key,
        pending integer not null,
        ack integer not null default 0,
        started integer not null default 0,
        succeeded integer not null default 0
    ) strict, without rowid;
    create table invocations (
        execution_id blob not null,
        node_id blob not null,
        status integer not null default 0,
        output_id integer,
        primary key (execution_id, node_id)
    ) strict, without rowid;
    create table events (
        execution_id blob not null,
        node_id blob not null,
        status integer not null,
        occurred_at integer not null
    ) strict;
    create table outputs (id integer primary key, bytes blob not null) strict;";
/// Compare and set.
const ADVANCE: &str = "update invocations
    set status = ?3, output_id = ?4
    where execution_id = ?1 and node_id = ?2 and status = ?3 - 1";
const RECORD: &str =
    "insert into events (execution_id, node_id, status, occurred_at) values (?1, ?2, ?3, ?4)";
const KEEP: &str = "insert into outputs (id, bytes) values (?1, ?2)";
const COUNT: &str = "update executions
    set pending = pending - ?2, ack = ack + ?2 - ?3, started = started + ?3 - ?4, succeeded = succeeded + ?4
    where id = ?1";

/// Starts it.
pub(super) fn start(path: &Path, mut queue: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut connection = connect(path)?;
    thread::spawn(move || {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            let reports = batch.iter().map(|waiting| &waiting.report);
            let committed = commit(&mut connection, reports).context("nothing was committed");
            tell(&mut batch, committed);
        }
    });
    Ok(())
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    // The log is moved into the file every 64 MiB, as the product does it.
    connection.execute_batch(
        "pragma journal_mode = wal;
         pragma synchronous = full;
         pragma wal_autocheckpoint = 16384;
         pragma cache_size = -8000;",
    )?;
    let mode: String = connection.query_row("pragma journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = connection.query_row("pragma synchronous", [], |row| row.get(0))?;
    ensure!(
        mode == "wal" && synchronous == 2,
        "journal_mode {mode}, synchronous {synchronous}: not durable"
    );
    Ok(connection)
}

/// Stores reports in one transaction; whether each was in turn.
fn commit<'r>(
    connection: &mut Connection,
    reports: impl Iterator<Item = &'r Report>,
) -> anyhow::Result<Vec<bool>> {
    let now = jiff::Timestamp::now().as_microsecond();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut next: i64 = transaction.query_row("select coalesce(max(id), 0) + 1 from outputs", [], |row| {
        row.get(0)
    })?;
    let mut advance = transaction.prepare_cached(ADVANCE)?;
    let mut record = transaction.prepare_cached(RECORD)?;
    let mut keep = transaction.prepare_cached(KEEP)?;
    let mut counts = HashMap::<Uuid, [i64; 3]>::new();
    let mut outcomes = Vec::with_capacity(BATCH);
    for report in reports {
        let (execution, node, step) = (report.execution_id, report.node_id, report.step());
        let (execution_id, node_id) = (execution.as_bytes(), node.as_bytes());
        let output_id = report.output.as_ref().map(|_| next);
        let is_stored = advance.execute(params![execution_id, node_id, step, output_id])? == 1;
        outcomes.push(is_stored);
        if !is_stored {
            continue;
        }
        record.execute(params![execution_id, node_id, step, now])?;
        if let Some(output) = &report.output {
            keep.execute(params![next, output])?;
            next += 1;
        }
        counts.entry(execution).or_default()[usize::from(step) - 1] += 1;
    }
    let mut count = transaction.prepare_cached(COUNT)?;
    for (execution, [ack, started, succeeded]) in counts {
        count.execute(params![execution.as_bytes(), ack, started, succeeded])?;
    }
    drop((advance, record, keep, count));
    transaction.commit()?;
    Ok(outcomes)
}

/// Makes a database in which all of the nodes can report on all of the executions.
pub(super) fn make(path: &Path, executions: &[Uuid], nodes: &[Uuid]) -> anyhow::Result<()> {
    let mut connection = connect(path)?;
    connection.execute_batch(SCHEMA)?;
    let (transaction, count) = (connection.transaction()?, i64::try_from(nodes.len())?);
    let mut execution = transaction.prepare("insert into executions (id, pending) values (?1, ?2)")?;
    let mut invocation =
        transaction.prepare("insert into invocations (execution_id, node_id) values (?1, ?2)")?;
    for execution_id in executions {
        execution.execute(params![execution_id.as_bytes(), count])?;
        for node_id in nodes {
            invocation.execute([execution_id.as_bytes(), node_id.as_bytes()])?;
        }
    }
    drop((execution, invocation));
    transaction.commit()?;
    Ok(())
}

/// The five figures of a statement.
pub(super) fn tally(path: &Path, sql: &str) -> anyhow::Result<[i64; 5]> {
    let figures = connect(path)?.query_row(sql, [], |row| {
        let mut figures = [0; 5];
        for (column, figure) in figures.iter_mut().enumerate() {
            *figure = row.get(column)?;
        }
        Ok(figures)
    })?;
    Ok(figures)
}
