//! A child process that never outlives the test.

use crate::waiting::{LIMIT, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program whose stdout and stderr go to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it writes is appended to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file can be made");
        let other = file.try_clone().expect("a file handle can be cloned");
        let child = command.stdin(Stdio::null()).stdout(other).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far, and what its predecessors wrote to the same file.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("the log is there")).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends it a signal; to one that has ended, nothing.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = i32::try_from(self.pid())
                .ok()
                .and_then(Pid::from_raw)
                .expect("a child has a pid");
            kill_process(pid, signal).expect("one's own child can be signalled");
        }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("a killed child ends");
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits until it has ended; for one that was asked to before.
    pub fn wait(&mut self) -> ExitStatus {
        until("the end of a process", LIMIT, || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell when even this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
