//! A PostgreSQL server of our own: a fresh cluster of Debian's programs on loopback, gone afterwards.

use crate::interrupt::Interrupt;
use crate::process::{self, GRACE};
use crate::workspace;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// Where Debian's packages put the programs, below the version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who runs the server when we are root, which it refuses; the package makes this user.
const OWNER: &str = "postgres";
/// Memory that is a directory. A sync costs nothing there, and the server syncs all the same.
const MEMORY: &str = "/dev/shm";
/// How long one call of cargo may take; the longest is a soak.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
/// What has to be free in it: each test has a schema of its own.
const ROOM: u64 = 4 * 1024 * 1024 * 1024;
/// The newest of the installed versions' directories of programs.
pub(crate) fn programs() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir(VERSIONS)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()));
    let installed = versions.filter(|path| path.join("bin/initdb").is_file());
    installed.max_by_key(version).map(|path| path.join("bin"))
}

/// A running server. It stops, and its data goes, when this is dropped.
pub(crate) struct Server {
    programs: PathBuf,
    port: u16,
    place: TempDir,
}

impl Server {
    /// Starts one whose data lies in memory, where that has room: for tests.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub(crate) fn in_memory() -> anyhow::Result<Self> {
        Self::start(place_in_memory()?, &[])
    }

    /// Starts one whose data lies in a directory of its own in `parent`, with more `settings`: for measurements on a
    /// real disk.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub(crate) fn on_disk(parent: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        Self::start(place_in(Some(parent))?, settings)
    }

    fn start(place: TempDir, more: &[&str]) -> anyhow::Result<Self> {
        let server = Self {
            programs: programs().context("there is no PostgreSQL")?,
            port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
            place,
        };
        if is_root() {
            let mut chown = Command::new("chown");
            chown.arg(OWNER).arg(server.place.path());
            workspace::run(chown)?;
        }
        let mut initdb = server.as_owner("initdb");
        initdb.args([
            "--username=plex",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        initdb.arg("--pgdata").arg(server.data()).stdout(Stdio::null());
        workspace::run(initdb)?;
        let mut settings = OpenOptions::new()
            .append(true)
            .open(server.data().join("postgresql.conf"))?;
        let port = server.port;
        write!(
            settings,
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
             max_connections = 400\nmax_locks_per_transaction = 512\n{}\n",
            more.join("\n")
        )?;
        let mut start = server.as_owner("pg_ctl");
        start
            .args(["--wait", "--silent", "--log"])
            .arg(server.place.path().join("log"));
        start
            .arg("--pgdata")
            .arg(server.data())
            .arg("start")
            .stdout(Stdio::null());
        workspace::run(start)?;
        Ok(server)
    }

    /// Where it is, as `--database-url` takes it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://plex@127.0.0.1:{}/postgres", self.port)
    }

    /// The first of its processes, which is the parent of all others.
    ///
    /// # Errors
    /// When it does not say.
    pub(crate) fn process_id(&self) -> anyhow::Result<u32> {
        let said = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let first = said.lines().next().unwrap_or_default();
        first
            .trim()
            .parse()
            .context("PostgreSQL does not say its process")
    }

    /// What a shell runs to restart it without letting it finish anything.
    pub(crate) fn restart_command(&self) -> String {
        let mut restart = self.as_owner("pg_ctl");
        restart.args(["--wait", "--silent", "--mode=immediate", "--log"]);
        restart
            .arg(self.place.path().join("log"))
            .arg("--pgdata")
            .arg(self.data())
            .arg("restart");
        shell(&restart)
    }

    /// Runs tests, which are told where the server is, and ends them when a signal comes.
    ///
    /// # Errors
    /// When they fail, or a signal comes.
    pub(crate) fn run(&self, mut tests: Command, interrupt: &Interrupt) -> anyhow::Result<()> {
        tests
            .env("PLEX_TEST_POSTGRES", self.url())
            .env("PLEX_TEST_POSTGRES_RESTART", self.restart_command())
            .env("PROPTEST_CASES", "16");
        let line = workspace::line(&tests);
        // A group of its own, so that what the tests started ends with them.
        tests.process_group(0);
        let mut child = tests.spawn().with_context(|| format!("cannot run {line}"))?;
        let ended = interrupt.wait_for(&line, PATIENCE, || Ok(child.try_wait()?));
        if ended.is_err() {
            process::end(&mut child, GRACE)?;
        }
        let status = ended?;
        ensure!(status.success(), "{line} failed: {status}");
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    fn as_owner(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", OWNER, "--regid", OWNER, "--clear-groups"])
            .arg(program)
            // Of the directory we are in it may know nothing.
            .current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.as_owner("pg_ctl");
        stop.args(["--wait", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.data())
            .arg("stop");
        // One that did not start need not be stopped.
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// A command as a shell takes it; no word of ours needs quotes.
fn shell(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("cd / && {}", words.join(" "))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn place_in_memory() -> anyhow::Result<TempDir> {
    let is_roomy = rustix::fs::statvfs(MEMORY).is_ok_and(|memory| memory.f_bavail * memory.f_frsize >= ROOM);
    place_in(is_roomy.then_some(Path::new(MEMORY)))
}

fn place_in(parent: Option<&Path>) -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("plex-postgres-");
    let place = match parent {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    place.context("cannot make a directory for PostgreSQL")
}
