//! `plexctl` as the administrator of an installation.

use super::control_plane::{Installation, Programs};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// `plexctl`, a server and a token.
pub(super) struct Plexctl {
    program: PathBuf,
    /// A home without a profile of somebody else.
    home: PathBuf,
    url: String,
    project: String,
    token_file: PathBuf,
    ca_file: PathBuf,
}

impl Plexctl {
    /// For the installation's first project, whose server is at `url`.
    ///
    /// # Errors
    /// When it cannot have a home.
    pub(super) fn new(programs: &Programs, installation: &Installation, url: &str) -> anyhow::Result<Self> {
        let home = installation.beside("home");
        fs::create_dir_all(&home)?;
        Ok(Self {
            program: programs.path("plexctl"),
            home,
            url: url.to_owned(),
            project: installation.project_id.to_string(),
            token_file: installation.admin_token_file.clone(),
            ca_file: installation.ca_file.clone(),
        })
    }

    /// Without a word about server, token and project.
    pub(super) fn bare(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        for name in ["PLEXSPHERE_URL", "PLEXSPHERE_TOKEN", "PLEXSPHERE_CA_FILE"] {
            command.env_remove(name);
        }
        command
    }

    /// With these arguments, in the project.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.args(arguments);
        command.args(["--server", &self.url, "--project", &self.project]);
        command.arg("--token-file").arg(&self.token_file);
        command.arg("--ca-file").arg(&self.ca_file);
        command
    }
}
