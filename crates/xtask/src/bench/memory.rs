//! The server's memory with a long history stored and a fleet connected.

use super::connection::Connection;
use super::control_plane::{ControlPlane, Memory};
use super::fleet::Fleet;
use super::http::Caller;
use super::report::{Row, Section, Verdict};
use super::stream::AgentStream;
use std::time::{Duration, Instant};

use plex_api::events::ACTION_REQUEST;
use plex_api::paths;

/// 150 MiB, in KiB.
const BUDGET: u64 = 150 * 1024;
/// Buffers of handshakes are given back within this time.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures, and makes the report's section. `stored` executions are in the database.
///
/// # Errors
/// When an agent cannot connect or misses its event.
pub(super) fn section(control_plane: &ControlPlane, fleet: &Fleet, stored: u32) -> anyhow::Result<Section> {
    let alone = control_plane.memory()?;
    let mut agents = Vec::with_capacity(fleet.nodes.len());
    for node in &fleet.nodes {
        agents.push(AgentStream::open(&control_plane.endpoint, node)?);
    }
    std::thread::sleep(SETTLE);
    let connected = control_plane.memory()?;
    let delivered = deliver(control_plane, fleet, &mut agents)?;
    let afterwards = control_plane.memory()?;
    let count = agents.len();
    let each = connected.resident.saturating_sub(alone.resident) as f64 / count as f64;
    let rows = vec![
        row(
            format!("{count} agents connected"),
            connected,
            &format!("{} without agents", mib(alone.resident)),
        ),
        row(
            format!("{count} agents, after a dispatch to all"),
            afterwards,
            &format!("{} before it", mib(connected.resident)),
        ),
        informative("memory of each connected agent", format!("{each:.1} KiB")),
        informative(
            "dispatch to all agents until the last stream had its signed event",
            format!("{:.0} ms", delivered.as_secs_f64() * 1000.0),
        ),
    ];
    Ok(Section {
        title: "Memory",
        method: format!(
            "`VmRSS` and `VmHWM` of the server with {stored} executions stored, after the lists above where they were\n\
             measured. Each agent is a TLS connection with HTTP/2 and one open event stream; that every one of them\n\
             is really served is shown by a dispatch, whose event each stream receives."
        ),
        rows,
    })
}

/// Dispatches to all agents; the time from sending that to the last stream that received its event.
fn deliver(
    control_plane: &ControlPlane,
    fleet: &Fleet,
    agents: &mut [AgentStream],
) -> anyhow::Result<Duration> {
    let caller = Caller::new(&control_plane.endpoint.host, control_plane.token());
    let request = caller.send(
        "POST",
        &paths::dispatch(fleet.project_id),
        &fleet.dispatch_to_all()?,
    );
    let mut connection = Connection::open(&control_plane.endpoint)?;
    let began = Instant::now();
    let answer = connection.call(&request)?;
    anyhow::ensure!(
        answer.status == 201,
        "the dispatch was answered {}",
        answer.status
    );
    let event = format!("event: {ACTION_REQUEST}\n");
    for agent in agents {
        agent.wait_for(event.as_bytes())?;
    }
    Ok(began.elapsed())
}

fn row(what: String, memory: Memory, beside: &str) -> Row {
    Row {
        what,
        figure: format!(
            "{} resident, {} at its peak",
            mib(memory.resident),
            mib(memory.peak)
        ),
        beside: beside.to_owned(),
        ratio: String::new(),
        budget: "< 150 MiB".to_owned(),
        verdict: Verdict::of(memory.peak < BUDGET),
    }
}

fn informative(what: &str, figure: String) -> Row {
    Row {
        what: what.to_owned(),
        figure,
        beside: String::new(),
        ratio: String::new(),
        budget: String::new(),
        verdict: Verdict::NoBudget,
    }
}

fn mib(kib: u64) -> String {
    let mib = kib as f64 / 1024.0;
    format!("{mib:.0} MiB")
}
