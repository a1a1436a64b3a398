//! What there is to run, in the order in which it runs: what is quick and often wrong comes first.

use super::{Outcome, deny, dependencies, lock_file, postgres};
use crate::demo;
use crate::generated::Document;
use crate::interrupt::Interrupt;
use crate::postgres::Server;
use crate::tools::{self, Tool};
use crate::workspace::{self, Workspace, cargo};

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

/// One suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Suite {
    /// The formatting is rustfmt's
    Format,
    /// The lock file has no second crypto provider and has not swollen
    LockFile,
    /// No crate knows another that it must not know
    Dependencies,
    /// No warning from clippy
    Clippy,
    /// No warning from rustdoc
    Documentation,
    /// Unit tests, integration tests of single crates, examples in the documentation
    Unit,
    /// The committed generated files are what the programs say
    Generated,
    /// Everything end to end, through the real programs
    E2e,
    /// What happens when programs are killed, connections cut and deadlines missed
    Resilience,
    /// Mutated input for everything that reads what others send
    Fuzz,
    /// Generated requests against everything that the OpenAPI document promises (schemathesis)
    Schemathesis,
    /// A client generated from the OpenAPI document calls every operation
    Client,
    /// The pages that the control plane serves, in Chromium
    Browser,
    /// A real SpiceDB, driven as the relation engine's oracle
    Oracle,
    /// A real S3 server for the outputs, also one that is stopped, killed and slow
    ObjectStore,
    /// A real PostgreSQL below the store, the server, the programs, and several replicas
    Postgres,
    /// Several replicas, the NATS between them and the PostgreSQL below them, real ones
    Replicas,
    /// Everything that replicas stand on fails at once, for a minute; no process grows
    Chaos,
    /// The example deployment, held to Kubernetes, systemd, HAProxy and the programs
    Deploy,
    /// Licences, sources and bans of all dependencies
    Deny,
    /// The demonstration
    Demo,
}

impl Suite {
    /// What it is called on the command line.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value().expect("no suite is hidden");
        value.get_name().to_owned()
    }

    /// Whether `--quick` leaves it out.
    pub(super) fn takes_minutes(self) -> bool {
        match self {
            Self::Format
            | Self::LockFile
            | Self::Dependencies
            | Self::Clippy
            | Self::Documentation
            | Self::Unit
            | Self::Generated => false,
            Self::E2e
            | Self::Resilience
            | Self::Fuzz
            | Self::Schemathesis
            | Self::Client
            | Self::Browser
            | Self::Oracle
            | Self::ObjectStore
            | Self::Postgres
            | Self::Replicas
            | Self::Chaos
            | Self::Deploy
            | Self::Deny
            | Self::Demo => true,
        }
    }

    /// Runs it.
    pub(super) fn run(self, workspace: &Workspace) -> Outcome {
        match self {
            Self::Format => workspace::run(cargo(&["fmt", "--all", "--check"])).into(),
            Self::LockFile => lock_file::check().into(),
            Self::Dependencies => dependencies::check().into(),
            Self::Clippy => clippy().into(),
            Self::Documentation => documentation().into(),
            Self::Unit => unit().into(),
            Self::Generated => generated(workspace).into(),
            Self::E2e | Self::Resilience | Self::Fuzz => end_to_end(workspace, &self.name(), None).into(),
            Self::Schemathesis | Self::Client => self.with_tools(workspace, &[Tool::Python]),
            Self::Browser => self.with_tools(workspace, &[Tool::Node, Tool::Chromium]),
            Self::Oracle => self.with_tools(workspace, &[Tool::Node]),
            Self::ObjectStore => match tools::provide(workspace, &[Tool::S3Server]) {
                Ok(tools) => object_store(workspace, &tools).into(),
                Err(error) => Outcome::Skipped(format!("{error:#}")),
            },
            Self::Postgres => match tools::provide(workspace, &[Tool::Postgres]) {
                Ok(_) => postgres::run(workspace).into(),
                Err(error) => Outcome::Skipped(format!("{error:#}")),
            },
            Self::Replicas => self.on_postgres(workspace, &[Tool::Python, Tool::Postgres]),
            Self::Chaos => self.on_postgres(workspace, &CHAOS_NEEDS),
            Self::Deploy => self.with_tools(workspace, &[Tool::Python, Tool::Systemd, Tool::Haproxy]),
            Self::Deny => deny::run(workspace),
            Self::Demo => demo::run(&demo::Args::default()).into(),
        }
    }

    /// Runs a test target that needs tools; skips it where they are neither here nor to be had.
    fn with_tools(self, workspace: &Workspace, needs: &[Tool]) -> Outcome {
        match tools::provide(workspace, needs) {
            Ok(tools) => end_to_end(workspace, &self.name(), Some(&tools)).into(),
            Err(error) => Outcome::Skipped(format!("{error:#}")),
        }
    }

    /// As [`Suite::with_tools`], beside a PostgreSQL server.
    fn on_postgres(self, workspace: &Workspace, needs: &[Tool]) -> Outcome {
        match tools::provide(workspace, needs) {
            Ok(tools) => beside_postgres(workspace, &self.name(), &tools).into(),
            Err(error) => Outcome::Skipped(format!("{error:#}")),
        }
    }
}

fn clippy() -> anyhow::Result<()> {
    let what = ["clippy", "--workspace", "--all-targets", "--locked", "--quiet"];
    workspace::run(cargo(&[&what[..], &["--", "-D", "warnings"]].concat()))
}

fn documentation() -> anyhow::Result<()> {
    let what = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
        "--quiet",
    ];
    let mut command = cargo(&what);
    command.env("RUSTDOCFLAGS", "-D warnings");
    workspace::run(command)
}

fn unit() -> anyhow::Result<()> {
    let what = [
        "test",
        "--workspace",
        "--exclude",
        END_TO_END,
        "--locked",
        "--no-fail-fast",
    ];
    workspace::run(cargo(&what))?;
    workspace::run(cargo(&["test", "--package", END_TO_END, "--lib", "--locked"]))
}

/// The server's own tests of the store, which the suite `unit` leaves out, and then the programs.
fn object_store(workspace: &Workspace, tools: &Path) -> anyhow::Result<()> {
    let what = ["test", "--package", "plex-server", "--lib", "--locked"];
    let mut command = cargo(&[&what[..], &["objects::s3", "--", "--ignored"]].concat());
    command.env("PLEX_TOOLS", tools);
    workspace::run(command)?;
    end_to_end(workspace, &Suite::ObjectStore.name(), Some(tools))
}

/// What the chaos stands on.
pub(crate) const CHAOS_NEEDS: [Tool; 3] = [Tool::Python, Tool::S3Server, Tool::Postgres];

fn beside_postgres(workspace: &Workspace, target: &str, tools: &Path) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let programs = workspace.build_programs()?;
    let server = Server::in_memory()?;
    server.run(tests_of(target, &programs, tools), &interrupt)
}

/// The tests of the suite `chaos`, with these programs.
pub(crate) fn chaos_tests(programs: &Path, tools: &Path) -> Command {
    tests_of(&Suite::Chaos.name(), programs, tools)
}

fn tests_of(target: &str, programs: &Path, tools: &Path) -> Command {
    let mut tests = cargo(&["test", "--package", END_TO_END, "--test", target, "--locked"]);
    tests.env("PLEX_BIN_DIR", programs).env("PLEX_TOOLS", tools);
    tests
}

fn generated(workspace: &Workspace) -> anyhow::Result<()> {
    let programs = workspace.build_programs()?;
    Document::ALL
        .into_iter()
        .try_for_each(|document| document.check(&programs))
}

/// The package whose tests start the programs.
const END_TO_END: &str = "plex-tests";

fn end_to_end(workspace: &Workspace, target: &str, tools: Option<&Path>) -> anyhow::Result<()> {
    let programs = workspace.build_programs()?;
    let mut command = cargo(&["test", "--package", END_TO_END, "--test", target, "--locked"]);
    command.env("PLEX_BIN_DIR", programs);
    if let Some(tools) = tools {
        command.env("PLEX_TOOLS", tools);
    }
    workspace::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_test_target_of_the_end_to_end_package_is_forgotten() {
        let directory = workspace::root().join("crates/tests/tests");
        let entries = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let targets = entries.filter(|path| path.join("main.rs").is_file() || path.extension().is_some());
        let targets: BTreeSet<String> = targets
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let suites = [
            Suite::E2e,
            Suite::Resilience,
            Suite::Fuzz,
            Suite::Schemathesis,
            Suite::Client,
            Suite::Browser,
            Suite::Oracle,
            Suite::ObjectStore,
            Suite::Postgres,
            Suite::Replicas,
            Suite::Chaos,
            Suite::Deploy,
        ];
        assert_eq!(targets, suites.into_iter().map(Suite::name).collect());
    }
}
