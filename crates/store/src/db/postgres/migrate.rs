//! Bringing the schema up to date, while programs of the version before may be at work.
//!
//! A step waits only a little for the tables that it changes: whoever waits for one lets nobody past. It comes again
//! until they are free, and what has nothing to do waits for nobody.

use super::session::{Session, advisory_key};
use super::settings::Settings;
use crate::db::Error;
use std::time::Duration;

/// A step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its number. The first brings what SQLite's schema has after as many; from there on both go in step.
    pub number: u32,
    /// What it does.
    pub change: Change,
    /// The oldest program, named by the last step that it knows, which can work with what this step makes. A step
    /// that takes away what the program before still uses is a release later than the one that adds its successor.
    pub serves: u32,
}

/// What a step does.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// These statements, in one transaction.
    Whole(&'static str),
    /// An index, made beside whatever goes on: what follows `create index concurrently`, after its name.
    Index(&'static str, &'static str),
}

const STEPS: &[Step] = &[
    Step {
        number: 6,
        change: Change::Whole(include_str!("../../../migrations/postgres/0006_initial.sql")),
        serves: 6,
    },
    Step {
        number: 7,
        change: Change::Whole(include_str!("../../../migrations/postgres/0007_retention.sql")),
        serves: 6,
    },
];

/// The lock under which the schema changes.
const LOCK: i32 = 3;
/// What a connection that changes the schema is told: nobody stands behind it for longer, and an index may take its
/// time.
const SETTLE: &str = "set lock_timeout = '250ms'; set statement_timeout = 0";
/// Between two tries of what had to wait too long.
const PAUSE: Duration = Duration::from_secs(1);
/// How often something is tried. After that, whoever starts the program has to see who holds the tables.
const TRIES: u32 = 120;

/// Where a schema stands.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The last step done.
    done: u32,
    /// The oldest program that can work with it.
    serves: u32,
}

/// Runs the steps that are missing; returns how many the database had seen.
pub(super) async fn migrate(server: &Settings) -> Result<u32, Error> {
    let steps: Vec<Step> = [STEPS, server.further_steps].concat();
    let known = steps.last().map_or(0, |step| step.number);
    let mut session = Session::open(server, None).await?;
    check(&mut session).await?;
    let mut state = State::read(&mut session).await?;
    if state.done < known {
        session.step(SETTLE).await?;
        lock(&mut session).await?;
        // Somebody else may have done it meanwhile.
        state = State::read(&mut session).await?;
        for step in steps.iter().filter(|step| step.number > state.done) {
            take(&mut session, step).await?;
        }
    }
    if state.serves > known {
        return Err(Error::Newer);
    }
    session
        .step("delete from writer_marks where marked_at < now() - interval '7 days'")
        .await?;
    Ok(state.done)
}

impl State {
    async fn read(session: &mut Session) -> Result<Self, Error> {
        if session
            .text("select to_regclass('schema_steps')")
            .await?
            .is_none()
        {
            return Ok(Self::default());
        }
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Self {
            done: number(session.text("select max(number) from schema_steps").await?),
            serves: number(session.text("select max(serves) from schema_steps").await?),
        })
    }
}

/// Takes the lock, which ends with the connection. Nobody waits for it inside a statement: an index that is made
/// beside what goes on would wait for that statement's end.
async fn lock(session: &mut Session) -> Result<(), Error> {
    let key = advisory_key(LOCK);
    let take = format!("select nullif(pg_try_advisory_lock({key}), false)");
    for _ in 0..TRIES {
        if session.text(&take).await?.is_some() {
            return session
                .step(
                    "create table if not exists schema_steps (number bigint primary key, serves bigint not null)",
                )
                .await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Busy)
}

/// Runs a step until the tables are free for it.
async fn take(session: &mut Session, step: &Step) -> Result<(), Error> {
    for _ in 0..TRIES {
        match try_once(session, step).await {
            Err(Error::Busy) => {
                tracing::info!(step = step.number, "the schema waits for tables that are in use");
                // Outside a transaction it is only told that it is.
                session.step("rollback").await?;
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
    Err(Error::Busy)
}

async fn try_once(session: &mut Session, step: &Step) -> Result<(), Error> {
    let (number, serves) = (step.number, step.serves);
    let note = format!("insert into schema_steps values ({number}, {serves})");
    match step.change {
        Change::Whole(sql) => {
            session.step("begin").await?;
            session.step(sql).await?;
            session.step(&format!("{note}; commit")).await
        }
        Change::Index(name, rest) => {
            // One that was not finished is there, and serves nobody.
            for sql in [
                &format!("drop index concurrently if exists {name}"),
                &format!("create index concurrently {name} {rest}"),
                &note,
            ] {
                session.step(sql).await?;
            }
            Ok(())
        }
    }
}

/// Refuses a server whose answers could be lost.
async fn check(session: &mut Session) -> Result<(), Error> {
    let setting = |value: Option<String>| value.unwrap_or_default();
    let version = setting(session.text("show server_version_num").await?);
    if version.parse::<u32>().unwrap_or(0) < 140_000 {
        return Err(Error::Corrupt("PostgreSQL 14 or later is needed".to_owned()));
    }
    if setting(session.text("show fsync").await?) != "on" {
        return Err(Error::Corrupt(
            "PostgreSQL runs with fsync off: not durable".to_owned(),
        ));
    }
    let encoding = setting(session.text("show server_encoding").await?);
    if encoding != "UTF8" {
        return Err(Error::Corrupt(format!(
            "the database's encoding is {encoding}, UTF8 is needed"
        )));
    }
    Ok(())
}
