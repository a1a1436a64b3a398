//! What the tests of this crate share: a clock and ids they own, a database in a temporary directory, and
//! rows that others hang on.

use crate::db::{Db, Engine, Error, Settings, Tx, postgres};
use crate::executions::NewExecution;
use crate::invocations::Advance;
use crate::labels::{self, AssignedBy, Definition};
use crate::values;
use jiff::Timestamp;
use plex_api::executions::{ActionKind, ExecutionStatus};
use plex_domain::env::{Clock, Rng};
use plex_domain::execution::Report;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// A clock that stands still until it is told otherwise.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    /// Stands at 2026-11-01T00:00:00Z.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_793_491_200_000_000)))
    }

    /// Goes on by `time`.
    pub(crate) fn advance(&self, time: Duration) {
        self.0.fetch_add(
            i64::try_from(time.as_micros()).expect("a short time"),
            Ordering::Relaxed,
        );
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).expect("in the calendar")
    }
}

/// Counts upwards eight bytes at a time, so that ids minted in one millisecond differ and sort as minted.
#[derive(Default)]
pub(crate) struct CountingRng(AtomicU64);

impl Rng for CountingRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// A fresh database; it goes away with the directory.
pub(crate) fn db() -> (TempDir, Db) {
    db_at(TestClock::new())
}

/// A fresh database whose time is `clock`'s.
pub(crate) fn db_at(clock: Arc<TestClock>) -> (TempDir, Db) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Db::open(settings(&dir, clock)).expect("a new database");
    (dir, db)
}

/// How a fresh database is opened: SQLite's in the directory, or, where [`SERVER`] names one, a schema of its own on
/// that server, named after the directory.
pub(crate) fn settings(dir: &TempDir, clock: Arc<dyn Clock>) -> Settings {
    let engine = match server() {
        Some(url) => Engine::Postgres(Box::new(fresh_schema(&url, dir))),
        None => Engine::Sqlite(dir.path().join("test.db")),
    };
    Settings {
        engine,
        clock,
        rng: Arc::new(CountingRng::default()),
    }
}

/// A fresh database on SQLite, whatever [`SERVER`] says: for what only SQLite has.
pub(crate) fn on_sqlite() -> (TempDir, Db) {
    on_sqlite_at(TestClock::new())
}

/// The same, whose time is `clock`'s.
pub(crate) fn on_sqlite_at(clock: Arc<TestClock>) -> (TempDir, Db) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let settings = Settings {
        engine: Engine::Sqlite(dir.path().join("test.db")),
        clock,
        rng: Arc::new(CountingRng::default()),
    };
    (dir, Db::open(settings).expect("a new database"))
}

/// The environment variable that makes these tests run on PostgreSQL: a URL without parameters.
const SERVER: &str = "PLEX_TEST_POSTGRES";

/// The server that it names.
#[expect(
    clippy::disallowed_methods,
    reason = "which engine is tested is no setting of the program"
)]
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

fn fresh_schema(url: &str, dir: &TempDir) -> postgres::Settings {
    let name = schema(dir);
    let server = postgres::Settings::parse(url).expect("a URL of a test server");
    postgres::execute(
        &server,
        &format!("drop schema if exists {name} cascade; create schema {name}"),
    )
    .expect("a test server");
    in_schema(url, dir)
}

/// The settings for the schema of a directory on the server of this URL.
pub(crate) fn in_schema(url: &str, dir: &TempDir) -> postgres::Settings {
    let url = format!("{url}?options=-csearch_path%3D{}", schema(dir));
    postgres::Settings::parse(&url)
        .expect("a URL")
        .timed_by(postgres::Time::Clock)
}

fn schema(dir: &TempDir) -> String {
    let name = dir.path().file_name().expect("a named directory");
    let name = name.to_string_lossy().to_lowercase();
    name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
}

/// A domain with the default reachability policy and the mesh pool `10.0.0.0/24`.
pub(crate) async fn domain(tx: &mut Tx, slug: &str) -> Result<Uuid, Error> {
    let id = tx.new_id();
    tx.execute(
        "insert into domains (
            id, slug, name, mesh_cidr, heartbeat_interval, stale_after, unreachable_after, signing_key_id,
            signing_public_key, signing_key_sealed, created_at, updated_at
        ) values ($1, $2, $2, '10.0.0.0/24', 30, 90, 300, 'key-1', $3, $3, $4, $4)",
        &values![id, slug, &[7_u8; 32], tx.now()],
    )
    .await?;
    Ok(id)
}

/// A project.
pub(crate) async fn project(tx: &mut Tx, domain_id: Uuid, slug: &str) -> Result<Uuid, Error> {
    let id = tx.new_id();
    tx.execute(
        "insert into projects (id, domain_id, slug, name, created_at, updated_at)
        values ($1, $2, $3, $3, $4, $4)",
        &values![id, domain_id, slug, tx.now()],
    )
    .await?;
    Ok(id)
}

/// A registered node; the hash of its key is its id twice.
pub(crate) async fn node(tx: &mut Tx, project_id: Uuid, name: &str) -> Result<Uuid, Error> {
    let id = tx.new_id();
    tx.execute(
        "insert into nodes (
            id, project_id, domain_id, name, kind, public_key, mesh_ip, key_hash, bootstrap_token_id, created_at
        ) select $1, id, domain_id, $3, 'node', 'key', '10.0.0.1', $4, $1, $5 from projects where id = $2",
        &values![id, project_id, name, &key_of(id), tx.now()],
    )
    .await?;
    Ok(id)
}

/// The hash of such a node's key.
pub(crate) fn key_of(node_id: Uuid) -> [u8; 32] {
    let mut key = [0; 32];
    for half in key.chunks_exact_mut(16) {
        half.copy_from_slice(node_id.as_bytes());
    }
    key
}

/// The report of such a node that its invocation reached a status, without anything else; `mark` is its digest.
pub(crate) fn report(execution_id: Uuid, node_id: Uuid, (status, mark): (ExecutionStatus, u8)) -> Advance {
    Advance {
        execution_id,
        node_id,
        key: key_of(node_id),
        report: Report {
            status,
            declared_bytes: None,
            digest: [mark; 32],
        },
        exit_code: None,
        error: None,
        declared_sha256: None,
        upload_key: None,
        output: None,
    }
}

/// A dispatch of the hook `backup` by somebody, for 300 s.
pub(crate) fn new_execution(domain_id: Uuid, project_id: Uuid) -> NewExecution {
    NewExecution {
        project_id,
        domain_id,
        action: "backup".to_owned(),
        kind: ActionKind::Hook,
        parameters: None,
        parameters_shown: None,
        timeout_seconds: 300,
        selector: None,
        node_id: None,
        dispatched_by: "user:somebody".to_owned(),
        excluded: Vec::new(),
    }
}

/// The definition that a bare key means in a project; a plain one, made now, where there is none.
pub(crate) async fn resolve_or_define(
    tx: &mut Tx,
    project_id: Uuid,
    key: &str,
    by: AssignedBy,
) -> Result<Definition, Error> {
    match labels::resolve(tx, project_id, key).await? {
        Some(known) => Ok(known),
        None => Ok(labels::definitions::define(tx, project_id, key, by)
            .await
            .expect("a project with room")),
    }
}

/// Keeps the writer busy until the other end is dropped, so that what is written meanwhile waits to be gathered.
pub(crate) async fn hold(db: &Db) -> Sender<()> {
    let (give_back, given_back) = channel::<()>();
    let (taken, is_taken) = tokio::sync::oneshot::channel::<()>();
    let (taken, given_back) = (
        Arc::new(Mutex::new(Some(taken))),
        Arc::new(Mutex::new(given_back)),
    );
    let db = db.clone();
    tokio::spawn(async move {
        let work = async move |_: &mut Tx| {
            drop(taken.lock().unwrap().take());
            let _ = given_back.lock().unwrap().recv();
            Ok::<_, Error>(())
        };
        db.write(work).await
    });
    let _ = is_taken.await;
    give_back
}
