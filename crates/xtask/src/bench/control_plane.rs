//! The real `plexsphere`, on a data directory of its own.

use super::connection::{Endpoint, Operator};
use super::engine::{Engine, Shared};
use super::machine;
use crate::workspace;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use uuid::Uuid;

/// For starting and for stopping.
const PATIENCE: Duration = Duration::from_secs(60);

/// The release binaries.
#[derive(Debug, Clone)]
pub(super) struct Programs(PathBuf);

impl Programs {
    /// Those in `directory`.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// One of them.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// What `plexsphere init` made.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    /// The first Domain.
    pub(super) domain_id: Uuid,
    /// The first Project.
    pub(super) project_id: Uuid,
    /// Where the administrator's token is.
    pub(super) admin_token_file: PathBuf,
    /// Whom to trust.
    pub(super) ca_file: PathBuf,
    /// Everything of this installation is in here.
    #[serde(skip)]
    root: PathBuf,
    /// The PostgreSQL database it runs on, where it is not SQLite's in the directory.
    #[serde(skip)]
    shared: Option<Shared>,
}

impl Installation {
    /// Makes one in `root`, which does not exist.
    ///
    /// # Errors
    /// When `plexsphere init` fails.
    pub(super) fn create(programs: &Programs, root: &Path, shared: Option<Shared>) -> anyhow::Result<Self> {
        fs::create_dir(root).with_context(|| format!("cannot make {}", root.display()))?;
        let output = Command::new(programs.path("plexsphere"))
            .args(["init", "--output", "json", "--data-dir"])
            .arg(root.join("data"))
            .args(database_flags(shared.as_ref()))
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run plexsphere init")?;
        anyhow::ensure!(
            output.status.success(),
            "plexsphere init failed: {}",
            output.status
        );
        let mut made: Self =
            serde_json::from_slice(&output.stdout).context("plexsphere init printed no result")?;
        made.root = root.to_owned();
        made.shared = shared;
        Ok(made)
    }

    /// The database's file.
    pub(super) fn database(&self) -> PathBuf {
        self.root.join("data/plexsphere.db")
    }

    /// The PostgreSQL database it runs on.
    pub(super) fn shared(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    /// What it runs on.
    pub(super) fn engine(&self) -> Engine {
        self.shared
            .as_ref()
            .map_or(Engine::Sqlite, |_| Engine::Postgresql)
    }

    /// A second process's share of the same installation, in a directory of its own that does not exist.
    ///
    /// # Errors
    /// When the data directory cannot be copied.
    pub(super) fn replica(&self, root: &Path) -> anyhow::Result<Self> {
        fs::create_dir(root)?;
        let mut copy = Command::new("cp");
        copy.arg("--archive").arg(self.root.join("data")).arg(root);
        workspace::run(copy)?;
        Ok(Self {
            root: root.to_owned(),
            ..self.clone()
        })
    }

    /// A file that a measurement needs beside the data.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The administrator's token.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn admin_token(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(&self.admin_token_file).context("cannot read the admin token")?;
        Ok(text.trim_end().to_owned())
    }

    /// Starts the server and waits until it accepts.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub(super) fn serve(&self, programs: &Programs) -> anyhow::Result<ControlPlane> {
        self.serve_with(programs, &[])
    }

    /// The same with further flags.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub(super) fn serve_with(&self, programs: &Programs, flags: &[&str]) -> anyhow::Result<ControlPlane> {
        self.start(programs, "127.0.0.1:0", flags)
    }

    /// The same at an address of the caller's choice.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub(super) fn serve_at(&self, programs: &Programs, listen: &str) -> anyhow::Result<ControlPlane> {
        self.start(programs, listen, &[])
    }

    fn start(&self, programs: &Programs, listen: &str, flags: &[&str]) -> anyhow::Result<ControlPlane> {
        let ready_file = self.beside("ready.json");
        let log = self.beside("server.log");
        if ready_file.exists() {
            // That of an earlier start would name a port where nobody listens any more.
            fs::remove_file(&ready_file)?;
        }
        let mut child = Command::new(programs.path("plexsphere"))
            // A long history has more executions on their way than a domain may have by default.
            .args([
                "serve",
                "--listen",
                listen,
                "--max-live-executions",
                "0",
                "--metrics-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(self.root.join("data"))
            .args(database_flags(self.shared.as_ref()))
            .args(flags)
            .arg("--ready-file")
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot run plexsphere serve")?;
        let ready = match wait_until_ready(&mut child, &ready_file) {
            Ok(ready) => ready,
            Err(error) => {
                end(&mut child);
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(error.context(format!("the server said: {}", said.trim_end())));
            }
        };
        Ok(ControlPlane {
            child,
            shared: self.shared.clone(),
            endpoint: Endpoint::new(&ready.url, &self.ca_file)?,
            metrics_url: ready.metrics_url,
            token: self.admin_token()?,
        })
    }
}

fn database_flags(shared: Option<&Shared>) -> impl Iterator<Item = &str> {
    shared
        .into_iter()
        .flat_map(|shared| ["--database-url", &shared.url])
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    metrics_url: String,
}

fn wait_until_ready(child: &mut Child, ready_file: &Path) -> anyhow::Result<Ready> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            bail!("plexsphere serve ended: {status}");
        }
        if let Ok(text) = fs::read(ready_file) {
            return serde_json::from_slice(&text).context("the ready file is not what it should be");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("plexsphere serve was not ready within {} s", PATIENCE.as_secs())
}

fn end(child: &mut Child) {
    // It may have ended already, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}

/// A running server; dropping it kills it.
pub(super) struct ControlPlane {
    child: Child,
    shared: Option<Shared>,
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    /// Where its metrics are.
    pub(super) metrics_url: String,
    token: String,
}

/// What the kernel says of a process's memory, in KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) resident: u64,
    /// The most that was ever resident.
    pub(super) peak: u64,
}

impl ControlPlane {
    /// The administrator's connection.
    ///
    /// # Errors
    /// When the server does not accept.
    pub(super) fn operator(&self) -> anyhow::Result<Operator> {
        Operator::new(&self.endpoint, &self.token)
    }

    /// The administrator's token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The server's memory.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let path = format!("/proc/{}/status", self.child.id());
        let kib = |name: &str| {
            let value =
                machine::field(&path, name).and_then(|value| value.strip_suffix("kB")?.trim().parse().ok());
            value.with_context(|| format!("{path} has no {name}"))
        };
        Ok(Memory {
            resident: kib("VmRSS")?,
            peak: kib("VmHWM")?,
        })
    }

    /// Processor time so far of the server, and of PostgreSQL where it runs on that.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let own = machine::processor_time(self.child.id())?;
        let shared = self.shared.as_ref().map(Shared::processor_time).transpose()?;
        Ok(own + shared.unwrap_or_default())
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// When it does not end well.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process without an id")?;
        kill_process(pid, Signal::TERM).context("cannot stop the server")?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "plexsphere serve ended badly: {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("plexsphere serve did not stop within {} s", PATIENCE.as_secs())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
