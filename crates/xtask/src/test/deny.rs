//! cargo-deny over all dependencies. It is fetched into the target directory where the machine has none.

use super::Outcome;
use crate::workspace::{self, Workspace, cargo};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The version whose rules `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks licences, sources and bans; skips where cargo-deny is neither there nor to be had.
///
/// Advisories are left to those who have the database at hand: it lives outside the registry.
pub(super) fn run(workspace: &Workspace) -> Outcome {
    let Some(program) = find(workspace).or_else(|| fetch(workspace)) else {
        return Outcome::Skipped(format!(
            "cargo-deny {VERSION} is not here and could not be installed"
        ));
    };
    let mut command = Command::new(program);
    command.args([
        "--locked",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]);
    command.current_dir(workspace::root());
    workspace::run(command).into()
}

fn find(workspace: &Workspace) -> Option<PathBuf> {
    let candidates = [workspace_copy(workspace), PathBuf::from("cargo-deny")];
    candidates.into_iter().find(|program| {
        let mut command = Command::new(program);
        let output = command.arg("--version").stderr(Stdio::null()).output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .ends_with(VERSION)
        })
    })
}

fn fetch(workspace: &Workspace) -> Option<PathBuf> {
    let mut command = cargo(&[
        "install",
        "cargo-deny",
        "--locked",
        "--version",
        VERSION,
        "--root",
    ]);
    command.arg(tools(workspace));
    workspace::run(command).ok()?;
    find(workspace)
}

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.target().join("tools")
}

fn workspace_copy(workspace: &Workspace) -> PathBuf {
    tools(workspace).join("bin/cargo-deny")
}
