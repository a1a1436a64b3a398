//! The databases that the product runs on, and the PostgreSQL server that the bench starts for itself.

use super::machine;
use crate::postgres::Server;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::ValueEnum;

/// As much of a production server's settings as this machine's size and disk allow. What makes a commit durable is left
/// as PostgreSQL has it.
const SETTINGS: [&str; 7] = [
    "shared_buffers = '1GB'",
    "effective_cache_size = '8GB'",
    "maintenance_work_mem = '256MB'",
    "max_wal_size = '4GB'",
    "checkpoint_timeout = '15min'",
    "checkpoint_completion_target = 0.9",
    "random_page_cost = 1.1",
];
/// What has to be on, or a commit is not durable.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// What the product stores its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    /// The embedded one
    Sqlite,
    /// A server of the bench's own
    Postgresql,
}

impl Engine {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgresql => "PostgreSQL",
        }
    }
}

/// A PostgreSQL server on the disk of the build. It stops when this is dropped.
pub(super) struct Cluster {
    server: Server,
    /// Version and settings, for the report.
    pub(super) about: String,
}

/// A database of that server.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// As `--database-url` takes it.
    pub(super) url: String,
    /// The server's first process, the parent of all others.
    pub(super) server: u32,
}

impl Cluster {
    /// Starts one and makes sure that its commits are durable.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, does not start, or would not write through.
    pub(super) fn start(parent: &Path) -> anyhow::Result<Self> {
        let server = Server::on_disk(parent, &SETTINGS)?;
        for name in DURABLE {
            let value = psql(&server.url(), &format!("show {name}"))?;
            anyhow::ensure!(
                value.trim() == "on",
                "PostgreSQL runs with {name} = {}",
                value.trim()
            );
        }
        let version = psql(&server.url(), "show server_version")?;
        let version = version.split_whitespace().next().unwrap_or_default();
        let about = format!("{version}; {}; {} on", SETTINGS.join(", "), DURABLE.join(", "));
        Ok(Self { server, about })
    }

    /// A fresh database of that name.
    ///
    /// # Errors
    /// When the server does not make it.
    pub(super) fn database(&self, name: &str) -> anyhow::Result<Shared> {
        psql(&self.server.url(), &format!("create database {name}"))?;
        let url = self.server.url();
        let (place, _) = url.rsplit_once('/').context("a URL without a database")?;
        Ok(Shared {
            url: format!("{place}/{name}"),
            server: self.server.process_id()?,
        })
    }

    /// Gives a database's room back.
    ///
    /// # Errors
    /// When the server does not drop it.
    pub(super) fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        psql(&self.server.url(), &format!("drop database {name} with (force)")).map(drop)
    }
}

impl Shared {
    /// Processor time of the server and of everything that it started.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(super) fn processor_time(&self) -> anyhow::Result<std::time::Duration> {
        machine::processor_time_of_family(self.server)
    }
}

/// What PostgreSQL's own client prints about a script.
///
/// # Errors
/// When it cannot be run or the script fails.
pub(super) fn psql(url: &str, script: &str) -> anyhow::Result<String> {
    let mut child = client(url)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run psql")?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    // One that has failed no longer reads; its status says so.
    let written = stdin.write_all(script.as_bytes());
    drop(stdin);
    let done = child.wait_with_output()?;
    anyhow::ensure!(done.status.success(), "psql: {}", done.status);
    written?;
    Ok(String::from_utf8(done.stdout)?)
}

/// PostgreSQL's own client, which reads a script and prints bare values.
pub(super) fn client(url: &str) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
    psql.args(["--set", "ON_ERROR_STOP=1", url]).stdin(Stdio::piped());
    psql
}
