//! The operator: calls the real `plexctl`, in front of whoever watches or behind the scenes.

use crate::console;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Somebody with `plexctl`, a server and a token.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    plexctl: PathBuf,
    home: PathBuf,
    url: String,
    ca_file: PathBuf,
    token: String,
    project: String,
}

/// What an operator needs to know about a server.
#[derive(Debug)]
pub(super) struct Access<'a> {
    /// Its URL.
    pub(super) url: &'a str,
    /// Its CA.
    pub(super) ca_file: &'a Path,
    /// The token to use.
    pub(super) token: String,
    /// The project to work in.
    pub(super) project: String,
}

impl Operator {
    /// One who uses `plexctl` and keeps nothing outside `home`.
    pub(super) fn new(plexctl: PathBuf, home: &Path, access: Access<'_>) -> Self {
        Self {
            plexctl,
            home: home.to_owned(),
            url: access.url.to_owned(),
            ca_file: access.ca_file.to_owned(),
            token: access.token,
            project: access.project,
        }
    }

    /// The project's id.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// Prints a command line, runs it, prints what it prints and returns that.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn show(&self, arguments: &[&str]) -> anyhow::Result<String> {
        console::say(&format!("$ plexctl {}", line(arguments)))?;
        let output = self.run(arguments)?;
        console::pass_on(&output.stdout)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a command line out of sight and reads its result.
    ///
    /// # Errors
    /// When it fails or prints no JSON.
    pub(super) fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.run(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("plexctl {} prints no JSON", line(arguments)))
    }

    /// An execution as the log has it.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn execution(&self, id: &str) -> anyhow::Result<Value> {
        self.ask(&["exec-log", "get", "--project", &self.project, "--id", id])
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.plexctl);
        // Nothing of the surroundings decides what is shown, least of all somebody's stored profiles.
        command.env_clear().env("HOME", &self.home).args(arguments);
        command
            .env("PLEXSPHERE_URL", &self.url)
            .env("PLEXSPHERE_CA_FILE", &self.ca_file);
        command.env("PLEXSPHERE_TOKEN", &self.token);
        let output = command.output().context("cannot run plexctl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "plexctl {} failed ({}): {}",
            line(arguments),
            output.status,
            said.trim_end()
        );
        Ok(output)
    }
}

/// A command line as a shell takes it.
fn line(arguments: &[&str]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c))
    };
    let quoted = arguments.iter().map(|word| {
        if is_plain(word) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::line;
    use std::process::Command;

    #[test]
    fn a_shell_reads_a_line_as_it_was_meant() {
        let words = [
            "--selector",
            "role=web",
            "a b",
            "",
            "it's",
            "$HOME",
            "{\"a\": 1}",
            "*",
        ];
        let script = format!("printf '%s\\n' {}", line(&words));
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("{}\n", words.join("\n"))
        );
    }
}
