//! What is measured on a long history: how costs grow with it, then lists, programs and memory at its full length.

use super::args::Measurement;
use super::chart::thousands;
use super::engine::Engine;
use super::fleet::Fleet;
use super::growth::{Effort, Growth, REFERENCE};
use super::random::Random;
use super::seed::History;
use super::{Findings, Place, SEED, Site, comeback, list, memory, programs, rate, retention, say};
use std::path::Path;

use anyhow::Context as _;

/// What is measured here.
pub(super) const MEASUREMENTS: &[Measurement] = &[
    Measurement::Growth,
    Measurement::List,
    Measurement::Programs,
    Measurement::Memory,
    Measurement::Return,
    Measurement::Retention,
];

/// An installation with nodes and a history.
pub(super) struct Ground {
    /// The installation.
    pub(super) place: Place,
    /// Its nodes.
    pub(super) fleet: Fleet,
    /// Its history so far.
    pub(super) history: History,
}

impl Ground {
    /// Makes one whose history is to have `size` executions in the end, and has none yet.
    ///
    /// # Errors
    /// When the installation cannot be set up.
    fn make(site: &Site<'_>, name: &str, size: u32) -> anyhow::Result<Self> {
        let place = site.install(name)?;
        let installation = &place.installation;
        let nodes = site.bench.size.agents;
        say(&format!("registering {nodes} nodes on {}", site.engine.name()));
        let mut random = Random::new(SEED);
        let control_plane = installation.serve(&site.bench.programs)?;
        let fleet = Fleet::register(&control_plane, installation.project_id, nodes, &mut random)?;
        control_plane.stop()?;
        let history = History::new(installation, &fleet, size, &random);
        Ok(Self {
            place,
            fleet,
            history,
        })
    }

    fn grow(&mut self, stored: u32) -> anyhow::Result<()> {
        say(&format!("writing a history of {}", thousands(f64::from(stored))));
        self.history.grow(&self.place.installation, stored)
    }
}

/// Measures what is wanted of it.
///
/// # Errors
/// When the installation cannot be set up, or a signal came.
pub(super) fn measure(site: &Site<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    if !site.bench.args.wants_any(MEASUREMENTS) {
        return Ok(());
    }
    let room = room(site.bench.scratch.path())?;
    let sizes = fitting(site.bench.size.history, site.engine, room);
    let left_out = left_out(site.bench.size.history, sizes, (site.engine, room));
    let largest = *sizes
        .last()
        .context("there is no room on the disk for any history")?;
    let mut grown = Ground::make(site, "grown", largest)?;
    if site.bench.args.wants(Measurement::Growth) {
        measure_growth(site, &mut grown, (sizes, &left_out), findings)?;
    }
    if site.bench.args.wants_any(&MEASUREMENTS[1..]) {
        if grown.history.stored() < largest {
            grown.grow(largest)?;
        }
        measure_at_length(site, &grown, findings)?;
    }
    site.remove(&grown.place)
}

fn measure_growth(
    site: &Site<'_>,
    grown: &mut Ground,
    (sizes, left_out): (&[u32], &str),
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut reference = Ground::make(site, "reference", REFERENCE)?;
    reference.grow(REFERENCE)?;
    let mut growth = Growth::default();
    let effort = Effort {
        turns: site.bench.size.turns,
        pages: site.bench.size.pages,
    };
    let mut measured = Ok(());
    for &size in sizes {
        findings.interrupt.check()?;
        grown.grow(size)?;
        say(&format!(
            "measuring growth on {} at {}",
            site.engine.name(),
            thousands(f64::from(size))
        ));
        measured =
            measured.and_then(|()| growth.measure(&site.bench.programs, [&*grown, &reference], effort));
    }
    let name = site.engine.name();
    findings.measure(&format!("Growth on {name}"), || {
        measured.map(|()| growth.section(site.engine, left_out))
    })?;
    site.remove(&reference.place)
}

fn measure_at_length(site: &Site<'_>, ground: &Ground, findings: &mut Findings) -> anyhow::Result<()> {
    let (bench, name) = (site.bench, site.engine.name());
    let installation = &ground.place.installation;
    let control_plane = installation.serve(&bench.programs)?;
    if bench.args.wants(Measurement::List) {
        findings.measure(&format!("Lists on {name}"), || {
            list::section(&control_plane, ground, bench.size.pages)
        })?;
    }
    if bench.args.wants(Measurement::List) {
        findings.measure(&format!("Lists a second on {name}"), || {
            rate::section(&control_plane, ground, bench.size.lists)
        })?;
    }
    if bench.args.wants(Measurement::Programs) {
        findings.measure(&format!("Programs, {name} behind them"), || {
            let served = (&control_plane, &ground.fleet);
            programs::section(&bench.programs, installation, served, bench.size.processes)
        })?;
    }
    control_plane.stop()?;
    if bench.args.wants(Measurement::Memory) {
        // A server that has done nothing yet, so that agents do not get memory that something else had before.
        let control_plane = installation.serve(&bench.programs)?;
        findings.measure(&format!("Memory and agents, {name}"), || {
            memory::section(&control_plane, ground)
        })?;
        control_plane.stop()?;
    }
    // Only a database that is shared has several replicas.
    if site.cluster.is_some() && bench.args.wants(Measurement::Return) {
        findings.measure("Agents after a restart of their replica", || {
            comeback::section(&bench.programs, ground)
        })?;
    }
    // It eats the history, so it comes last.
    if bench.args.wants(Measurement::Retention) {
        findings.measure(&format!("Retention under callbacks on {name}"), || {
            retention::section(&bench.programs, ground)
        })?;
    }
    Ok(())
}

/// Bytes that an execution takes on the disk, and what the database takes besides while it is loaded.
fn need(engine: Engine, size: u32) -> u64 {
    let (each, besides) = match engine {
        Engine::Sqlite => (1100, 1 << 30),
        Engine::Postgresql => (1700, 6 << 30),
    };
    u64::from(size) * each + besides
}

/// The sizes for which there is room.
fn fitting(sizes: &'static [u32], engine: Engine, room: u64) -> &'static [u32] {
    let count = sizes.partition_point(|size| need(engine, *size) <= room);
    &sizes[..count]
}

/// What the report says about sizes for which there is no room.
fn left_out(wanted: &[u32], kept: &[u32], (engine, room): (Engine, u64)) -> String {
    let Some(size) = wanted.get(kept.len()) else {
        return String::new();
    };
    format!(
        " **Left out: {} executions and more, which take {} GB; {} GB are free.**",
        thousands(f64::from(*size)),
        need(engine, *size) / 1_000_000_000,
        room / 1_000_000_000
    )
}

fn room(directory: &Path) -> anyhow::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail * disk.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: &[u32] = &[1000, 1_000_000, 10_000_000];

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let room = need(Engine::Postgresql, 1_000_000);
        let kept = fitting(SIZES, Engine::Postgresql, room);
        assert_eq!(kept, &SIZES[..2]);
        let said = left_out(SIZES, kept, (Engine::Postgresql, room));
        assert!(said.contains("Left out: 10,000,000 executions"), "{said}");
        assert!(fitting(SIZES, Engine::Sqlite, 0).is_empty());
    }

    #[test]
    fn nothing_is_said_where_there_is_room() {
        let kept = fitting(SIZES, Engine::Sqlite, u64::MAX);
        assert_eq!(kept, SIZES);
        assert_eq!(left_out(SIZES, kept, (Engine::Sqlite, u64::MAX)), "");
    }
}
