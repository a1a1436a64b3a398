//! What `cargo xtask bench` is asked to do, and how much of everything that takes.

use super::callbacks::Amount;
use super::engine::Engine;
use super::peers::Peer;

use clap::{Args as Flags, ValueEnum};

/// The flags of `cargo xtask bench`
#[derive(Debug, Clone, Flags)]
pub(crate) struct Args {
    /// Less of everything; the report is printed and docs/benchmarks.md left as it is
    #[arg(long)]
    pub(super) quick: bool,
    /// Only these; the report is printed and docs/benchmarks.md left as it is
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    only: Vec<Measurement>,
    /// Only plexctl beside what users run today for the same job, all of it or these; whole, it writes
    /// docs/benchmarks-peers.md
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 0.., conflicts_with_all = ["only", "database"])]
    pub(super) peers: Option<Vec<Peer>>,
    /// Only on this database; the report is printed and docs/benchmarks.md left as it is
    #[arg(long, value_name = "NAME")]
    database: Option<Engine>,
    /// The release binaries are there and this is one of them
    #[arg(long, hide = true)]
    pub(super) built: bool,
}

/// What can be measured
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Measurement {
    /// Checks of relations per second, beside look-ups in a hash map
    Relations,
    /// Durable callbacks per second, beside a bare handler with a group committer
    Callbacks,
    /// A page of the audit chain, and the verification of all of it
    Audit,
    /// A dispatch to 10,000 nodes
    Dispatch,
    /// 10,000 callbacks on one execution, from two replicas
    Hot,
    /// A dispatch at one replica to a node that is connected to another
    Delivery,
    /// What a callback, a dispatch and a page cost from 1,000 to 10,000,000 executions stored
    Growth,
    /// Pages of 50 over the whole history
    List,
    /// plexctl as a whole process, beside curl and an empty process
    Programs,
    /// The server's memory with the whole history, and 10,000 connected agents
    Memory,
    /// 10,000 agents that come back after a restart of their replica
    Return,
    /// What callbacks feel while old executions are removed
    Retention,
    /// An hour under load while everything fails; only when it is named, and then by itself
    Soak,
}

/// How much of everything.
pub(super) struct Size {
    /// How often each question about relations is asked.
    pub(super) rounds: u32,
    /// Nodes that a dispatch reaches and that report.
    pub(super) fleet: u32,
    /// Callbacks.
    pub(super) amount: Amount,
    /// Executions stored, step by step.
    pub(super) history: &'static [u32],
    /// Turns of each measurement at each step of the history.
    pub(super) turns: usize,
    /// Nodes that work on the history and have an open event stream.
    pub(super) agents: u32,
    /// Requests for each page.
    pub(super) pages: usize,
    /// Lists of one turn, as many a second as the server answers.
    pub(super) lists: usize,
    /// Runs of each program.
    pub(super) processes: usize,
}

static WHOLE: Size = Size {
    rounds: 20,
    fleet: 10_000,
    amount: Amount {
        warm_up: 1,
        sustained: 20,
        closed: 8,
    },
    history: &[1000, 10_000, 100_000, 1_000_000, 10_000_000],
    turns: 5,
    agents: 10_000,
    pages: 500,
    lists: 20_000,
    processes: 200,
};
static QUICK: Size = Size {
    rounds: 5,
    fleet: 10_000,
    amount: Amount {
        warm_up: 1,
        sustained: 4,
        closed: 2,
    },
    history: &[1000, 10_000, 100_000],
    turns: 3,
    agents: 2000,
    pages: 200,
    lists: 5000,
    processes: 100,
};

impl Args {
    /// Whether that is to be measured.
    pub(super) fn wants(&self, measurement: Measurement) -> bool {
        let all = self.only.is_empty() && measurement != Measurement::Soak;
        all || self.only.contains(&measurement)
    }

    /// Whether any of these is to be measured.
    pub(super) fn wants_any(&self, measurements: &[Measurement]) -> bool {
        measurements.iter().any(|measurement| self.wants(*measurement))
    }

    /// The databases to measure on.
    pub(super) fn engines(&self) -> Vec<Engine> {
        self.database
            .map_or_else(|| Engine::value_variants().to_vec(), |one| vec![one])
    }

    /// Whether everything is measured in full.
    pub(super) fn is_whole(&self) -> bool {
        let some_peers = self.peers.as_ref().is_some_and(|peers| !peers.is_empty());
        !self.quick && self.only.is_empty() && self.database.is_none() && !some_peers
    }

    /// How much of everything.
    pub(super) fn size(&self) -> &'static Size {
        if self.quick { &QUICK } else { &WHOLE }
    }

    /// The command line that asks for the same.
    pub(super) fn command(&self) -> String {
        let mut command = "cargo xtask bench".to_owned();
        if self.quick {
            command.push_str(" --quick");
        }
        if let Some(engine) = self.database {
            command.push_str(&format!(" --database {}", word(engine)));
        }
        if !self.only.is_empty() {
            command.push_str(&format!(" --only {}", words(&self.only)));
        }
        if let Some(peers) = &self.peers {
            command.push_str(" --peers");
            if !peers.is_empty() {
                command.push_str(&format!(" {}", words(peers)));
            }
        }
        command
    }
}

/// Values as the command line has them.
fn words<V: ValueEnum + Copy>(values: &[V]) -> String {
    let words: Vec<String> = values.iter().copied().map(word).collect();
    words.join(",")
}

/// A value as the command line has it.
fn word(value: impl ValueEnum) -> String {
    let value = value.to_possible_value().expect("no value is hidden");
    value.get_name().to_owned()
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
        assert!(args(&["--peers"]).is_whole());
        assert!(!args(&["--peers", "salt"]).is_whole());
        assert!(!args(&["--database", "sqlite"]).is_whole());
    }

    #[test]
    fn both_databases_are_measured_unless_one_is_named() {
        assert_eq!(args(&[]).engines(), [Engine::Sqlite, Engine::Postgresql]);
        assert_eq!(
            args(&["--database", "postgresql"]).engines(),
            [Engine::Postgresql]
        );
    }

    #[test]
    fn the_report_names_the_command_that_repeats_it() {
        for flags in [
            &[][..],
            &["--quick"],
            &["--only", "list,memory"],
            &["--quick", "--only", "callbacks"],
            &["--peers"],
            &["--quick", "--peers", "salt,kubectl"],
            &["--database", "postgresql", "--only", "dispatch"],
        ] {
            let said = args(flags).command();
            let again: Vec<&str> = said.split(' ').skip(3).collect();
            assert_eq!(args(&again).command(), said);
            assert_eq!(again, flags);
        }
    }
}
