//! Where a peer lives: a directory of its own that is gone afterwards, and an environment without anybody's settings.

use crate::interrupt::Interrupt;
use crate::process::Process;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rusqlite::Connection;

/// For servers to start, of which there are many at once.
const PATIENCE: Duration = Duration::from_secs(900);

/// A peer's place.
pub(super) struct Place<'a> {
    /// Everything that the peer writes.
    pub(super) root: PathBuf,
    /// Where its programs are.
    pub(super) programs: PathBuf,
    /// To be heeded while waiting.
    pub(super) interrupt: &'a Interrupt,
}

impl<'a> Place<'a> {
    /// Makes `root`, which does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(root: PathBuf, programs: PathBuf, interrupt: &'a Interrupt) -> anyhow::Result<Self> {
        fs::create_dir(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self {
            root,
            programs,
            interrupt,
        })
    }

    /// A file or a directory in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// One of the peer's programs, with `arguments`, at home here and with no variable of whoever called us.
    pub(super) fn command(&self, program: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // Removed one by one, because a command does not tell whether everything was.
        for (name, _) in std::env::vars_os() {
            command.env_remove(name);
        }
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8");
        command
            .env("HOME", &self.root)
            .args(arguments)
            .current_dir(&self.root);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a step of the preparations.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub(super) fn run(&self, mut command: Command) -> anyhow::Result<()> {
        self.interrupt.check()?;
        let line = crate::workspace::line(&command);
        let output = command.output().with_context(|| format!("cannot run {line}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{line} failed ({}): {}",
            output.status,
            said.trim_end()
        );
        Ok(())
    }

    /// Starts a server and waits until it accepts at `port`. It is killed when it is dropped: what it wrote goes, too.
    ///
    /// # Errors
    /// When it ends or does not get ready.
    pub(super) fn serve(&self, name: &str, command: Command, port: u16) -> anyhow::Result<Process> {
        let mut server = Process::start(name, command, &self.file(&format!("{name}.log")))?.expendable();
        self.interrupt.wait_for(name, PATIENCE, || {
            server.expect_running()?;
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })?;
        Ok(server)
    }
}

/// A port at which nobody listens.
///
/// # Errors
/// When there is none.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Runs SQL on a peer's database, with `:size` for how much is wanted.
///
/// # Errors
/// When it does not take it.
pub(super) fn seed(database: &Path, sql: &str, size: u32) -> anyhow::Result<()> {
    let database = Connection::open(database)?;
    let script = sql.replace(":size", &size.to_string());
    // Rows that refer to each other have an order in which only the last makes them whole.
    database.execute_batch(&format!("pragma foreign_keys = off; begin;\n{script}\ncommit;"))?;
    Ok(())
}
