//! Bringing the schema up to date, while programs of the version before may be at work.

use super::session::{Session, advisory_lock};
use super::settings::Settings;
use crate::db::Error;

/// A step of the schema.
struct Step {
    /// Its number. The first brings what SQLite's schema has after as many; from there on both go in step.
    number: u32,
    sql: &'static str,
    /// The oldest program, named by the last step that it knows, which can work with what this step makes. A step
    /// that takes away what the program before still uses is a release later than the one that adds its successor.
    serves: u32,
}

const STEPS: &[Step] = &[
    Step {
        number: 6,
        sql: include_str!("../../../migrations/postgres/0006_initial.sql"),
        serves: 6,
    },
    Step {
        number: 7,
        sql: include_str!("../../../migrations/postgres/0007_retention.sql"),
        serves: 6,
    },
];

/// The lock under which the schema changes.
const LOCK: i32 = 3;

/// Runs the steps that are missing; returns how many the database had seen.
pub(super) async fn migrate(server: &Settings) -> Result<u32, Error> {
    let mut session = Session::open(server, None).await?;
    check(&mut session).await?;
    session.step(&format!("begin; {}", advisory_lock(LOCK))).await?;
    session
        .step("create table if not exists schema_steps (number bigint primary key, serves bigint not null)")
        .await?;
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let done = number(session.text("select max(number) from schema_steps").await?);
    let serves = number(session.text("select max(serves) from schema_steps").await?);
    let known = STEPS.last().map_or(0, |step| step.number);
    if serves > known {
        return Err(Error::Corrupt(
            "the database is from a newer version of this program".to_owned(),
        ));
    }
    for step in STEPS.iter().filter(|step| step.number > done) {
        let (number, serves) = (step.number, step.serves);
        session.step(step.sql).await?;
        session
            .step(&format!("insert into schema_steps values ({number}, {serves})"))
            .await?;
    }
    session
        .step("delete from writer_marks where marked_at < now() - interval '7 days'; commit")
        .await?;
    Ok(done)
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
