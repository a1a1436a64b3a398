//! The committer on PostgreSQL: one connection, and one statement for a whole batch.

use super::super::super::engine::psql;
use super::super::id::Id;
use super::{BATCH, Waiting, tell};
use std::fmt::Write as _;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// Rows that are updated again and again have room beside them, so that no index has to know.
const SCHEMA: &str = "
    create table executions (
        id uuid primary key,
        pending bigint not null,
        ack bigint not null default 0,
        started bigint not null default 0,
        succeeded bigint not null default 0
    ) with (fillfactor = 50);
    create table invocations (
        execution_id uuid not null,
        node_id uuid not null,
        status smallint not null default 0,
        primary key (execution_id, node_id)
    ) with (fillfactor = 50);
    create table events (
        execution_id uuid not null,
        node_id uuid not null,
        status smallint not null,
        occurred_at bigint not null
    );
    create table outputs (
        execution_id uuid not null,
        node_id uuid not null,
        bytes bytea not null,
        primary key (execution_id, node_id)
    );";
/// As the product's own sessions: one plan, which looks each row up.
const SETTLE: &str = "
    set synchronous_commit = on;
    set plan_cache_mode = force_generic_plan;
    set enable_seqscan = off;
    set enable_mergejoin = off;
    set jit = off;";
/// Returns the places of those that were in turn. Of two on one invocation at once, one is.
const STORE: &str = "
    with reported as (
        select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bytea[]) with ordinality
            as r (execution_id, node_id, step, output, place)
    ), advanced as (
        update invocations i
        set status = r.step
        from reported r
        where i.execution_id = r.execution_id and i.node_id = r.node_id and i.status = r.step - 1
        returning r.*
    ), counted as (
        update executions e
        set pending = e.pending - c.ack, ack = e.ack + c.ack - c.started,
            started = e.started + c.started - c.succeeded, succeeded = e.succeeded + c.succeeded
        from (
            select
                execution_id, count(*) filter (where step = 1) as ack, count(*) filter (where step = 2) as started,
                count(*) filter (where step = 3) as succeeded
            from advanced
            group by execution_id
        ) c
        where e.id = c.execution_id
    ), recorded as (
        insert into events (execution_id, node_id, status, occurred_at)
        select execution_id, node_id, step, $5::bigint from advanced
    ), kept as (
        insert into outputs (execution_id, node_id, bytes)
        select execution_id, node_id, output from advanced where output is not null
    )
    select place from advanced";

/// Starts it.
pub(super) async fn start(url: &str, mut queue: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(SETTLE).await?;
    let statement = client.prepare(STORE).await?;
    tokio::spawn(async move {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let committed = commit(&client, &statement, &batch)
                .await
                .context("nothing was committed");
            tell(&mut batch, committed);
        }
    });
    Ok(())
}

/// Stores reports; whether each was in turn. The last row comes before the commit, but the end of the rows after it.
async fn commit(client: &Client, statement: &Statement, batch: &[Waiting]) -> anyhow::Result<Vec<bool>> {
    let reports = || batch.iter().map(|waiting| &waiting.report);
    let executions: Vec<Id> = reports().map(|report| Id(report.execution_id)).collect();
    let nodes: Vec<Id> = reports().map(|report| Id(report.node_id)).collect();
    let steps: Vec<i16> = reports().map(|report| i16::from(report.step())).collect();
    let outputs: Vec<Option<&[u8]>> = reports().map(|report| report.output.as_deref()).collect();
    let now = jiff::Timestamp::now().as_microsecond();
    let values: [&(dyn ToSql + Sync); 5] = [&executions, &nodes, &steps, &outputs, &now];
    let mut outcomes = vec![false; batch.len()];
    for row in client.query(statement, &values).await? {
        let place: i64 = row.try_get(0)?;
        *usize::try_from(place - 1)
            .ok()
            .and_then(|index| outcomes.get_mut(index))
            .context("a place beyond the batch")? = true;
    }
    Ok(outcomes)
}

/// Makes the tables of a database in which all of the nodes can report on all of the executions.
pub(super) fn make(url: &str, executions: &[Uuid], nodes: &[Uuid]) -> anyhow::Result<()> {
    let mut script = SCHEMA.to_owned();
    let (executions, count, nodes) = (array(executions), nodes.len(), array(nodes));
    write!(
        script,
        "insert into executions (id, pending) select id, {count} from unnest({executions}) as id;
        insert into invocations (execution_id, node_id)
        select execution_id, node_id
        from unnest({executions}) as execution_id cross join unnest({nodes}) as node_id;
        vacuum (analyze);
        checkpoint;"
    )?;
    psql(url, &script).map(drop)
}

fn array(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    format!("'{{{}}}'::uuid[]", ids.join(","))
}

/// The five figures of a statement.
pub(super) fn tally(url: &str, sql: &str) -> anyhow::Result<[i64; 5]> {
    let said = psql(url, &format!("{sql};"))?;
    let figures: Result<Vec<i64>, _> = said.trim().split('|').map(str::parse).collect();
    let figures = figures.with_context(|| format!("psql said {said:?}"))?;
    <[i64; 5]>::try_from(figures)
        .ok()
        .with_context(|| format!("psql said {said:?}"))
}
