//! `cargo xtask bench`: the real server measured from outside, beside floors and peers of the same run.
//!
//! Absolute figures say more about a machine than about a program. So each figure stands next to something that
//! was measured in the same minutes on the same cores: a bare handler, a bare database transaction, `curl`, an empty
//! process. A missed budget is shown in the report and is not a failure; a failure is what could not be measured, and
//! the report says so in its place.

mod args;
mod audit;
mod bare;
mod callbacks;
mod chart;
mod comeback;
mod connection;
mod control_plane;
mod crowd;
mod delivery;
mod dispatch;
mod engine;
mod fleet;
mod growth;
mod history;
mod hot;
mod http;
mod latencies;
mod list;
mod load;
mod machine;
mod memory;
mod nats;
mod own_time;
mod peers;
mod plexctl;
mod programs;
mod random;
mod rate;
mod recipe;
mod relations;
mod report;
mod reports;
mod retention;
mod seed;
mod soak;
mod stream;
mod work;

use crate::console;
use crate::interrupt::Interrupt;
use crate::workspace::{self, Workspace};
pub(crate) use args::Args;
use args::{Measurement, Size};
pub(crate) use bare::{Args as FloorArgs, serve as serve_floor};
use control_plane::{Installation, Programs};
use engine::{Cluster, Engine};
use machine::{Machine, Probe};
use report::{DRAWINGS, Section, Setting};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit};

/// The seed of all generated data.
const SEED: u64 = 0x5eed_0b5e_55ed_1095;
/// Where a whole run's report goes.
const REPORT: &str = "docs/benchmarks.md";
/// The same of a run beside peers.
const PEERS_REPORT: &str = "docs/benchmarks-peers.md";
/// Open files that the largest measurement takes, on either side.
const OPEN_FILES: u64 = 20_000;

/// Builds the release binaries, measures, and writes the report.
///
/// # Errors
/// When something could not be measured.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    if !args.built {
        return build_and_continue(&workspace);
    }
    if args.wants(Measurement::Soak) {
        return soak::run(&workspace);
    }
    let bench = Bench::new(&args, workspace.target())?;
    raise_descriptor_limit();
    let mut machine = Machine::look(bench.scratch.path())?;
    let mut findings = Findings::new()?;
    let (measured, report, elsewhere) = match &args.peers {
        Some(named) => (
            peers::measure(&bench, &workspace, named, &mut findings),
            PEERS_REPORT,
            "What the product does by itself, beside its floors, is in\n[benchmarks.md](benchmarks.md) (`cargo xtask bench`).",
        ),
        None => (
            bench.measure_all(&mut machine, &mut findings),
            REPORT,
            "Other programs for the same job, 20 real agents beside Salt's minions among them, are in\n\
             [benchmarks-peers.md](benchmarks-peers.md) (`cargo xtask bench --peers`). Why budgets are missed, and what was tried, is\n\
             in [benchmarks-profiles.md](benchmarks-profiles.md).",
        ),
    };
    let setting = Setting {
        command: args.command(),
        seed: SEED,
        elsewhere,
    };
    let text = report::markdown(&machine, &setting, &findings.sections);
    console::pass_on(text.as_bytes())?;
    // What was measured before a signal came is shown, but it is not the report.
    measured?;
    if args.is_whole() {
        write(report, &text, &findings.sections)?;
    }
    let missing = findings
        .sections
        .iter()
        .filter(|section| section.is_missing)
        .count();
    anyhow::ensure!(missing == 0, "{missing} measurements failed");
    Ok(())
}

/// Writes the report and its drawings.
fn write(report: &str, text: &str, sections: &[Section]) -> anyhow::Result<()> {
    let report = workspace::root().join(report);
    let drawings = report.with_file_name(DRAWINGS);
    std::fs::create_dir_all(&drawings)?;
    for curve in sections.iter().filter_map(|section| section.curve.as_ref()) {
        std::fs::write(drawings.join(&curve.file), &curve.svg)?;
    }
    std::fs::write(&report, text).with_context(|| format!("cannot write {}", report.display()))
}

/// The load generator must be a release binary as well, so this very program is built and takes over.
fn build_and_continue(workspace: &Workspace) -> anyhow::Result<()> {
    say("building the release binaries");
    workspace::run(workspace::cargo(&["build", "--release", "--bins", "--locked"]))?;
    let error = Command::new(workspace.target().join("release/xtask"))
        .args(std::env::args_os().skip(1))
        .arg("--built")
        .exec();
    Err(error).context("cannot run the release build of xtask")
}

/// Each connection is a descriptor here, and one more in the server, which raises its own limit.
fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    let raised = Rlimit {
        current: Some(limit.current.map_or(wanted, |current| current.max(wanted))),
        ..limit
    };
    // Where it is too low, connections fail and the report says so.
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, raised) {
        say(&format!("cannot raise the limit of open files: {error}"));
    }
}

/// Tells whoever watches what is going on; the report alone goes to stdout.
fn say(what: &str) {
    console::complain(&format!("bench: {what}"));
}

/// What was measured so far, and whether to go on.
struct Findings {
    sections: Vec<Section>,
    probe: Probe,
    interrupt: Interrupt,
}

impl Findings {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            sections: Vec::new(),
            probe: Probe::new()?,
            interrupt: Interrupt::listen()?,
        })
    }

    /// Adds a section, or says in its place why there is none.
    ///
    /// # Errors
    /// When a signal came.
    fn measure(&mut self, title: &str, work: impl FnOnce() -> anyhow::Result<Section>) -> anyhow::Result<()> {
        say(&format!("measuring: {title}"));
        let speed = self.probe.look().ok();
        let found = work();
        self.interrupt.check()?;
        let section = found.unwrap_or_else(|error| {
            say(&format!("{title}: {error:#}"));
            Section::missing(title, &error)
        });
        self.sections.push(Section { speed, ..section });
        Ok(())
    }

    /// Takes what a whole stage brings; when the stage breaks off, the report says so.
    ///
    /// # Errors
    /// When a signal came.
    fn stage(
        &mut self,
        title: &str,
        work: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let ended = work(self);
        self.interrupt.check()?;
        if let Err(error) = ended {
            self.measure(title, || Err(error))?;
        }
        Ok(())
    }
}

/// One run.
struct Bench<'a> {
    args: &'a Args,
    size: &'static Size,
    programs: Programs,
    target: &'a Path,
    /// On the disk of the build, which is a real one where `/tmp` may be memory.
    scratch: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, target: &'a Path) -> anyhow::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(target)?;
        Ok(Self {
            args,
            size: args.size(),
            programs: Programs::new(target.join("release")),
            target,
            scratch,
        })
    }

    fn measure_all(&self, machine: &mut Machine, findings: &mut Findings) -> anyhow::Result<()> {
        if self.args.wants(Measurement::Relations) {
            findings.measure("Relations", || Ok(relations::section(self.size.rounds, SEED)))?;
        }
        let mut engines = self.args.engines().into_iter();
        engines.try_for_each(|engine| self.measure_on(engine, machine, findings))
    }

    fn measure_on(
        &self,
        engine: Engine,
        machine: &mut Machine,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let stages = [work::MEASUREMENTS, history::MEASUREMENTS].concat();
        if !self.args.wants_any(&stages) {
            return Ok(());
        }
        let name = engine.name();
        findings.stage(&format!("Everything on {name}"), |findings| {
            let cluster = match engine {
                Engine::Sqlite => None,
                Engine::Postgresql => Some(Cluster::start(self.target)?),
            };
            if let Some(cluster) = &cluster {
                machine.note(name, cluster.about.clone());
            }
            let site = Site {
                bench: self,
                engine,
                cluster,
            };
            findings.stage(&format!("Dispatches and callbacks on {name}"), |findings| {
                work::measure(&site, findings)
            })?;
            findings.stage(&format!("The long history on {name}"), |findings| {
                history::measure(&site, findings)
            })
        })
    }
}

/// Where installations on one of the databases are made.
struct Site<'b> {
    bench: &'b Bench<'b>,
    engine: Engine,
    cluster: Option<Cluster>,
}

/// An installation and the room that it takes.
struct Place {
    name: String,
    installation: Installation,
    root: PathBuf,
}

impl Site<'_> {
    fn install(&self, name: &str) -> anyhow::Result<Place> {
        let root = self.root(name);
        let shared = self
            .cluster
            .as_ref()
            .map(|cluster| cluster.database(name))
            .transpose()?;
        Ok(Place {
            name: name.to_owned(),
            installation: Installation::create(&self.bench.programs, &root, shared)?,
            root,
        })
    }

    fn root(&self, name: &str) -> PathBuf {
        self.bench
            .scratch
            .path()
            .join(format!("{:?}-{name}", self.engine))
    }

    /// Gives the room back. Nothing may run there any more.
    fn remove(&self, place: &Place) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&place.root)?;
        match &self.cluster {
            Some(cluster) => cluster.drop_database(&place.name),
            None => Ok(()),
        }
    }
}
