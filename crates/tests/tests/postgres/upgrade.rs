//! From one version to the next while the one before serves. The next version is this process, as far as the schema
//! goes: it brings steps that the programs do not know.

use plex_server::database::settings;
use plex_store::Db;
use plex_store::db::Engine;
use plex_store::db::postgres::{self, Change, Step};
use plex_tests::{ControlPlane, Database, LIMIT, Load, Program, Site, until};
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

/// Steps that the programs can work with.
const EXPAND: &[Step] = &[
    Step {
        number: 101,
        change: Change::Whole(
            "alter table executions add column remark text not null default 'none';
            alter table nodes add column remark text not null default 'none';
            create table remarks (id bigint primary key, remark text not null)",
        ),
        serves: 7,
    },
    Step {
        number: 102,
        change: Change::Index("audit_by_remark", "on audit_entries (relation, occurred_at)"),
        serves: 7,
    },
];
/// The same, and one that they cannot work with.
const CONTRACT: &[Step] = &[
    EXPAND[0],
    EXPAND[1],
    Step {
        number: 103,
        change: Change::Whole("alter table nodes drop column reconcile"),
        serves: 103,
    },
];

/// The database as a version with these steps opens it.
fn open(database: &Database, steps: &'static [Step]) -> Result<Db, plex_store::Error> {
    let Database::Postgres(url) = database else {
        panic!("it is shared")
    };
    let server = postgres::Settings::parse(url)
        .expect("a URL")
        .with_further_steps(steps);
    Db::open(settings(Engine::Postgres(Box::new(server))))
}

/// Somebody who reads for long, as a backup does, and so holds up whoever changes the table.
struct Reader(Child);

impl Reader {
    fn of(database: &Database, table: &str) -> Self {
        let Database::Postgres(url) = database else {
            panic!("it is shared")
        };
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet"]).arg(url);
        psql.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = psql.spawn().expect("psql starts");
        let stdin = child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "begin; lock table {table} in access share mode;").expect("psql reads");
        until("the reader to read", LIMIT, || {
            let held = format!(
                "select count(*) from pg_locks l join pg_stat_activity a using (pid)
                 where l.relation = '{table}'::regclass and a.application_name = 'psql' and l.granted
                 and a.state = 'idle in transaction'"
            );
            (database.number(&held) > 0).then_some(())
        });
        Self(child)
    }

    fn end(mut self) {
        // It ends with its input.
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("psql ends").success());
    }
}

/// Serves once more, as an operator would try to.
fn serve(replica: &ControlPlane) -> Output {
    let mut command = Program::Plexsphere.command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(replica.data_dir());
    command
        .args(replica.database().flags())
        .output()
        .expect("plexsphere starts")
}

#[test]
fn the_next_version_changes_the_schema_while_this_one_serves() {
    let mut site = Site::start(2, 4);
    let database = site.replicas[0].database().clone();
    let load = Load::default();
    let jobs = site.under_load(&load, |replicas| {
        load.go_on(20);
        let reader = Reader::of(&database, "executions");
        std::thread::scope(|scope| {
            let next = scope.spawn(|| open(&database, EXPAND).expect("it comes to an end"));
            until("a step to wait for the table", LIMIT, || {
                let waiting = "select count(*) from pg_locks where relation = 'executions'::regclass
                    and mode = 'AccessExclusiveLock' and not granted";
                (database.number(waiting) > 0).then_some(())
            });
            // For as long as it has to wait, all others go on.
            load.go_on(60);
            assert!(!next.is_finished(), "it had to wait");
            reader.end();
            let next = next.join().expect("it does not panic");
            assert_beside(&next);
        });
        load.go_on(20);
        // A replica of this version may start again in between.
        replicas[1].restart();
        load.go_on(20);
    });
    site.assert_whole(&jobs, 0);
    let whole = "select count(*) from executions where remark = 'none'";
    assert_eq!(usize::try_from(database.number(whole)), Ok(jobs.len()));
    let index = "select count(*) from pg_index where indexrelid = 'audit_by_remark'::regclass and indisvalid";
    assert_eq!(database.number(index), 1);

    drop(open(&database, CONTRACT).expect("nobody is in the way"));
    site.replicas[0].kill9();
    let refused = serve(&site.replicas[0]);
    let said = String::from_utf8(refused.stderr).expect("text");
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        last.starts_with("error: ") && last.ends_with("from a newer version of this program"),
        "{said}"
    );
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

/// The next version writes what the one before does not know, while that one serves.
fn assert_beside(next: &Db) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let written = next.write(async |tx| {
        tx.execute("insert into remarks (id, remark) values (1, 'new')", &[])
            .await?;
        tx.execute("update nodes set remark = 'new'", &[]).await
    });
    let written: Result<usize, plex_store::Error> = runtime.block_on(written);
    assert_eq!(written.expect("it writes"), 4);
}
