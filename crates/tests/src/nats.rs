//! A real NATS server.

use crate::process::Process;
use crate::tools;
use crate::waiting::{LIMIT, until};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// `nats-server` on loopback. It is gone when it is dropped.
#[derive(Debug)]
pub struct NatsServer {
    process: Process,
    port: u16,
    arguments: Vec<String>,
    place: TempDir,
}

impl NatsServer {
    /// Starts one that takes everybody.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further flags.
    pub fn start_with(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        // It picks a free port.
        let (process, port) = serve(place.path(), "-1", &arguments);
        Self {
            process,
            port,
            arguments,
            place,
        }
    }

    /// Its address. It stays the same over restarts.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Sends it a signal: STOP freezes it, CONT lets it go on.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it at once.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Serves on the same port again; ends what still runs first.
    pub fn restart(&mut self) {
        self.process.kill9();
        let (process, port) = serve(self.place.path(), &self.port.to_string(), &self.arguments);
        assert_eq!(port, self.port);
        self.process = process;
    }
}

/// Starts it and waits until it says on which port it listens.
fn serve(place: &Path, port: &str, arguments: &[String]) -> (Process, u16) {
    let mut command = tools::python_program("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", port, "--ports_file_dir"]);
    command.arg(place).args(arguments);
    let mut process = Process::start(command, &place.join("log"));
    let ports = place.join(format!("nats-server_{}.ports", process.pid()));
    let port = until("NATS to be ready", LIMIT, || {
        assert!(
            process.ended().is_none(),
            "nats-server ended at once: {}",
            process.log()
        );
        // It may not be whole yet.
        let said: Value = serde_json::from_slice(&std::fs::read(&ports).ok()?).ok()?;
        let (_, port) = said["nats"][0].as_str()?.rsplit_once(':')?;
        port.parse().ok()
    });
    (process, port)
}
