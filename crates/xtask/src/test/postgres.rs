//! The suite `postgres`: what there is to run on a PostgreSQL server.

use crate::interrupt::Interrupt;
use crate::postgres::Server;
use crate::workspace::{self, Workspace, cargo};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// How long one call of cargo may take.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The themes of the suite `e2e` that say most about a database.
const THEMES: [&str; 9] = [
    "audit::",
    "authority::",
    "commands::",
    "cursors::",
    "dispatching::",
    "listing::",
    "outputs::",
    "replays::",
    "transitions::",
];

/// Runs what there is to run on PostgreSQL: tests of single crates, the programs, several replicas.
///
/// # Errors
/// When the server cannot be started, a test fails, or a signal comes.
pub(super) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let server = Server::in_memory()?;
    let crates = [
        "test",
        "--locked",
        "--lib",
        "--package",
        "plex-store",
        "--package",
        "plex-server",
    ];
    run_with(&server, cargo(&crates), &interrupt)?;
    let programs = workspace.build_programs()?;
    let end_to_end = ["test", "--locked", "--package", "plex-tests", "--test"];
    for what in [
        [&["e2e", "--"][..], &THEMES].concat(),
        // One after the other, because some restart the server.
        vec!["postgres", "--", "--test-threads", "1"],
    ] {
        let mut command = cargo(&[&end_to_end[..], &what].concat());
        command.env("PLEX_BIN_DIR", &programs);
        run_with(&server, command, &interrupt)?;
    }
    Ok(())
}

/// Runs a command that is told where the server is, and ends it when a signal comes.
fn run_with(server: &Server, mut command: Command, interrupt: &Interrupt) -> anyhow::Result<()> {
    command
        .env("PLEX_TEST_POSTGRES", server.url())
        .env("PLEX_TEST_POSTGRES_RESTART", server.restart_command())
        .env("PROPTEST_CASES", "16");
    let line = workspace::line(&command);
    let mut child = command.spawn().with_context(|| format!("cannot run {line}"))?;
    let ended = interrupt.wait_for(&line, PATIENCE, || Ok(child.try_wait()?));
    if ended.is_err() {
        // It may have ended by itself just now.
        let _ = child.kill();
        child.wait()?;
    }
    let status = ended?;
    ensure!(status.success(), "{line} failed: {status}");
    Ok(())
}
