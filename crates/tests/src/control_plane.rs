//! A real control plane in a directory of its own.

use crate::database::Database;
use crate::exposition::Exposition;
use crate::operator::Operator;
use crate::process::Process;
use crate::program::Program;
use crate::raw::RawConnection;
use crate::waiting::{LIMIT, until};
use crate::web::Web;
use http::Method;
use rustix::process::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;
use uuid::Uuid;

/// `plexsphere serve` on a fresh data directory. Everything is gone when it is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    ready: Ready,
    /// Its flags, without those of the database.
    arguments: Vec<String>,
    /// What `RUST_LOG` says, where it says anything.
    log_filter: Option<&'static str>,
    database: Database,
    made: Made,
    admin: Operator,
    place: TempDir,
}

/// What `plexsphere serve` says once it is ready.
#[derive(Debug)]
struct Ready {
    url: String,
    metrics_url: Option<String>,
}

/// What `plexsphere init` says it made.
#[derive(Debug, Clone)]
struct Made {
    domain_id: Uuid,
    project_id: Uuid,
    admin_token_file: PathBuf,
    ca_file: PathBuf,
}

impl ControlPlane {
    /// Initialises and serves.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Initialises and serves, with further flags for `plexsphere serve`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_logging(arguments, None)
    }

    /// As [`ControlPlane::start_with`], with a word on how much it logs.
    pub fn start_logging(arguments: &[&str], log_filter: Option<&'static str>) -> Self {
        Self::start_prepared(|_| owned(arguments), log_filter)
    }

    /// Initialises, has `prepare` say with which flags the data directory is served, and serves it.
    pub fn start_prepared(
        prepare: impl FnOnce(&Path) -> Vec<String>,
        log_filter: Option<&'static str>,
    ) -> Self {
        Self::start_on(Database::fresh, prepare, log_filter)
    }

    /// As [`ControlPlane::start_prepared`], on PostgreSQL. It can have replicas.
    pub fn start_shared(prepare: impl FnOnce(&Path) -> Vec<String>) -> Self {
        Self::start_on(|_| Database::shared(), prepare, None)
    }

    /// Initialises and serves on SQLite, whatever the environment says.
    pub fn start_on_sqlite() -> Self {
        Self::start_on(Database::sqlite, |_| Vec::new(), None)
    }

    fn start_on(
        database: impl FnOnce(&Path) -> Database,
        prepare: impl FnOnce(&Path) -> Vec<String>,
        log_filter: Option<&'static str>,
    ) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let data_dir = place.path().join("data");
        let database = database(&data_dir);
        let made = initialise(&data_dir, &database.flags());
        let arguments = prepare(&data_dir);
        Self::serve(place, (made, database), (arguments, log_filter))
    }

    /// A further process for the same installation: with a copy of the data directory, the same flags, and a port of
    /// its own.
    pub fn replica(&self) -> Self {
        self.copied(|_| self.database.clone())
    }

    /// Another process on a backup of this one, which is made and brought back as the manual says. Meanwhile this one
    /// does not run if that is what the manual says of its database.
    pub fn restored(&mut self) -> Self {
        if let Database::Postgres(_) = self.database {
            return self.copied(|_| self.database.restored());
        }
        assert!(self.terminate().success(), "it stops");
        let copy = self.copied(Database::sqlite);
        self.restart();
        copy
    }

    /// Another process with a copy of the data directory, the same flags, and a port of its own, on that database.
    fn copied(&self, database: impl FnOnce(&Path) -> Database) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let data_dir = place.path().join("data");
        let mut copy = Command::new("cp");
        copy.arg("--archive").arg(self.data_dir()).arg(&data_dir);
        let copied = copy.status().expect("cp starts");
        assert!(copied.success(), "the data directory can be copied");
        let made = Made {
            admin_token_file: data_dir.join("admin.token"),
            ca_file: data_dir.join("ca.pem"),
            ..self.made.clone()
        };
        let database = database(&data_dir);
        let started = (self.arguments.clone(), self.log_filter);
        Self::serve(place, (made, database), started)
    }

    fn serve(
        place: TempDir,
        (made, database): (Made, Database),
        (arguments, log_filter): (Vec<String>, Option<&'static str>),
    ) -> Self {
        let flags = [&arguments[..], &database.flags()].concat();
        let (process, ready) = serve(place.path(), "127.0.0.1:0", (&flags, log_filter));
        let token = std::fs::read_to_string(&made.admin_token_file).expect("the admin's token");
        let web = Web::new(
            &ready.url,
            &std::fs::read(&made.ca_file).expect("the CA's certificate"),
        );
        let admin = Operator::new(web, token.trim_end(), &made.ca_file, made.project_id);
        Self {
            process,
            ready,
            arguments,
            log_filter,
            database,
            made,
            admin,
            place,
        }
    }

    /// Its URL, without a trailing slash. It stays the same over restarts.
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// Where its metrics are, when it was started with `--metrics-listen`.
    pub fn metrics_url(&self) -> &str {
        self.ready.metrics_url.as_deref().expect("it serves metrics")
    }

    /// What its metrics say now, word for word.
    pub fn metrics_text(&self) -> String {
        let answer = Web::in_clear("").send(&Method::GET, self.metrics_url(), &[], None);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        answer.expect(200).text()
    }

    /// What its metrics say now.
    pub fn metrics(&self) -> Exposition {
        Exposition::parse(&self.metrics_text())
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The certificate of its CA.
    pub fn ca_file(&self) -> &Path {
        &self.made.ca_file
    }

    /// The file with the platform admin's token.
    pub fn admin_token_file(&self) -> &Path {
        &self.made.admin_token_file
    }

    /// The project that `init` made.
    pub fn project_id(&self) -> Uuid {
        self.made.project_id
    }

    /// The domain that `init` made.
    pub fn domain_id(&self) -> Uuid {
        self.made.domain_id
    }

    /// The platform admin.
    pub fn admin(&self) -> Operator {
        self.admin.clone()
    }

    /// A client without a credential.
    pub fn web(&self) -> &Web {
        self.admin.web()
    }

    /// A TLS connection to say anything on.
    pub fn raw(&self) -> RawConnection {
        RawConnection::open(&self.ready.url, &self.made.ca_file)
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its log so far, over restarts.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What it last said in its log that it serves, and on what.
    pub fn announced(&self) -> Value {
        let log = self.log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut said = lines.filter(|line| line["fields"]["message"] == "serving");
        let last = said.next_back();
        last.expect("one that is ready has said so")["fields"].take()
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

    /// Waits until it has ended; for one that was sent SIGTERM before, because a second one ends it at once.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Serves the same directory on the same port again; ends what still runs first.
    pub fn restart(&mut self) {
        self.process.kill9();
        let (_, port) = self.ready.url.rsplit_once(':').expect("a URL with a port");
        let listen = format!("127.0.0.1:{port}");
        let flags = [&self.arguments[..], &self.database.flags()].concat();
        let (process, ready) = serve(self.place.path(), &listen, (&flags, self.log_filter));
        assert_eq!(ready.url, self.ready.url, "the same port gives the same URL");
        (self.process, self.ready) = (process, ready);
    }
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

fn initialise(data_dir: &Path, flags: &[String]) -> Made {
    let mut command = Program::Plexsphere.command();
    command
        .arg("init")
        .arg("--data-dir")
        .arg(data_dir)
        .args(flags)
        .args(["--output", "json"])
        .stdin(Stdio::null());
    let ran = command.output().expect("plexsphere starts");
    assert!(
        ran.status.success(),
        "init: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let made: Value = serde_json::from_slice(&ran.stdout).expect("init prints JSON");
    let text = |name: &str| {
        made[name]
            .as_str()
            .unwrap_or_else(|| panic!("init tells no {name}"))
            .to_owned()
    };
    let id = |name: &str| Uuid::parse_str(&text(name)).expect("a UUID");
    Made {
        domain_id: id("domain_id"),
        project_id: id("project_id"),
        admin_token_file: text("admin_token_file").into(),
        ca_file: text("ca_file").into(),
    }
}

fn serve(place: &Path, listen: &str, (arguments, log_filter): (&[String], Option<&str>)) -> (Process, Ready) {
    let ready = place.join("ready.json");
    // What an earlier server left must not be taken for this one's.
    if ready.exists() {
        std::fs::remove_file(&ready).expect("the ready file can be removed");
    }
    let mut command = command(place, listen, &ready, arguments);
    command.envs(log_filter.map(|filter| ("RUST_LOG", filter)));
    let mut process = Process::start(command, &place.join("log"));
    let text = until("the control plane to be ready", LIMIT, || {
        assert!(
            process.ended().is_none(),
            "plexsphere ended at once: {}",
            process.log()
        );
        std::fs::read(&ready).ok()
    });
    let ready: Value = serde_json::from_slice(&text).expect("the ready file is whole once it is there");
    let text = |name: &str| ready[name].as_str().map(str::to_owned);
    let ready = Ready {
        url: text("url").expect("the ready file tells the URL"),
        metrics_url: text("metrics_url"),
    };
    (process, ready)
}

fn command(place: &Path, listen: &str, ready: &Path, arguments: &[String]) -> Command {
    let mut command = Program::Plexsphere.command();
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(place.join("data"))
        .args(["--listen", listen]);
    command.arg("--ready-file").arg(ready).args(arguments);
    command
}
