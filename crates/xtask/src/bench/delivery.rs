//! How soon a dispatch that one replica accepts is with a node that follows its events at another.

use super::connection::Connection;
use super::control_plane::{ControlPlane, Installation, Programs};
use super::dispatch;
use super::fleet::Fleet;
use super::latencies::{Latencies, shown};
use super::machine;
use super::nats::Nats;
use super::report::{Row, Section, Verdict};
use super::stream::AgentStream;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// For the node at the other replica.
const BUDGET: Duration = Duration::from_millis(50);
/// Dispatches to each of the two nodes.
const DISPATCHES: usize = 300;
/// For what the nodes still had to do before.
const SETTLE: Duration = Duration::from_secs(3);
/// After which the measurement has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures, and makes the report's section. No server runs.
///
/// # Errors
/// When a server does not start, or a dispatch does not arrive.
pub(super) fn section(
    programs: &Programs,
    installation: &Installation,
    fleet: &Fleet,
) -> anyhow::Result<Section> {
    let tools = tools::provide(&Workspace::find()?, &[Tool::Python])?;
    let program = tools.join("python/bin/nats-server");
    let version =
        machine::first_line(Command::new(&program).arg("--version")).context("it says a version")?;
    let nats = Nats::start(&program, &installation.beside("nats"))?;
    let flags = ["--nats-url", nats.url()];
    let other = installation.replica(&installation.beside("replica-for-delivery"))?;
    let replicas = [
        installation.serve_with(programs, &flags)?,
        other.serve_with(programs, &flags)?,
    ];
    let mut operator = Connection::open(&replicas[0].endpoint)?;
    let mut followed = Vec::new();
    for (node, replica) in replicas.iter().enumerate() {
        let mut stream = AgentStream::open(&replica.endpoint, &fleet.nodes[node])?;
        follow(&mut stream, SETTLE, |_| false)?;
        followed.push((node, stream, Latencies::default()));
    }
    for _ in 0..DISPATCHES {
        for (node, stream, times) in &mut followed {
            times.push(deliver(&mut operator, &replicas[0], (fleet, *node), stream)?);
        }
    }
    drop(operator);
    let times: Vec<Latencies> = followed.into_iter().map(|(_, _, times)| times).collect();
    for replica in replicas {
        replica.stop()?;
    }
    let [here, there] = <[Latencies; 2]>::try_from(times)
        .ok()
        .context("there are two nodes")?;
    Ok(Section {
        title: "Dispatches from replica to replica".to_owned(),
        method: format!(
            "Two replicas on one PostgreSQL database and one NATS server ({version}). An operator at the first dispatches to\n\
             one node, {DISPATCHES} times one after the other, by turns to one that follows its event stream there and to one\n\
             that does so at the second; from the first byte sent until both the answer and the event are there."
        ),
        rows: vec![row(&here, &there)],
        ..Section::default()
    })
}

fn row(here: &Latencies, there: &Latencies) -> Row {
    let both = |times: &Latencies| {
        format!(
            "p50 {}, p99 {}",
            shown(times.median()),
            shown(times.percentile(99))
        )
    };
    Row {
        what: "a dispatch, with a node of another replica".to_owned(),
        figure: both(there),
        beside: format!("{} with a node of the same", both(here)),
        ratio: format!(
            "{:.2} ×",
            there.median().as_secs_f64() / here.median().as_secs_f64()
        ),
        budget: format!("p50 < {}", shown(BUDGET)),
        verdict: Verdict::of(there.median() < BUDGET),
    }
}

/// Dispatches to a node and waits until its stream has said so.
fn deliver(
    operator: &mut Connection,
    replica: &ControlPlane,
    place: (&Fleet, usize),
    stream: &mut AgentStream,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let id = dispatch::to_one(operator, replica, place)?.to_string();
    let is_told = follow(stream, PATIENCE, |stream| stream.heard(id.as_bytes()))?;
    anyhow::ensure!(is_told, "a node did not hear of {id}");
    Ok(began.elapsed())
}

/// Follows a stream until it has said something, or for so long.
fn follow(
    stream: &mut AgentStream,
    patience: Duration,
    has_said: impl Fn(&mut AgentStream) -> bool,
) -> anyhow::Result<bool> {
    let until = Instant::now() + patience;
    loop {
        stream.advance()?;
        if has_said(stream) {
            return Ok(true);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        poll(
            &mut [PollFd::new(stream.socket(), PollFlags::IN)],
            Some(&Timespec::try_from(left)?),
        )?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_of_the_other_replica_is_the_one_that_is_judged() {
        let row = |there| row(&Latencies::of(49), &Latencies::of(there)).verdict;
        assert_eq!([row(49), row(50)], [Verdict::Met, Verdict::Missed]);
    }
}
