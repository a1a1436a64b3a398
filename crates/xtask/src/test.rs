//! `cargo xtask test`: every check and every test, one suite after the other.
//!
//! A suite that cannot run here is skipped and says why in one line. Where nobody would read that line, in CI, a
//! skipped suite is a failed one.

mod deny;
mod dependencies;
mod lock_file;
mod postgres;
pub(crate) mod suites;

use crate::console;
use crate::interrupt::Interrupt;
use crate::workspace::Workspace;
use std::time::Instant;

use anyhow::bail;
use clap::builder::FalseyValueParser;
use clap::{Args as Flags, ValueEnum};
use suites::Suite;

/// The flags of `cargo xtask test`
#[derive(Debug, Clone, Flags)]
pub(crate) struct Args {
    /// Leave out what takes minutes
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Only these
    #[arg(long, value_name = "SUITE", value_delimiter = ',', num_args = 1..)]
    only: Vec<Suite>,
    /// Count a skipped suite as a failed one
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,
}

/// How a suite ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(anyhow::Error),
    Skipped(String),
}

/// Suites by how they ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs the suites and ends with a line that counts them.
///
/// # Errors
/// When a suite fails, or when one was skipped in CI.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    // What a suite has started must be stopped, also by Ctrl-C.
    let interrupt = Interrupt::listen()?;
    let mut ended = Vec::new();
    for suite in args.suites() {
        console::say(&format!("\n==> {}", suite.name()))?;
        let began = Instant::now();
        let outcome = args.outcome(suite, &workspace);
        interrupt.check()?;
        console::say(&format!(
            "{}: {} ({} s)",
            suite.name(),
            outcome.word(),
            began.elapsed().as_secs()
        ))?;
        ended.push((suite, outcome));
    }
    console::say("")?;
    let mut tally = Tally::default();
    for (suite, outcome) in &ended {
        tally.count(outcome);
        if let Some(remark) = outcome.remark() {
            console::say(&format!("{} {}: {remark}", suite.name(), outcome.word()))?;
        }
    }
    console::say(&tally.line())?;
    if tally.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

impl Args {
    fn suites(&self) -> Vec<Suite> {
        let all = Suite::value_variants().iter().copied();
        all.filter(|suite| self.only.is_empty() || self.only.contains(suite))
            .collect()
    }

    fn outcome(&self, suite: Suite, workspace: &Workspace) -> Outcome {
        let outcome = if self.quick && suite.takes_minutes() {
            Outcome::Skipped("--quick leaves it out".to_owned())
        } else {
            suite.run(workspace)
        };
        match outcome {
            Outcome::Skipped(reason) if self.ci => {
                Outcome::Failed(anyhow::anyhow!("may not be skipped in CI: {reason}"))
            }
            Outcome::Passed | Outcome::Failed(_) | Outcome::Skipped(_) => outcome,
        }
    }
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Why it did not pass, on one line.
    fn remark(&self) -> Option<String> {
        let reason = match self {
            Self::Passed => return None,
            Self::Failed(error) => format!("{error:#}"),
            Self::Skipped(reason) => reason.clone(),
        };
        Some(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl From<anyhow::Result<()>> for Outcome {
    fn from(result: anyhow::Result<()>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(error) => Self::Failed(error),
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Skipped(_) => self.skipped += 1,
        }
    }

    fn line(&self) -> String {
        let line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped == 0 {
            line
        } else {
            format!("{line}, {} skipped", self.skipped)
        }
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
        let words = ["test"].iter().chain(flags);
        let mut args = Command::try_parse_from(words).expect("well-formed flags").args;
        // These tests run in CI as well.
        args.ci = flags.contains(&"--ci");
        args
    }

    #[test]
    fn the_closing_line_counts() {
        let mut tally = Tally::default();
        tally.count(&Outcome::Passed);
        tally.count(&Outcome::Failed(anyhow::anyhow!("no")));
        tally.count(&Outcome::Passed);
        assert_eq!(tally.line(), "2 passed, 1 failed");
        tally.count(&Outcome::Skipped("why".to_owned()));
        assert_eq!(tally.line(), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_skipped_suite_is_a_failed_one_in_ci() {
        let workspace = Workspace::find().unwrap();
        let long = *Suite::value_variants()
            .iter()
            .find(|suite| suite.takes_minutes())
            .unwrap();
        assert!(matches!(
            args(&["--quick"]).outcome(long, &workspace),
            Outcome::Skipped(_)
        ));
        assert!(matches!(
            args(&["--quick", "--ci"]).outcome(long, &workspace),
            Outcome::Failed(_)
        ));
    }

    #[test]
    fn without_flags_everything_runs() {
        assert_eq!(args(&[]).suites(), Suite::value_variants());
        assert_eq!(
            args(&["--only", "demo,format"]).suites(),
            [Suite::Format, Suite::Demo]
        );
    }
}
