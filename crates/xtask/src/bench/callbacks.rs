//! What nodes report: three callbacks for each invocation, and all of them found again.
//!
//! Reports come in waves: every node acknowledges one execution, then every node starts it, then every node ends
//! it with a small output. In an open loop at 10,000/s a node's next report is thus due one second after its last.

use super::control_plane::ControlPlane;
use super::dispatch::{self, Dispatched};
use super::engine::Engine;
use super::fleet::Fleet;
use super::latencies::shown;
use super::load::{CONNECTIONS, Pace, Pool, Run};
use super::report::{Row, Section, Verdict};
use super::reports::{Found, NoOps, OUTPUT, Reports, Shape};
use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

/// The arrival rate of the open loop.
const PER_SECOND: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(50);
/// Callbacks per second that the embedded database is to reach.
const LEAST: f64 = 25_000.0;
/// The same for PostgreSQL.
const LEAST_ON_POSTGRESQL: f64 = 10_000.0;
/// Of the no-op POST's rate.
const LEAST_SHARE: f64 = 0.4;

/// How much is measured, in waves: executions that every node takes through all steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// In the open loop.
    pub(super) sustained: usize,
    /// In each of the two closed loops.
    pub(super) closed: usize,
}

impl Amount {
    /// Dispatches to the whole fleet that this takes.
    pub(super) fn executions(self) -> usize {
        self.sustained + 2 * self.closed
    }
}

/// Measures, and makes the report's section.
///
/// # Errors
/// When something could not be measured.
pub(super) fn section(
    control_plane: &ControlPlane,
    fleet: &Fleet,
    dispatched: &Dispatched,
    (amount, engine): (Amount, Engine),
) -> anyhow::Result<Section> {
    let (sustained, closed) = dispatched.executions.split_at(amount.sustained);
    let mut found = Found::default();
    let open = Pace::Open {
        per_second: PER_SECOND,
    };
    let steady = measure(
        control_plane,
        Reports::new(fleet, Shape::Wide(sustained)),
        open,
        &mut found,
    )?;
    let mut pairs = Vec::new();
    for half in closed.chunks(amount.closed) {
        let nothing = measure_no_op(control_plane, fleet, half)?;
        let most = measure(
            control_plane,
            Reports::new(fleet, Shape::Wide(half)),
            Pace::Closed,
            &mut found,
        )?;
        pairs.push((nothing, most));
    }
    let (singles, dispatches) = dispatch::to_each(control_plane, fleet)?;
    let apart = measure(
        control_plane,
        Reports::new(fleet, Shape::Apart(&singles)),
        Pace::Closed,
        &mut found,
    )?;
    let mut rows = vec![steady_row(&steady), found.row()];
    rows.extend(closed_rows(&pairs, engine));
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
    let durable = match engine {
        Engine::Sqlite => "`synchronous=FULL`",
        Engine::Postgresql => "`fsync` and `synchronous_commit` on; the CPU is that of both servers",
    };
    format!(
        "`POST /v1/nodes/{{id}}/executions/{{execution_id}}` by {nodes} registered nodes over {CONNECTIONS} kept-alive\n\
         TLS connections (HTTP/1.1), database with {durable}; every invocation takes `ack`, `started` and\n\
         `succeeded` with {OUTPUT} bytes of output. Open loop: fixed arrival rate, latency counted from when a\n\
         request was due. Closed loop: each connection sends when it has its answer. The floor is a no-op POST of\n\
         the same stack: the same requests with `status` misspelt, so that the node is authenticated, the body read\n\
         and parsed, and the answer is 400 without any write. Both closed loops run twice, by turns; the means are\n\
         shown. Afterwards every report that was answered 200 is looked for in what the API gives back."
    )
}

/// A run and what it cost the server.
struct Measured {
    run: Run,
    processor_time: Duration,
    refused: BTreeMap<u16, usize>,
}

impl Measured {
    fn cost(&self) -> String {
        let microseconds = self.processor_time.as_secs_f64() * 1e6 / count(self.run.latencies.count());
        format!("; {microseconds:.0} µs of CPU each")
    }
}

fn measure(
    control_plane: &ControlPlane,
    mut reports: Reports<'_>,
    pace: Pace,
    found: &mut Found,
) -> anyhow::Result<Measured> {
    let before = control_plane.processor_time()?;
    let count = reports.count();
    let run = Pool::open(&control_plane.endpoint)?.run(&mut reports, count, pace)?;
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
    fleet: &Fleet,
    executions: &[Uuid],
) -> anyhow::Result<Measured> {
    let reports = Reports::misspelt(fleet, Shape::Wide(executions));
    let count = reports.count();
    let before = control_plane.processor_time()?;
    let run = Pool::open(&control_plane.endpoint)?.run(&mut NoOps(reports), count, Pace::Closed)?;
    let processor_time = control_plane.processor_time()?.saturating_sub(before);
    Ok(Measured {
        run,
        processor_time,
        refused: BTreeMap::new(),
    })
}

fn count(number: usize) -> f64 {
    number as f64
}

fn steady_row(steady: &Measured) -> Row {
    let run = &steady.run;
    let (median, slow) = (run.latencies.median(), run.latencies.percentile(99));
    let refused: usize = steady.refused.values().sum();
    let told = if refused == 0 {
        String::new()
    } else {
        format!("; not answered 200: {:?}", steady.refused)
    };
    // The last answer comes a little after the last request was due, so the rate is never quite reached.
    let is_sustained = run.rate() >= f64::from(PER_SECOND) * 0.995;
    Row {
        what: format!(
            "callbacks sustained for {:.0} s, open loop",
            run.elapsed.as_secs_f64()
        ),
        figure: format!(
            "{:.0}/s, p50 {}, p99 {}{}{told}",
            run.rate(),
            shown(median),
            shown(slow),
            steady.cost()
        ),
        beside: format!("{PER_SECOND}/s offered"),
        ratio: format!("{:.1} %", 100.0 * run.rate() / f64::from(PER_SECOND)),
        budget: "10,000/s, p99 ≤ 50 ms".to_owned(),
        verdict: Verdict::of(is_sustained && refused == 0 && slow <= SLOWEST),
    }
}

fn closed_rows(pairs: &[(Measured, Measured)], engine: Engine) -> [Row; 2] {
    let mean = |rate: &dyn Fn(&(Measured, Measured)) -> f64| {
        pairs.iter().map(rate).sum::<f64>() / count(pairs.len())
    };
    let (nothing, most) = (mean(&|pair| pair.0.run.rate()), mean(&|pair| pair.1.run.rate()));
    let slow = pairs
        .iter()
        .map(|pair| pair.1.run.latencies.percentile(99))
        .max()
        .unwrap_or_default();
    let refused: usize = pairs.iter().flat_map(|pair| pair.1.refused.values()).sum();
    let costs = pairs
        .last()
        .map(|pair| (pair.0.cost(), pair.1.cost()))
        .unwrap_or_default();
    let share = most / nothing;
    let least = match engine {
        Engine::Sqlite => LEAST,
        Engine::Postgresql => LEAST_ON_POSTGRESQL,
    };
    let beside_the_floor = Row {
        what: "callbacks, closed loop, beside the no-op POST".to_owned(),
        figure: format!("{most:.0}/s{}", costs.1),
        beside: format!("{nothing:.0}/s{}", costs.0),
        ratio: format!("{:.0} %", 100.0 * share),
        budget: "≥ 40 %".to_owned(),
        verdict: Verdict::of(share >= LEAST_SHARE && refused == 0),
    };
    let absolute = Row {
        what: "callbacks, closed loop".to_owned(),
        figure: format!("{most:.0}/s, p99 {}", shown(slow)),
        beside: String::new(),
        ratio: String::new(),
        budget: format!("≥ {least:.0}/s, p99 ≤ 50 ms"),
        verdict: Verdict::of(most >= least && slow <= SLOWEST && refused == 0),
    };
    [beside_the_floor, absolute]
}
