//! The agent as a process, with its directories.

use crate::control_plane::ControlPlane;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A bootstrap token of project 1.
const TOKEN: &str = "psb_test_aaaaaaaaaaaaaaaaaaaaaaaaae_node_aaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) struct Machine {
    pub(crate) directory: tempfile::TempDir,
}

pub(crate) struct Agent {
    pub(crate) process: Child,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(machine.path("hooks")).unwrap();
        std::fs::write(machine.path("token"), TOKEN).unwrap();
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Installs a shell script as a hook; `$DIR` in it is this machine's directory.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let script = format!(
            "#!/bin/sh\n{}\n",
            script.replace("$DIR", self.directory.path().to_str().unwrap())
        );
        // By rename, as a packaging tool would: nobody ever sees half a hook.
        let temporary = self.path("new-hook");
        std::fs::write(&temporary, script).unwrap();
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(temporary, self.path("hooks").join(name)).unwrap();
    }

    pub(crate) fn command(&self, server: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plexd"));
        command
            .args(["run", "--server", server, "--name", "web-1"])
            .arg("--state-dir")
            .arg(self.path("state"))
            .arg("--hooks-dir")
            .arg(self.path("hooks"))
            .env("RUST_LOG", "info")
            .env("AGENT_SECRET", "leaked")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn start(&self, server: &ControlPlane, options: &[&str]) -> Agent {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let mut command = self.command(&server.url);
        command
            .arg("--bootstrap-token-file")
            .arg(self.path("token"))
            .args(options)
            .stderr(log);
        Agent {
            process: command.spawn().unwrap(),
        }
    }
}

impl Agent {
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.process.id().unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(Duration::from_secs(30), self.process.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }
}

/// Waits until no process has this text in its arguments.
pub(crate) async fn until_gone(marker: &str) {
    let alive = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(Result::ok)
            .any(|entry| {
                std::fs::read(entry.path().join("cmdline"))
                    .is_ok_and(|line| line.windows(marker.len()).any(|w| w == marker.as_bytes()))
            })
    };
    for _ in 0..1000 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a process with {marker} is still alive");
}
