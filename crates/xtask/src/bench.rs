//! `cargo xtask bench`: the real server measured from outside, beside floors and peers of the same run.
//!
//! Absolute figures say more about a machine than about a program. So each figure stands next to something that
//! was measured in the same minutes on the same cores: a no-op request of the same stack, a bare database
//! transaction, `curl`, an empty process. A missed budget is shown in the report and is not a failure; a failure is
//! what could not be measured.

mod args;
mod callbacks;
mod connection;
mod control_plane;
mod dispatch;
mod fleet;
mod http;
mod latencies;
mod list;
mod load;
mod machine;
mod memory;
mod peers;
mod plexctl;
mod programs;
mod random;
mod recipe;
mod relations;
mod report;
mod reports;
mod seed;
mod stream;

use crate::console;
use crate::workspace::{self, Workspace};
pub(crate) use args::Args;
use args::{Measurement, Size};
use control_plane::{ControlPlane, Installation, Programs};
use fleet::Fleet;
use machine::Machine;
use random::Random;
use report::{Section, Setting};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// The seed of all generated data.
const SEED: u64 = 0x5eed_0b5e_55ed_1095;
/// Where a whole run's report goes.
const REPORT: &str = "docs/benchmarks.md";

/// Builds the release binaries, measures, and writes the report.
///
/// # Errors
/// When something could not be measured.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    if !args.built {
        return build_and_continue(&workspace);
    }
    if let Some(peers) = &args.peers {
        return peers::run(&workspace, peers, &args);
    }
    let bench = Bench::new(&args, workspace.target())?;
    let machine = Machine::look(bench.scratch.path())?;
    let mut sections = Vec::new();
    if args.wants(Measurement::Relations) {
        say("measuring the relation engine");
        sections.push(relations::section(bench.size.rounds, SEED));
    }
    let measured = bench
        .fleet_at_work(&mut sections)
        .and_then(|()| bench.long_history(&mut sections));
    let setting = Setting {
        command: args.command(),
        seed: SEED,
    };
    let text = report::markdown(&machine, &setting, &sections);
    console::pass_on(text.as_bytes())?;
    // What was measured before something failed is shown, but it is not the report.
    measured?;
    if args.is_whole() {
        let path = workspace::root().join(REPORT);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
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

/// Tells whoever watches what is going on; the report alone goes to stdout.
fn say(what: &str) {
    console::complain(&format!("bench: {what}"));
}

/// One run.
struct Bench<'a> {
    args: &'a Args,
    size: &'static Size,
    programs: Programs,
    /// On the disk of the build, which is a real one where `/tmp` may be memory.
    scratch: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, target: &Path) -> anyhow::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(target)?;
        Ok(Self {
            args,
            size: args.size(),
            programs: Programs::new(target.join("release")),
            scratch,
        })
    }

    fn install(&self, name: &str) -> anyhow::Result<(Installation, PathBuf)> {
        let root = self.scratch.path().join(name);
        let database_url = self.args.database_url.as_deref();
        Ok((Installation::create(&self.programs, &root, database_url)?, root))
    }

    /// Dispatches and callbacks, on a database of their own.
    fn fleet_at_work(&self, sections: &mut Vec<Section>) -> anyhow::Result<()> {
        let (callbacks, dispatch) = (
            self.args.wants(Measurement::Callbacks),
            self.args.wants(Measurement::Dispatch),
        );
        if !callbacks && !dispatch {
            return Ok(());
        }
        let (installation, root) = self.install("fleet")?;
        let control_plane = installation.serve(&self.programs)?;
        say(&format!("registering {} nodes", self.size.fleet));
        let mut random = Random::new(SEED);
        let fleet = Fleet::register(
            &control_plane,
            installation.project_id,
            self.size.fleet,
            &mut random,
        )?;
        say("dispatching to all of them");
        let dispatched = dispatch::to_all(&control_plane, &fleet, self.size.amount.executions())?;
        if callbacks {
            say("measuring callbacks");
            sections.push(callbacks::section(
                &control_plane,
                &fleet,
                &dispatched,
                (self.size.amount, self.args.database_url.is_some()),
            )?);
        }
        control_plane.stop()?;
        if dispatch {
            sections.push(dispatch::section(
                &installation,
                &fleet,
                &dispatched,
                &mut random,
            )?);
        }
        std::fs::remove_dir_all(root)?;
        Ok(())
    }

    /// Lists, programs and memory, on a database with a long history.
    fn long_history(&self, sections: &mut Vec<Section>) -> anyhow::Result<()> {
        let wanted = [Measurement::List, Measurement::Programs, Measurement::Memory];
        if !wanted.into_iter().any(|measurement| self.args.wants(measurement)) {
            return Ok(());
        }
        let (installation, root) = self.install("history")?;
        let (fleet, matches) = self.prepare_history(&installation)?;
        let control_plane = installation.serve(&self.programs)?;
        self.measure_history(&installation, (&control_plane, &fleet, &matches), sections)?;
        control_plane.stop()?;
        std::fs::remove_dir_all(root)?;
        Ok(())
    }

    /// Registers the agents, stops the server again, and writes the history.
    fn prepare_history(&self, installation: &Installation) -> anyhow::Result<(Fleet, Vec<u64>)> {
        let mut random = Random::new(SEED);
        let control_plane = installation.serve(&self.programs)?;
        let fleet = Fleet::register(
            &control_plane,
            installation.project_id,
            self.size.agents,
            &mut random,
        )?;
        control_plane.stop()?;
        say(&format!("writing {} executions", self.size.history));
        let history = seed::History {
            fleet: &fleet,
            domain_id: installation.domain_id,
            size: self.size.history,
        };
        history.write(&installation.database(), &mut random)?;
        let matches = list::matches(&installation.database(), &fleet)?;
        Ok((fleet, matches))
    }

    fn measure_history(
        &self,
        installation: &Installation,
        (control_plane, fleet, matches): (&ControlPlane, &Fleet, &[u64]),
        sections: &mut Vec<Section>,
    ) -> anyhow::Result<()> {
        if self.args.wants(Measurement::List) {
            say("measuring lists");
            sections.push(list::section(control_plane, fleet, matches, self.size.pages)?);
        }
        if self.args.wants(Measurement::Programs) {
            say("measuring programs");
            let served = (control_plane, fleet);
            sections.push(programs::section(
                &self.programs,
                installation,
                served,
                self.size.processes,
            )?);
        }
        if self.args.wants(Measurement::Memory) {
            say("measuring memory");
            sections.push(memory::section(control_plane, fleet, self.size.history)?);
        }
        Ok(())
    }
}
