//! Every node reports on one and the same execution, at two replicas at once.

use super::control_plane::{ControlPlane, Installation, Programs};
use super::dispatch;
use super::fleet::{Fleet, Reach};
use super::latencies::{Latencies, shown};
use super::load::{Pace, Pool, Run};
use super::report::{Row, Section, Verdict};
use super::reports::{Found, Reports, Shape};
use std::time::Duration;

use anyhow::Context as _;
use uuid::Uuid;

/// In which all nodes have reported once.
const BUDGET: Duration = Duration::from_secs(1);
/// Executions that all nodes take through all their steps.
const EXECUTIONS: usize = 4;

/// Measures, and makes the report's section.
///
/// # Errors
/// When a replica does not start or a report is lost.
pub(super) fn section(
    programs: &Programs,
    installation: &Installation,
    fleet: &Fleet,
) -> anyhow::Result<Section> {
    let other = installation.replica(&installation.beside("replica"))?;
    let replicas = [installation.serve(programs)?, other.serve(programs)?];
    let dispatched = dispatch::to_many(&replicas[0], fleet, (Reach::All, EXECUTIONS))?;
    let fleets = fleet.dealt_to(&[&replicas[0], &replicas[1]]);
    let mut times = Latencies::default();
    let mut found = Found::default();
    for execution in &dispatched.executions {
        times.append(round(&replicas, &fleets, *execution, &mut found)?);
    }
    for replica in replicas {
        replica.stop()?;
    }
    let (nodes, median) = (fleet.nodes.len(), times.median());
    // The promise is about ten thousand of them.
    let budget = BUDGET.mul_f64(nodes as f64 / 10_000.0);
    Ok(Section {
        title: "One execution and two replicas".to_owned(),
        method: format!(
            "{nodes} nodes report `ack`, then `started`, then `succeeded` of one execution, half of them at each of two\n\
             replicas on the same PostgreSQL database, in a closed loop. A round is from the first request to the last\n\
             answer at either; {EXECUTIONS} executions have three each."
        ),
        rows: vec![
            Row {
                what: format!("{nodes} callbacks on one execution"),
                figure: format!("p50 {}, slowest {}", shown(median), shown(times.percentile(100))),
                beside: String::new(),
                ratio: String::new(),
                budget: format!("p50 ≤ {}", shown(budget)),
                verdict: Verdict::of(median <= budget),
            },
            found.row(),
        ],
        ..Section::default()
    })
}

/// Takes one execution through its three steps, all nodes at once; the time of each.
fn round(
    replicas: &[ControlPlane; 2],
    fleets: &[Fleet],
    execution: Uuid,
    found: &mut Found,
) -> anyhow::Result<Latencies> {
    let executions = [execution];
    let mut lanes = Vec::new();
    for (replica, fleet) in replicas.iter().zip(fleets) {
        let pool = Pool::open(&replica.endpoint)?;
        lanes.push((pool, Reports::new(fleet, Shape::Wide(&executions))));
    }
    let mut times = Latencies::default();
    for _ in 0..Reports::STEPS {
        let runs: Vec<anyhow::Result<Run>> = std::thread::scope(|scope| {
            let step = |(pool, reports): &mut (Pool, Reports<'_>)| {
                let count = reports.step();
                pool.run(reports, count, Pace::Closed)
            };
            let running: Vec<_> = lanes
                .iter_mut()
                .map(|lane| scope.spawn(move || step(lane)))
                .collect();
            running
                .into_iter()
                .map(|run| run.join().expect("no lane panics"))
                .collect()
        });
        let mut slowest = Duration::ZERO;
        for run in runs {
            slowest = slowest.max(run?.elapsed);
        }
        times.push(slowest);
        for (_, reports) in &mut lanes {
            reports.skip_step();
        }
    }
    let first = replicas.first().context("two replicas")?;
    for (_, reports) in &lanes {
        found.look(&mut first.operator()?, reports)?;
    }
    Ok(times)
}
