//! An hour under load while everything fails: the suite `chaos`, on the release binaries and a real disk.

use crate::interrupt::Interrupt;
use crate::postgres::Server;
use crate::test::suites::{CHAOS_NEEDS, chaos_tests};
use crate::tools;
use crate::workspace::{self, Workspace};

/// Where the report goes.
const REPORT: &str = "docs/benchmarks-soak.md";

/// Runs it and writes the report.
///
/// # Errors
/// When a tool is missing, or something was lost or grew.
pub(super) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let tools = tools::provide(workspace, &CHAOS_NEEDS)?;
    let server = Server::on_disk(workspace.target(), &[])?;
    let mut tests = chaos_tests(&workspace.target().join("release"), &tools);
    tests.env("PLEX_SOAK_REPORT", workspace::root().join(REPORT));
    server.run(tests, &interrupt)
}
