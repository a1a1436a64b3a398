//! How chores set up and start `plexd`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the agents of one server have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// `plexd` itself.
    pub(crate) program: &'a Path,
    /// The server's URL.
    pub(crate) url: &'a str,
    /// The server's CA.
    pub(crate) ca_file: &'a Path,
    /// What admits them.
    pub(crate) token_file: &'a Path,
}

impl Settings<'_> {
    /// The command line of the agent with that name, which keeps everything in `home`.
    pub(crate) fn command(&self, name: &str, home: &Path) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(["run", "--name", name, "--server", self.url, "--ca-file"])
            .arg(self.ca_file);
        command.arg("--bootstrap-token-file").arg(self.token_file);
        command
            .arg("--state-dir")
            .arg(home.join("state"))
            .arg("--hooks-dir")
            .arg(hooks(home));
        command
    }
}

/// Writes the token that admits agents, which refuse one that others can read.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_token(file: &Path, token: &str) -> anyhow::Result<()> {
    fs::write(file, token)?;
    Ok(fs::set_permissions(file, Permissions::from_mode(0o600))?)
}

/// Writes the hooks, name and script, of the agent in `home`. An agent runs no hook that somebody else could have
/// written, whatever this user's umask is.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn write_hooks(home: &Path, scripts: &[(&str, &str)]) -> anyhow::Result<()> {
    let directory = hooks(home);
    fs::create_dir_all(&directory)?;
    fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    for (name, script) in scripts {
        let file = directory.join(name);
        fs::write(&file, script)?;
        fs::set_permissions(&file, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn hooks(home: &Path) -> PathBuf {
    home.join("hooks")
}
