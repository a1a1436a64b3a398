//! A program in the background that does not outlive the chore that started it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a program may take to end when it is asked to.
pub(crate) const GRACE: Duration = Duration::from_secs(20);

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Option<Child>,
    log: PathBuf,
    grace: Duration,
}

impl Process {
    /// Starts a program. What it says is appended to `log`. It is in a process group of its own, so that Ctrl-C
    /// reaches the chore alone, which then ends everything in order.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let stdout = OpenOptions::new().create(true).append(true).open(log)?;
        let stderr = stdout.try_clone()?;
        command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child: Some(child),
            log: log.to_owned(),
            grace: GRACE,
        })
    }

    /// It has nothing to put in order, so nobody waits for it when it is to end. Twenty that are asked one after the
    /// other would take minutes.
    pub(crate) fn expendable(mut self) -> Self {
        self.grace = Duration::ZERO;
        self
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it has not ended by itself.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn is_running(&mut self) -> io::Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// Fails when it has ended by itself.
    ///
    /// # Errors
    /// With the last that it said.
    pub(crate) fn expect_running(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            self.child = None;
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            let last = said.lines().last().unwrap_or("nothing");
            anyhow::bail!(
                "{} ended by itself ({status}); the last that it said: {last}",
                self.name
            );
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let status = end(&mut child, self.grace).with_context(|| format!("cannot stop {}", self.name))?;
        ensure!(
            status.success(),
            "{} was asked to end and ended with {status}",
            self.name
        );
        Ok(())
    }

    /// Leaves it running for good.
    pub(crate) fn leave(mut self) {
        self.child = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // This is the way out of a failure, which is the one to report.
            let _ = end(&mut child, self.grace);
        }
    }
}

/// SIGTERM, SIGKILL for one that does not heed it, and SIGKILL for what it leaves behind in its process group.
pub(crate) fn end(child: &mut Child, grace: Duration) -> io::Result<ExitStatus> {
    let group = Pid::from_child(child);
    let status = end_alone(child, grace);
    // Most leave nothing, and then there is no such group any more.
    let _ = kill_process_group(group, Signal::KILL);
    status
}

fn end_alone(child: &mut Child, grace: Duration) -> io::Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    kill_process(Pid::from_child(child), Signal::TERM)?;
    let began = Instant::now();
    while began.elapsed() < grace {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Process) {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let process = Process::start("sh", command, &place.path().join("log")).unwrap();
        (place, process)
    }

    fn lives(id: u32) -> bool {
        // One that has ended and that nobody has asked about yet is still there, as a Z.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.starts_with(" Z"))
    }

    #[test]
    fn dropping_ends_it() {
        let (_place, process) = shell("exec sleep 600");
        let id = process.id().unwrap();
        assert!(lives(id));
        drop(process);
        assert!(!lives(id));
    }

    #[test]
    fn its_own_children_end_with_it() {
        let (place, process) = shell("sleep 600 & echo $!; wait");
        let log = place.path().join("log");
        let child = loop {
            if let Some(id) = fs::read_to_string(&log).unwrap().strip_suffix('\n') {
                break id.parse().unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert!(lives(child));
        drop(process);
        while lives(child) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn an_expendable_one_is_not_waited_for() {
        let (place, process) = shell("trap '' TERM; echo deaf; while true; do sleep 1; done");
        let mut process = process.expendable();
        while fs::read_to_string(place.path().join("log")).unwrap().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(process.is_running().unwrap());
        let began = Instant::now();
        drop(process);
        assert!(began.elapsed() < GRACE / 2);
    }

    #[test]
    fn one_that_ends_badly_is_told() {
        let (_place, mut process) = shell("exec sleep 600");
        assert!(process.stop().unwrap_err().to_string().contains("signal: 15"));
        let (_place, mut process) = shell("echo first; echo last words >&2; exit 3");
        while process.expect_running().is_ok() {
            thread::sleep(Duration::from_millis(5));
            assert!(process.id().is_some(), "its end is told once and for all");
        }
        assert!(
            fs::read_to_string(&process.log)
                .unwrap()
                .ends_with("last words\n")
        );
    }

    #[test]
    fn one_that_is_left_lives_on() {
        let (_place, process) = shell("exec sleep 600");
        let id = process.id().unwrap();
        process.leave();
        assert!(lives(id));
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::KILL).unwrap();
    }
}
