//! A real agent with a state directory and a hooks directory of its own.

use crate::control_plane::ControlPlane;
use crate::node::bootstrap_token;
use crate::operator::Operator;
use crate::process::Process;
use crate::program::Program;
use crate::sha256_base64;
use crate::waiting::{LIMIT, until};
use plex_api::paths;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use tempfile::TempDir;
use uuid::Uuid;

/// `plexd run`, registered. It ends, and its directories go, when it is dropped.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    arguments: Vec<String>,
    node_id: Uuid,
    admin: Operator,
    place: TempDir,
}

impl Agent {
    /// Starts one and waits until the control plane has its manifest.
    pub fn start(control_plane: &ControlPlane, name: &str) -> Self {
        Self::start_with(control_plane, name, &[])
    }

    /// As [`Agent::start`], with further flags for `plexd run`; they go before the same flags of its own.
    pub fn start_with(control_plane: &ControlPlane, name: &str, arguments: &[&str]) -> Self {
        let token = bootstrap_token(control_plane, 1, &json!({"name": name}));
        let place = tempfile::tempdir().expect("a temporary directory");
        prepare(place.path(), &token);
        let arguments = command_line(control_plane, place.path(), name, arguments);
        let mut process = Process::start(command(&arguments, place.path()), &place.path().join("log"));
        let node_id = until("the agent to register", LIMIT, || {
            assert!(
                process.ended().is_none(),
                "plexd ended at once: {}",
                process.log()
            );
            identity(place.path())
        });
        let agent = Self {
            process,
            arguments,
            node_id,
            admin: control_plane.admin(),
            place,
        };
        until("the agent's manifest", LIMIT, || agent.capabilities());
        agent
    }

    /// The node's id.
    pub fn node_id(&self) -> Uuid {
        self.node_id
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its log so far, over restarts.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its hooks directory.
    pub fn hooks_dir(&self) -> PathBuf {
        self.place.path().join("hooks")
    }

    /// Its state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// A directory for whatever a test's hooks leave behind.
    pub fn scratch(&self) -> PathBuf {
        self.place.path().join("scratch")
    }

    /// Puts an executable into the hooks directory and waits until it is declared.
    pub fn hook(&self, name: &str, script: &str) {
        self.write_hook(name, script);
        let checksum = sha256_base64(script.as_bytes());
        until(&format!("hook {name} to be declared"), LIMIT, || {
            let row = self.capabilities()?;
            let hooks = row["declared_hooks"].as_array()?;
            hooks
                .iter()
                .find(|hook| hook["name"] == name && hook["checksum"] == checksum)
                .map(|_| ())
        });
    }

    /// As [`Agent::hook`], with a sidecar beside it.
    pub fn hook_with(&self, name: &str, script: &str, sidecar: &Value) {
        let path = self.hooks_dir().join(format!("{name}.json"));
        fs::write(path, sidecar.to_string()).expect("the hooks directory can be written");
        self.hook(name, script);
    }

    /// Puts an executable into the hooks directory, whole from the first moment.
    pub fn write_hook(&self, name: &str, script: &str) {
        let new = self.place.path().join("new-hook");
        fs::write(&new, script).expect("a hook can be written");
        fs::set_permissions(&new, Permissions::from_mode(0o755)).expect("one's own file");
        fs::rename(new, self.hooks_dir().join(name)).expect("the hooks directory can be written");
    }

    /// The node's row of the capability list.
    pub fn capabilities(&self) -> Option<Value> {
        let path = format!(
            "{}?node_id={}",
            paths::capabilities(self.admin.project_id),
            self.node_id
        );
        self.admin.get(&path).expect(200).json()["items"].get(0).cloned()
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.terminate()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Starts it again on the same directories; ends what still runs first.
    pub fn restart(&mut self) {
        self.process.kill9();
        self.process = Process::start(
            command(&self.arguments, self.place.path()),
            &self.place.path().join("log"),
        );
    }
}

fn prepare(place: &Path, token: &str) {
    for directory in ["hooks", "scratch"] {
        fs::create_dir(place.join(directory)).expect("a temporary directory can be written");
        fs::set_permissions(place.join(directory), Permissions::from_mode(0o755))
            .expect("one's own directory");
    }
    let file = place.join("bootstrap.token");
    fs::write(&file, token).expect("a temporary directory can be written");
    fs::set_permissions(file, Permissions::from_mode(0o600)).expect("one's own file");
}

fn command_line(control_plane: &ControlPlane, place: &Path, name: &str, further: &[&str]) -> Vec<String> {
    let path = |path: &Path| path.to_str().expect("a temporary path is UTF-8").to_owned();
    let own = [
        ("--server", control_plane.url().to_owned()),
        ("--ca-file", path(control_plane.ca_file())),
        ("--bootstrap-token-file", path(&place.join("bootstrap.token"))),
        ("--state-dir", path(&place.join("state"))),
        ("--hooks-dir", path(&place.join("hooks"))),
        ("--name", name.to_owned()),
    ];
    let own = own.into_iter().filter(|(flag, _)| !further.contains(flag));
    let own = own.flat_map(|(flag, value)| [flag.to_owned(), value]);
    own.chain(further.iter().map(|&argument| argument.to_owned()))
        .collect()
}

fn command(arguments: &[String], place: &Path) -> std::process::Command {
    let mut command = Program::Plexd.command();
    command.arg("run").args(arguments).env("HOME", place);
    command
}

/// The node id, once the agent has written down who it is.
fn identity(place: &Path) -> Option<Uuid> {
    let text = fs::read(place.join("state/identity.json")).ok()?;
    let identity: Value = serde_json::from_slice(&text).expect("the identity is whole once it is there");
    identity["node_id"].as_str()?.parse().ok()
}
