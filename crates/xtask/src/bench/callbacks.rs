//! What nodes report: three callbacks for each invocation, and all of them found again.
//!
//! Reports come in waves: every node acknowledges one execution, then every node starts it, then every node ends
//! it with a small output. In an open loop at 10,000/s a node's next report is thus due one second after its last.

mod floor;
mod rows;

use super::Site;
use super::control_plane::{ControlPlane, Installation};
use super::dispatch::{self, Dispatched};
use super::engine::Engine;
use super::fleet::Fleet;
use super::latencies::shown;
use super::load::{CONNECTIONS, Pace, Pool, Run};
use super::report::{Row, Section};
use super::reports::{Found, NoOps, OUTPUT, Reports, Shape};
use floor::Bare;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;

/// The arrival rate of the open loop.
const PER_SECOND: u32 = 10_000;
/// Connections of the open loop, so that what comes due finds one that is free, and of the third closed loop: as many
/// as make one commit full.
const MANY: usize = 512;

/// How much is measured, in waves: executions that every node takes through all steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// In the open loop before it is measured.
    pub(super) warm_up: usize,
    /// In the open loop.
    pub(super) sustained: usize,
    /// In each of the three closed loops.
    pub(super) closed: usize,
}

impl Amount {
    /// Dispatches to the whole fleet that this takes.
    pub(super) fn executions(self) -> usize {
        self.warm_up + self.sustained + 3 * self.closed
    }
}

/// Measures, and makes the report's section.
///
/// # Errors
/// When something could not be measured.
pub(super) fn section(
    site: &Site<'_>,
    (installation, control_plane): (&Installation, &ControlPlane),
    fleet: &Fleet,
    dispatched: &Dispatched,
) -> anyhow::Result<Section> {
    let (amount, engine) = (site.bench.size.amount, site.engine);
    let (warm_up, dispatched) = dispatched.executions.split_at(amount.warm_up);
    let (sustained, closed) = dispatched.split_at(amount.sustained);
    let mut found = Found::default();
    let mut open_loop = |executions| {
        let open = Pace::Open {
            per_second: PER_SECOND,
        };
        let reports = Reports::new(fleet, Shape::Wide(executions));
        measure(control_plane, reports, (MANY, open), &mut found)
    };
    open_loop(warm_up)?;
    let steady = open_loop(sustained)?;
    let mut bare = Bare::start(installation, site.cluster.as_ref(), fleet, closed)?;
    let loops = [CONNECTIONS, CONNECTIONS, MANY];
    let mut turns = Vec::new();
    for (third, connections) in closed.chunks(amount.closed).zip(loops) {
        let all = || Shape::Wide(third);
        turns.push(Turn {
            nothing: measure_no_op(control_plane, Reports::misspelt(fleet, all()), connections)?,
            bare: bare.measure(fleet, third, connections)?,
            ours: measure(
                control_plane,
                Reports::new(fleet, all()),
                (connections, Pace::Closed),
                &mut found,
            )?,
        });
    }
    bare.finish()?;
    let crowded = turns.pop().context("there are three loops")?;
    let (singles, dispatches) = dispatch::to_each(control_plane, fleet)?;
    let apart = measure(
        control_plane,
        Reports::new(fleet, Shape::Apart(&singles)),
        (CONNECTIONS, Pace::Closed),
        &mut found,
    )?;
    let mut rows = vec![rows::steady(&steady), found.row()];
    rows.extend(rows::closed(&turns, engine));
    rows.extend(rows::crowded(&crowded));
    let plain = |run: &Run| format!("{:.0}/s, p99 {}", run.rate(), shown(run.latencies.percentile(99)));
    rows.push(Row::plain(
        "callbacks, each on an execution of its own, closed loop",
        plain(&apart.run) + &apart.cost(),
    ));
    rows.push(Row::plain(
        "dispatches to one node, closed loop",
        plain(&dispatches),
    ));
    Ok(Section {
        title: format!("Callbacks on {}", engine.name()),
        method: method(fleet.nodes.len(), engine),
        rows,
        ..Section::default()
    })
}

fn method(nodes: usize, engine: Engine) -> String {
    let (durable, committer) = match engine {
        Engine::Sqlite => ("`synchronous=FULL`", "a thread with the only connection"),
        Engine::Postgresql => (
            "`fsync` and `synchronous_commit` on; the CPU is that of both servers",
            "one connection, one statement for all of them",
        ),
    };
    format!(
        "`POST /v1/nodes/{{id}}/executions/{{execution_id}}` by {nodes} registered nodes over {CONNECTIONS} kept-alive\n\
         TLS connections (HTTP/1.1), database with {durable}; every invocation takes `ack`, `started` and\n\
         `succeeded` with {OUTPUT} bytes of output. Open loop: fixed arrival rate over {MANY} connections, latency counted\n\
         from when a request was due; one dispatch to all is reported before that, unmeasured. Closed loop: each connection\n\
         sends when it has its answer. Afterwards every report that was answered 200 is looked for in what the API gives back.\n\n\
         The floor is a bare handler with a group committer: a process of its own with the same certificate that takes\n\
         the same requests, authenticates and authorises nobody, and answers once a report is committed. Its committer\n\
         ({committer}) stores whatever waits, up to 512 reports, in one transaction: of each a\n\
         compare-and-set of the invocation's status, an event and the output, of each execution its counts. It has a\n\
         database of its own with the same durability; afterwards it is killed, and what it answered must be stored and\n\
         counted there. The no-op POST is the same requests to the product with `status` misspelt, so that the node is\n\
         authenticated, the body read and parsed, and the answer is 400 without any write. All of these closed loops run\n\
         twice, by turns; the means are shown. One more turn is over {MANY} connections."
    )
}

/// One closed loop of each.
struct Turn {
    /// No-ops of the same stack.
    nothing: Measured,
    /// Of the bare handler.
    bare: Measured,
    ours: Measured,
}

/// A run and what it cost the server.
struct Measured {
    run: Run,
    processor_time: Duration,
    refused: BTreeMap<u16, usize>,
}

impl Measured {
    fn cost(&self) -> String {
        let count = self.run.latencies.count() as f64;
        let microseconds = self.processor_time.as_secs_f64() * 1e6 / count;
        format!("; {microseconds:.0} µs of CPU each")
    }
}

fn measure(
    control_plane: &ControlPlane,
    mut reports: Reports<'_>,
    (connections, pace): (usize, Pace),
    found: &mut Found,
) -> anyhow::Result<Measured> {
    let before = control_plane.processor_time()?;
    let count = reports.count();
    let run = Pool::of(&control_plane.endpoint, connections)?.run(&mut reports, count, pace)?;
    let processor_time = control_plane.processor_time()?.saturating_sub(before);
    found.look(&mut control_plane.operator()?, &reports)?;
    Ok(Measured {
        run,
        processor_time,
        refused: reports.refused,
    })
}

fn measure_no_op(
    control_plane: &ControlPlane,
    misspelt: Reports<'_>,
    connections: usize,
) -> anyhow::Result<Measured> {
    let count = misspelt.count();
    let before = control_plane.processor_time()?;
    let mut pool = Pool::of(&control_plane.endpoint, connections)?;
    let run = pool.run(&mut NoOps(misspelt), count, Pace::Closed)?;
    let processor_time = control_plane.processor_time()?.saturating_sub(before);
    Ok(Measured {
        run,
        processor_time,
        refused: BTreeMap::new(),
    })
}
