//! The floor as a process of its own, seen from the bench.

use super::super::control_plane::Installation;
use super::super::machine;
use super::Database;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

/// The running floor; it ends when this is dropped.
pub(in crate::bench) struct Floor {
    child: Child,
    /// Where it serves.
    pub(in crate::bench) url: String,
}

impl Floor {
    /// Starts the one of lists, on an installation's own database.
    ///
    /// # Errors
    /// When it does not serve.
    pub(in crate::bench) fn of_pages(installation: &Installation) -> anyhow::Result<Self> {
        let database = match installation.shared() {
            Some(shared) => Database::Url(shared.url.clone()),
            None => Database::File(installation.database()),
        };
        let project = installation.project_id.to_string();
        Self::start(installation, &database, &["pages", "--project", &project])
    }

    /// Starts the one of callbacks, on a database that was prepared for it.
    ///
    /// # Errors
    /// When it does not serve.
    pub(in crate::bench) fn of_callbacks(
        installation: &Installation,
        database: &Database,
    ) -> anyhow::Result<Self> {
        Self::start(installation, database, &["callbacks"])
    }

    /// Starts it as this very program, with an installation's certificate.
    fn start(installation: &Installation, database: &Database, duty: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bench-floor");
        command.arg("--data-dir").arg(installation.beside("data"));
        match database {
            Database::File(path) => command.arg("--database").arg(path),
            Database::Url(url) => command.args(["--database-url", url]),
        };
        let child = command
            .args(duty)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the bare handler")?;
        let mut floor = Self {
            child,
            url: String::new(),
        };
        let stdout = floor.child.stdout.take().context("a pipe")?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)?;
        let port: u16 = line
            .trim()
            .parse()
            .context("the bare handler does not say its port")?;
        floor.url = format!("https://localhost:{port}");
        Ok(floor)
    }

    /// Processor time so far, without that of a database server.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(in crate::bench) fn processor_time(&self) -> anyhow::Result<Duration> {
        machine::processor_time(self.child.id())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
