//! What `cargo xtask bench` is asked to do, and how much of everything that takes.

use super::callbacks::Amount;
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
    /// Callbacks and dispatches on this empty PostgreSQL database; the report is printed and docs/benchmarks.md left as
    /// it is
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Only plexctl beside what users run today for the same job, all of it or these; whole, it writes
    /// docs/benchmarks-peers.md
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 0.., conflicts_with_all = ["only", "database_url"])]
    pub(super) peers: Option<Vec<Peer>>,
    /// The release binaries are there and this is one of them
    #[arg(long, hide = true)]
    pub(super) built: bool,
}

/// What can be measured
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Measurement {
    /// Checks of relations per second, beside look-ups in a hash map
    Relations,
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
pub(super) struct Size {
    /// How often each question about relations is asked.
    pub(super) rounds: u32,
    /// Nodes that a dispatch reaches and that report.
    pub(super) fleet: u32,
    /// Nodes with an open event stream.
    pub(super) agents: u32,
    /// Callbacks.
    pub(super) amount: Amount,
    /// Executions stored.
    pub(super) history: u32,
    /// Requests for each page.
    pub(super) pages: usize,
    /// Runs of each program.
    pub(super) processes: usize,
}

static WHOLE: Size = Size {
    rounds: 20,
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
    rounds: 5,
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

impl Args {
    /// Whether that is to be measured.
    pub(super) fn wants(&self, measurement: Measurement) -> bool {
        let can_be = self.database_url.is_none()
            || matches!(measurement, Measurement::Callbacks | Measurement::Dispatch);
        can_be && self.is_named(measurement)
    }

    fn is_named(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    /// Whether everything is measured in full.
    pub(super) fn is_whole(&self) -> bool {
        let is_part = !self.only.is_empty() || self.peers.as_ref().is_some_and(|peers| !peers.is_empty());
        !self.quick && !is_part && self.database_url.is_none()
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
        if let Some(url) = &self.database_url {
            command.push_str(&format!(" --database-url {url}"));
        }
        if !self.only.is_empty() {
            command.push_str(&format!(" --only {}", names(&self.only)));
        }
        if let Some(peers) = &self.peers {
            command.push_str(" --peers");
            if !peers.is_empty() {
                command.push_str(&format!(" {}", names(peers)));
            }
        }
        command
    }
}

/// As they are typed.
fn names(values: &[impl ValueEnum]) -> String {
    let values = values.iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    names.join(",")
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
            &[
                "--database-url",
                "postgres://plex@localhost/plex",
                "--only",
                "dispatch",
            ],
        ] {
            let said = args(flags).command();
            let again: Vec<&str> = said.split(' ').skip(3).collect();
            assert_eq!(args(&again).command(), said);
            assert_eq!(again, flags);
        }
    }
}
