//! Where this workspace is, where cargo puts what it builds, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// This workspace on this machine.
#[derive(Debug)]
pub(crate) struct Workspace {
    target: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

impl Workspace {
    /// Asks cargo, which alone knows about `CARGO_TARGET_DIR` and its configuration files.
    ///
    /// # Errors
    /// When cargo cannot be run or does not accept the workspace and its lock file as they are.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let output = cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            output.status
        );
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cargo metadata is not what it should be")?;
        Ok(Self {
            target: metadata.target_directory,
        })
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where [`Self::build_programs`] puts the programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.target.join("debug")
    }

    /// Builds the programs in the development profile, which is what takes least time from a fresh clone.
    ///
    /// # Errors
    /// When they do not build.
    pub(crate) fn build_programs(&self) -> anyhow::Result<PathBuf> {
        run(cargo(&["build", "--bins", "--locked"]))?;
        Ok(self.programs())
    }
}

/// The root directory.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate lies two directories below the root")
        .to_owned()
}

/// A call of cargo in the workspace's root.
///
/// Cargo tells the programs that it runs which package they are. A cargo that inherited this would build what looks
/// at it (`ring` does) once for every chore, and everything above it.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(tells_the_package) {
            command.env_remove(name);
        }
    }
    command
}

fn tells_the_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Runs a command in the foreground.
///
/// # Errors
/// When it cannot be started or fails; the command line is in the message.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let line = line(&command);
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    ensure!(status.success(), "{line} failed: {status}");
    Ok(())
}

/// What a command prints to stdout.
///
/// # Errors
/// When it cannot be started, fails, or prints something else than text.
pub(crate) fn output_of(mut command: Command) -> anyhow::Result<String> {
    let line = line(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {line}"))?;
    ensure!(output.status.success(), "{line} failed: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{line} prints no text"))
}

/// A command as a person would type it; the program by its name alone.
pub(crate) fn line(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = [name].into_iter().chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_inherits_where_to_build_but_not_who_we_are() {
        assert!(tells_the_package("CARGO_PKG_NAME") && tells_the_package("CARGO_MANIFEST_DIR"));
        assert!(!tells_the_package("CARGO_TARGET_DIR") && !tells_the_package("CARGO_HOME"));
        // The test itself is run by cargo, so there is something to take away.
        let command = cargo(&["metadata"]);
        assert!(
            command
                .get_envs()
                .any(|(name, value)| name == "CARGO_MANIFEST_DIR" && value.is_none())
        );
    }
}
