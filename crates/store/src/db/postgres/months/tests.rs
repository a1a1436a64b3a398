use super::*;
use crate::db::{Engine, Settings as DbSettings};
use crate::testing::{TestClock, server, settings};
use crate::{Db, values};
use std::sync::Arc;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn a_month_is_a_range_of_ids() {
    let month = Month::of(at("2026-11-30T23:59:59.999Z")).unwrap();
    assert_eq!(month.table("outputs"), "outputs_2026_11");
    assert_eq!(Month::parse("2026_11"), Some(month));
    let id = |text: &str| Uuid::from_u128(u128::from(at(text).as_millisecond().unsigned_abs()) << 80);
    assert_eq!(month.first_id(), id("2026-11-01T00:00:00Z"));
    assert_eq!(month.plus(2).unwrap().first_id(), id("2027-01-01T00:00:00Z"));
    assert!(!month.is_over(at("2026-12-01T23:00:00Z")), "clocks may differ");
    assert!(month.is_over(at("2026-12-02T00:00:01Z")));
    for text in ["other", "2026_13", "2026", ""] {
        assert_eq!(Month::parse(text), None, "{text}");
    }
}

/// A database whose clock stands in November 2026, where there is a server.
fn on_postgres() -> Option<(tempfile::TempDir, Db, super::super::Settings)> {
    server()?;
    let dir = tempfile::tempdir().unwrap();
    let settings: DbSettings = settings(&dir, TestClock::new() as Arc<_>);
    let Engine::Postgres(server) = settings.engine.clone() else {
        return None;
    };
    Some((dir, Db::open(settings).unwrap(), *server))
}

fn keep(server: &super::super::Settings, now: &str) -> Result<(), Error> {
    let now = at(now);
    std::thread::scope(|scope| {
        let kept = scope.spawn(|| {
            super::super::block_on(async {
                let mut session = Session::open(server, None).await?;
                make(&mut session, now).await?;
                drop_empty(&mut session, now).await
            })
        });
        kept.join().unwrap()
    })
}

async fn store_step(db: &Db, id: Uuid) {
    db.write(async move |tx| {
        let sql = "insert into execution_events (execution_id, node_id, status, occurred_at) values ($1, $1, 'ack', 0)";
        tx.execute(sql, &values![id]).await
    })
    .await
    .unwrap();
}

async fn tables(db: &Db) -> Vec<String> {
    db.read(async |tx| {
        let sql = "select relname::text from pg_class
            where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname like 'execution\\_events\\_%'
            order by 1";
        tx.all(sql, &[], |row| row.get(0)).await
    })
    .await
    .map(|names: Vec<String>| {
        let month = |name: &String| name.strip_prefix("execution_events_").map(str::to_owned);
        names.iter().filter_map(month).collect()
    })
    .unwrap_or_else(|error: Error| panic!("{error:?}"))
}

#[tokio::test]
async fn months_are_made_ahead_and_dropped_when_they_are_over_and_empty() {
    let Some((_dir, db, server)) = on_postgres() else {
        return;
    };
    assert_eq!(tables(&db).await, ["2026_11", "2026_12", "2027_01", "other"]);
    let in_november = Uuid::from_u128(Month::parse("2026_11").unwrap().first_id().as_u128() + 5);
    store_step(&db, in_november).await;
    keep(&server, "2027-01-15T00:00:00Z").unwrap();
    let known = ["2026_11", "2027_01", "2027_02", "2027_03", "other"];
    assert_eq!(
        tables(&db).await,
        known,
        "November holds something, December nothing"
    );
    db.write(async |tx| tx.execute("delete from execution_events", &[]).await)
        .await
        .unwrap();
    keep(&server, "2027-01-15T00:00:00Z").unwrap();
    assert_eq!(tables(&db).await, known[1..]);
}

#[tokio::test]
async fn a_month_that_has_begun_in_the_default_partition_stays_there() {
    let Some((_dir, db, server)) = on_postgres() else {
        return;
    };
    store_step(&db, Month::parse("2027_02").unwrap().first_id()).await;
    keep(&server, "2026-12-15T00:00:00Z").unwrap();
    assert_eq!(tables(&db).await, ["2026_12", "2027_01", "other"]);
    keep(&server, "2027-01-15T00:00:00Z").unwrap();
    assert_eq!(tables(&db).await, ["2027_01", "2027_03", "other"]);
}
