//! Dispatching to 10,000 nodes: from the request's first byte to the answer's last.
//!
//! The floor is the same rows in one bare SQLite transaction on the same disk. The executions made here are what
//! the callbacks are about afterwards.

use super::connection::{Connection, parse};
use super::control_plane::{ControlPlane, Installation};
use super::engine::psql;
use super::fleet::{Fleet, Reach};
use super::http::{Answer, Caller};
use super::latencies::{Latencies, shown};
use super::load::{Pace, Pool, Run, Work};
use super::random::Random;
use super::report::{Row, Section, Verdict};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use plex_api::paths;
use rusqlite::{Connection as Database, params};
use serde::Deserialize;
use uuid::Uuid;

const BUDGET: Duration = Duration::from_millis(500);
const BUDGET_ON_POSTGRESQL: Duration = Duration::from_millis(800);
/// Bare transactions for the floor.
const BARE: usize = 9;

/// Executions, and how long each took to be made.
pub(super) struct Dispatched {
    /// Their ids.
    pub(super) executions: Vec<Uuid>,
    /// The whole request of each.
    pub(super) latencies: Latencies,
}

#[derive(Deserialize)]
struct Minted {
    id: Uuid,
    targets: Vec<serde::de::IgnoredAny>,
}

/// Dispatches to the nodes within reach, `count` times, one after the other.
///
/// # Errors
/// When one does not reach them all.
pub(super) fn to_many(
    control_plane: &ControlPlane,
    fleet: &Fleet,
    (reach, count): (Reach, usize),
) -> anyhow::Result<Dispatched> {
    let caller = Caller::new(&control_plane.endpoint.host, control_plane.token());
    let request = caller.send(
        "POST",
        &paths::dispatch(fleet.project_id),
        &fleet.dispatch_within(reach)?,
    );
    let mut connection = Connection::open(&control_plane.endpoint)?;
    let mut dispatched = Dispatched {
        executions: Vec::new(),
        latencies: Latencies::default(),
    };
    for _ in 0..count {
        let began = Instant::now();
        let answer = connection.call(&request)?;
        dispatched.latencies.push(began.elapsed());
        let minted: Minted = parse(&answer)?;
        anyhow::ensure!(
            minted.targets.len() == fleet.count(reach),
            "a dispatch reached {} nodes",
            minted.targets.len()
        );
        dispatched.executions.push(minted.id);
    }
    Ok(dispatched)
}

/// Dispatches to one node; the execution's id.
///
/// # Errors
/// When it is refused.
pub(super) fn to_one(
    connection: &mut Connection,
    control_plane: &ControlPlane,
    (fleet, node): (&Fleet, usize),
) -> anyhow::Result<Uuid> {
    let caller = Caller::new(&control_plane.endpoint.host, control_plane.token());
    let request = caller.send(
        "POST",
        &paths::dispatch(fleet.project_id),
        &fleet.dispatch_to(node)?,
    );
    Ok(parse::<Minted>(&connection.call(&request)?)?.id)
}

/// Dispatches once to each node alone, over many connections. The ids are in the order of the nodes.
///
/// # Errors
/// When one is refused.
pub(super) fn to_each(control_plane: &ControlPlane, fleet: &Fleet) -> anyhow::Result<(Vec<Uuid>, Run)> {
    let caller = Caller::new(&control_plane.endpoint.host, control_plane.token());
    let mut work = Singles {
        fleet,
        caller,
        made: vec![Uuid::nil(); fleet.nodes.len()],
    };
    let run = Pool::open(&control_plane.endpoint)?.run(&mut work, fleet.nodes.len(), Pace::Closed)?;
    Ok((work.made, run))
}

struct Singles<'f> {
    fleet: &'f Fleet,
    caller: Caller,
    made: Vec<Uuid>,
}

impl Work for Singles<'_> {
    fn request(&mut self, number: usize) -> Vec<u8> {
        let body = self.fleet.dispatch_to(number).expect("words are JSON");
        self.caller
            .send("POST", &paths::dispatch(self.fleet.project_id), &body)
    }

    fn answered(&mut self, number: usize, answer: &Answer) -> anyhow::Result<()> {
        self.made[number] = parse::<Minted>(answer)?.id;
        Ok(())
    }
}

/// The report's section. The server must have stopped.
///
/// # Errors
/// When the floor cannot be measured.
pub(super) fn section(
    installation: &Installation,
    fleet: &Fleet,
    dispatched: &Dispatched,
    random: &mut Random,
) -> anyhow::Result<Section> {
    let first = *dispatched.executions.first().context("nothing was dispatched")?;
    let (floor, budget) = match installation.shared() {
        Some(shared) => (bare_on_postgresql(&shared.url, first)?, BUDGET_ON_POSTGRESQL),
        None => {
            let bare = bare_transactions(&installation.database(), fleet, first, random)?;
            (bare, BUDGET)
        }
    };
    let engine = installation.engine().name();
    let floor = floor.median();
    let latencies = &dispatched.latencies;
    let median = latencies.median();
    let row = Row {
        what: format!("dispatch to {} nodes, answered and durable", fleet.nodes.len()),
        figure: format!(
            "p50 {}, slowest {}",
            shown(median),
            shown(latencies.percentile(100))
        ),
        beside: format!("{} for the bare transaction", shown(floor)),
        ratio: format!("{:.1} ×", median.as_secs_f64() / floor.as_secs_f64()),
        budget: format!("p50 ≤ {} ms", budget.as_millis()),
        verdict: Verdict::of(median <= budget),
    };
    Ok(Section {
        title: format!("Dispatch on {engine}"),
        method: format!(
            "`POST …/executions/dispatch` with a selector, {} times one after the other on one kept-alive TLS\n\
             connection, each from the first byte sent to the last byte of the answer, which lists every target.\n\
             The floor is one execution and as many invocations in one bare, durable transaction on the same\n\
             database while the server is stopped.",
            latencies.count()
        ),
        rows: vec![row],
        ..Section::default()
    })
}

/// The same on PostgreSQL, by its own client, which tells how long each statement took.
fn bare_on_postgresql(url: &str, model: Uuid) -> anyhow::Result<Latencies> {
    let script = format!(
        "\\timing on
        select gen_random_uuid() as made \\gset
        begin;
        insert into executions (
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at, timeout_seconds,
            dispatched_by, pending
        )
        select
            :'made', project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, dispatched_by, pending
        from executions where id = '{model}';
        insert into invocations (execution_id, node_id, status, updated_at)
        select :'made', node_id, 'pending', 0 from invocations where execution_id = '{model}';
        commit;"
    );
    let mut latencies = Latencies::default();
    for _ in 0..BARE {
        let told = psql(url, &script)?;
        let times = told.lines().filter_map(|line| {
            line.strip_prefix("Time: ")?
                .split(' ')
                .next()?
                .parse::<f64>()
                .ok()
        });
        // The first is that of the id.
        latencies.push(Duration::from_secs_f64(times.skip(1).sum::<f64>() / 1000.0));
    }
    Ok(latencies)
}

/// One execution and its invocations per transaction, without anything of ours in the way.
fn bare_transactions(
    path: &Path,
    fleet: &Fleet,
    model: Uuid,
    random: &mut Random,
) -> anyhow::Result<Latencies> {
    let mut database = Database::open(path)?;
    database.execute_batch("pragma synchronous = full")?;
    let columns = "project_id, domain_id, action, kind, status, created_at, updated_at, expires_at, \
                   timeout_seconds, dispatched_by, pending";
    let copy =
        format!("insert into executions (id, {columns}) select ?1, {columns} from executions where id = ?2");
    let mut latencies = Latencies::default();
    for _ in 0..BARE {
        let id = random.id(u64::try_from(jiff::Timestamp::now().as_millisecond())?);
        let began = Instant::now();
        let transaction = database.transaction()?;
        transaction.execute(&copy, params![id.as_bytes(), model.as_bytes()])?;
        let mut insert = transaction.prepare_cached(
            "insert into invocations (execution_id, node_id, status, updated_at) values (?1, ?2, 'pending', 0)",
        )?;
        for node in &fleet.nodes {
            insert.execute(params![id.as_bytes(), node.id.as_bytes()])?;
        }
        drop(insert);
        transaction.commit()?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}
