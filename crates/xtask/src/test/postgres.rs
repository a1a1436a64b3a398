//! The suite `postgres`: what there is to run on a PostgreSQL server.

use crate::interrupt::Interrupt;
use crate::postgres::Server;
use crate::workspace::{Workspace, cargo};

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
    server.run(cargo(&crates), &interrupt)?;
    let programs = workspace.build_programs()?;
    let end_to_end = ["test", "--locked", "--package", "plex-tests", "--test"];
    for what in [
        vec!["e2e"],
        // The first steps are about the data directory, which only SQLite has its database in.
        vec!["resilience", "--", "--skip", "first_steps::"],
        // One after the other, because some restart the server.
        vec!["postgres", "--", "--test-threads", "1"],
    ] {
        let mut command = cargo(&[&end_to_end[..], &what].concat());
        command.env("PLEX_BIN_DIR", &programs);
        server.run(command, &interrupt)?;
    }
    Ok(())
}
