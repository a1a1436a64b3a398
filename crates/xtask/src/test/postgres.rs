//! The suite `postgres`: what there is to run on a PostgreSQL server.

use crate::interrupt::Interrupt;
use crate::postgres::Server;
use crate::workspace::{Workspace, cargo};
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

/// And those of the suite `resilience`.
const TROUBLES: [&str; 4] = ["deadlines::", "keys::", "server_death::", "stopping::"];

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
        [&["e2e", "--"][..], &THEMES].concat(),
        [&["resilience", "--"][..], &TROUBLES].concat(),
        // One after the other, because some restart the server.
        vec!["postgres", "--", "--test-threads", "1"],
    ] {
        let mut command = cargo(&[&end_to_end[..], &what].concat());
        command.env("PLEX_BIN_DIR", &programs);
        server.run(command, &interrupt)?;
    }
    Ok(())
}
