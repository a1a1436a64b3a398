//! The server's memory with a long history stored and agents connected, and how soon they all hear of a dispatch.

use super::SEED;
use super::chart::thousands;
use super::control_plane::{ControlPlane, Memory};
use super::crowd::Crowd;
use super::dispatch;
use super::fleet::{Fleet, Reach};
use super::history::Ground;
use super::latencies::{Latencies, shown};
use super::random::Random;
use super::report::{Row, Section, Verdict};
use super::seed;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// 150 MiB, in KiB, with a thousand agents.
const BUDGET: u64 = 150 * 1024;
const THOUSAND: usize = 1000;
/// KiB of each agent's connection.
const EACH: f64 = 40.0;
/// From a dispatch's answer to the last stream that has its event.
const DELIVERED: Duration = Duration::from_millis(500);
/// Dispatches to all.
const DISPATCHES: usize = 5;
/// Buffers of handshakes are given back within this time.
const SETTLE: Duration = Duration::from_secs(3);
/// For connecting all, and for telling them all.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures, and makes the report's section. The server has done nothing yet.
///
/// # Errors
/// When an agent cannot connect or misses its event.
pub(super) fn section(control_plane: &ControlPlane, ground: &Ground) -> anyhow::Result<Section> {
    let (engine, stored) = (ground.place.installation.engine(), ground.history.stored());
    let alone = control_plane.memory()?;
    let (all, few) = (ground.fleet.nodes.len(), THOUSAND.min(ground.fleet.nodes.len()));
    let mut crowd = Crowd::new(&control_plane.endpoint, &ground.fleet.nodes, &Random::new(SEED))?;
    let with_few = connect(&mut crowd, few, control_plane)?;
    let with_all = connect(&mut crowd, all, control_plane)?;
    let (deliveries, executions) = deliver(control_plane, &ground.fleet, &mut crowd)?;
    let afterwards = control_plane.memory()?;
    seed::forget(&ground.place.installation, &executions)?;
    Ok(Section {
        title: format!("Memory and agents, {}", engine.name()),
        method: format!(
            "`VmRSS` and `VmHWM` of a server that was just started, with {} executions stored. Each agent is a TLS\n\
             connection with HTTP/2 and one open event stream. Then all are dispatched to, {DISPATCHES} times: counted is\n\
             from the dispatch's answer to the last stream that has its own signed event.",
            thousands(f64::from(stored))
        ),
        rows: rows((alone, with_few, with_all, afterwards), (few, all), &deliveries),
        ..Section::default()
    })
}

fn rows(
    (alone, with_few, with_all, afterwards): (Memory, Memory, Memory, Memory),
    (few, all): (usize, usize),
    deliveries: &Latencies,
) -> Vec<Row> {
    let each = with_all.resident.saturating_sub(alone.resident) as f64 / all as f64;
    let slow = deliveries.median();
    let mut rows = vec![
        Row {
            what: format!("{few} agents connected"),
            figure: shown_memory(with_few),
            beside: format!("{} without agents", mib(alone.resident)),
            ratio: String::new(),
            budget: "< 150 MiB".to_owned(),
            verdict: Verdict::of(with_few.peak < BUDGET),
        },
        Row {
            what: format!("memory of each of {all} connected agents"),
            figure: format!("{each:.1} KiB"),
            beside: format!("{} with all of them", mib(with_all.resident)),
            ratio: String::new(),
            budget: format!("≤ {EACH} KiB"),
            verdict: Verdict::of(each <= EACH),
        },
        Row {
            what: format!("dispatch to {all} agents, signed and on every stream after its answer"),
            figure: format!(
                "p50 {}, slowest {}",
                shown(slow),
                shown(deliveries.percentile(100))
            ),
            beside: String::new(),
            ratio: String::new(),
            budget: format!("p50 ≤ {}", shown(DELIVERED)),
            verdict: Verdict::of(slow <= DELIVERED),
        },
    ];
    rows.push(Row::plain(
        "memory after those dispatches",
        shown_memory(afterwards),
    ));
    rows
}

/// Connects agents until there are so many, and waits until nothing of that is left in buffers; the server's memory then.
fn connect(crowd: &mut Crowd<'_>, count: usize, control_plane: &ControlPlane) -> anyhow::Result<Memory> {
    crowd.invite(count);
    crowd.connect_all()?;
    let settled = Instant::now() + SETTLE;
    crowd.until("a moment of rest", PATIENCE, |_| Instant::now() >= settled)?;
    control_plane.memory()
}

/// Dispatches to all agents, one time after the other; from each answer to the last stream that has its event.
fn deliver(
    control_plane: &ControlPlane,
    fleet: &Fleet,
    crowd: &mut Crowd<'_>,
) -> anyhow::Result<(Latencies, Vec<Uuid>)> {
    let (mut times, mut executions) = (Latencies::default(), Vec::new());
    for _ in 0..DISPATCHES {
        crowd.count_anew();
        executions.extend(dispatch::to_many(control_plane, fleet, (Reach::All, 1))?.executions);
        let answered = Instant::now();
        crowd.until("the event of a dispatch", PATIENCE, |crowd| {
            crowd.told() == fleet.nodes.len()
        })?;
        times.push(answered.elapsed());
    }
    Ok((times, executions))
}

fn shown_memory(memory: Memory) -> String {
    format!(
        "{} resident, {} at its peak",
        mib(memory.resident),
        mib(memory.peak)
    )
}

fn mib(kib: u64) -> String {
    let mib = kib as f64 / 1024.0;
    format!("{mib:.0} MiB")
}
