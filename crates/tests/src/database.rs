//! The database below a control plane: its own SQLite file, or a schema of its own on a PostgreSQL server.

use crate::program;
use crate::tools;
use crate::waiting::LIMIT;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;

/// Where a control plane keeps what it knows; to look at, or to damage.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in the data directory.
    Sqlite(PathBuf),
    /// The URL of a schema.
    Postgres(String),
}

impl Database {
    /// One of its own for the data directory: on the server that `PLEX_TEST_POSTGRES` names, if it names one.
    pub fn fresh(data_dir: &Path) -> Self {
        match server() {
            Some(url) => Self::Postgres(schema(&url)),
            None => Self::sqlite(data_dir),
        }
    }

    /// The file in the data directory.
    pub fn sqlite(data_dir: &Path) -> Self {
        Self::Sqlite(data_dir.join("plexsphere.db"))
    }

    /// A schema of its own on the server that `PLEX_TEST_POSTGRES` names.
    pub fn shared() -> Self {
        let url =
            server().expect("PLEX_TEST_POSTGRES names no server; `cargo xtask test --only postgres` has one");
        Self::Postgres(schema(&url))
    }

    /// Restarts the PostgreSQL server without letting it finish anything.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test binary has no command line of its own"
    )]
    pub fn restart_the_server() {
        let command = std::env::var("PLEX_TEST_POSTGRES_RESTART");
        let command = command.expect("`cargo xtask test --only postgres` says how to restart the server");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &command])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        assert!(shell.status().expect("a shell starts").success());
    }

    /// What is there now, in another database of the same server: by `pg_dump`, and back by `pg_restore`.
    pub fn restored(&self) -> Self {
        let Self::Postgres(url) = self else {
            panic!("SQLite is copied with its directory")
        };
        let (server, schema) = url.split_once("?options=-csearch_path%3D").expect("a schema");
        let (prefix, _) = server.rsplit_once('/').expect("a URL with a database");
        let name = format!("restored_{}", Uuid::now_v7().simple());
        psql(
            server,
            &["--command", &format!("create database {name} template template0")],
        )
        .expect("a database");
        let other = format!("{prefix}/{name}");
        let place = tempfile::tempdir().expect("a temporary directory");
        let dump = place.path().join("dump");
        // Other tests have schemas of their own in this database.
        let mut save = program::bare(Path::new("pg_dump"));
        save.args(["--format=custom", "--schema", schema, "--file"])
            .arg(&dump)
            .arg(server);
        tools::succeed(&mut save);
        let mut load = program::bare(Path::new("pg_restore"));
        load.args(["--exit-on-error", "--dbname", &other]).arg(&dump);
        tools::succeed(&mut load);
        Self::Postgres(format!("{other}?options=-csearch_path%3D{schema}"))
    }

    /// The flags that name it.
    pub fn flags(&self) -> Vec<String> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(url) => vec!["--database-url".to_owned(), url.clone()],
        }
    }

    /// An id as its SQL has it.
    pub fn id(&self, id: Uuid) -> String {
        match self {
            Self::Sqlite(_) => format!("x'{}'", id.simple()),
            Self::Postgres(_) => format!("'{id}'"),
        }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// What the database says when it refuses.
    pub fn execute(&self, sql: &str) -> Result<usize, String> {
        match self {
            Self::Sqlite(path) => open(path).execute(sql, ()).map_err(|error| error.to_string()),
            Self::Postgres(url) => {
                let tag = psql(url, &["--command", sql])?;
                let count = tag.split_whitespace().last().and_then(|word| word.parse().ok());
                Ok(count.unwrap_or(0))
            }
        }
    }

    /// Runs statements, all or none.
    pub fn run(&self, sql: &str) {
        let ran = match self {
            Self::Sqlite(path) => open(path)
                .execute_batch(&format!("begin; {sql}; commit"))
                .map_err(|error| error.to_string()),
            Self::Postgres(url) => psql(url, &["--command", sql]).map(drop),
        };
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a query as text; bytes in hex.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(path) => sqlite_rows(&open(path), sql),
            Self::Postgres(url) => {
                let table = psql(url, &["--field-separator", "\t", "--command", sql]);
                let table = table.unwrap_or_else(|error| panic!("{sql}: {error}"));
                let cell = |cell: &str| cell.strip_prefix("\\x").unwrap_or(cell).to_owned();
                table
                    .lines()
                    .map(|line| line.split('\t').map(cell).collect())
                    .collect()
            }
        }
    }

    /// The number that is a query's only row.
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql);
        rows[0][0].parse().unwrap_or_else(|_| panic!("{sql}: {rows:?}"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test binary has no command line of its own"
)]
fn server() -> Option<String> {
    std::env::var("PLEX_TEST_POSTGRES").ok()
}

/// Makes a schema; the URL that selects it.
fn schema(url: &str) -> String {
    let name = format!("e2e_{}", Uuid::now_v7().simple());
    psql(url, &["--command", &format!("create schema {name}")]).expect("a test server");
    format!("{url}?options=-csearch_path%3D{name}")
}

fn psql(url: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command: Command = program::bare(Path::new("psql"));
    command.args([
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--set",
        "ON_ERROR_STOP=1",
    ]);
    let ran = command.args(arguments).arg(url).stdin(Stdio::null()).output();
    let ran = ran.expect("psql starts; `cargo xtask test --only postgres` installs it");
    let text = |bytes| String::from_utf8(bytes).expect("psql prints text");
    if ran.status.success() {
        Ok(text(ran.stdout))
    } else {
        Err(text(ran.stderr))
    }
}

fn open(path: &Path) -> Connection {
    let database = Connection::open(path).expect("the database is there");
    database.busy_timeout(LIMIT).expect("a time-out can be set");
    database
}

fn sqlite_rows(database: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = database.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let rows = statement.query_map((), |row| {
        (0..columns).map(|at| Ok(text(row.get_ref(at)?))).collect()
    });
    rows.expect(sql).map(|row| row.expect(sql)).collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => data_encoding::HEXLOWER.encode(bytes),
    }
}
