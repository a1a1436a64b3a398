//! `cargo xtask bench`: the real server measured from outside, beside floors and peers of the same run.
//!
//! Absolute figures say more about a machine than about a program. So each figure stands next to something that
//! was measured in the same minutes on the same cores: a no-op request of the same stack, a bare database
//! transaction, `curl`, an empty process. A missed budget is shown in the report and is not a failure; a failure is
//! what could not be measured.

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
mod programs;
mod random;
mod report;
mod reports;
mod seed;
mod stream;

use crate::console;
use crate::workspace::{self, Workspace};
use callbacks::Amount;
use control_plane::{ControlPlane, Installation, Programs};
use fleet::Fleet;
use machine::Machine;
use random::Random;
use report::{Section, Setting};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::{Args as Flags, ValueEnum};

/// The seed of all generated data.
const SEED: u64 = 0x5eed_0b5e_55ed_1095;
/// Where a whole run's report goes.
const REPORT: &str = "docs/benchmarks.md";

/// The flags of `cargo xtask bench`
#[derive(Debug, Clone, Flags)]
pub(crate) struct Args {
    /// Less of everything; the report is printed and docs/benchmarks.md left as it is
    #[arg(long)]
    quick: bool,
    /// Only these; the report is printed and docs/benchmarks.md left as it is
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    only: Vec<Measurement>,
    /// The release binaries are there and this is one of them
    #[arg(long, hide = true)]
    built: bool,
}

/// What can be measured
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// Durable callbacks per second, beside a no-op POST
    Callbacks,
    /// A dispatch to 10,000 nodes
    Dispatch,
    /// Pages of 50 over a million executions
    List,
    /// plexctl as a whole process, beside curl and an empty process
    Programs,
    /// The server's memory with a million executions and a thousand agents
    Memory,
}

/// How much of everything.
struct Size {
    fleet: u32,
    agents: u32,
    amount: Amount,
    history: u32,
    pages: usize,
    processes: usize,
}

static WHOLE: Size = Size {
    fleet: 10_000,
    agents: 1000,
    amount: Amount {
        sustained: 20,
        closed: 8,
    },
    history: 1_000_000,
    pages: 500,
    processes: 200,
};
static QUICK: Size = Size {
    fleet: 10_000,
    agents: 1000,
    amount: Amount {
        sustained: 4,
        closed: 2,
    },
    history: 100_000,
    pages: 200,
    processes: 100,
};

/// Builds the release binaries, measures, and writes the report.
///
/// # Errors
/// When something could not be measured.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    if !args.built {
        return build_and_continue(&workspace);
    }
    let bench = Bench::new(&args, workspace.target())?;
    let mut sections = Vec::new();
    let measured = bench
        .fleet_at_work(&mut sections)
        .and_then(|()| bench.long_history(&mut sections));
    let machine = Machine::look(bench.scratch.path())?;
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

impl Args {
    fn wants(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty()
    }

    fn size(&self) -> &'static Size {
        if self.quick { &QUICK } else { &WHOLE }
    }

    /// The command line that asks for the same.
    fn command(&self) -> String {
        let mut command = "cargo xtask bench".to_owned();
        if self.quick {
            command.push_str(" --quick");
        }
        let names = self.only.iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
        if !names.is_empty() {
            command.push_str(&format!(" --only {}", names.join(",")));
        }
        command
    }
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
        Ok((Installation::create(&self.programs, &root)?, root))
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
                self.size.amount,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn args(flags: &[&str]) -> Args {
        Command::try_parse_from(["bench"].iter().chain(flags))
            .expect("well-formed flags")
            .args
    }

    #[test]
    fn only_a_whole_run_replaces_the_report() {
        assert!(args(&[]).is_whole());
        assert!(!args(&["--quick"]).is_whole());
        assert!(!args(&["--only", "list"]).is_whole());
    }

    #[test]
    fn the_report_names_the_command_that_repeats_it() {
        for flags in [
            &[][..],
            &["--quick"],
            &["--only", "list,memory"],
            &["--quick", "--only", "callbacks"],
        ] {
            let said = args(flags).command();
            let again: Vec<&str> = said.split(' ').skip(3).collect();
            assert_eq!(args(&again).command(), said);
            assert_eq!(again, flags);
        }
    }
}
