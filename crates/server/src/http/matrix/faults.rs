//! The codes that any operation can give, produced by real faults: a broken schema, a broken database file, and too
//! many failures from one address. What never reaches a route is produced in `listen/tests`.

use super::world::World;
use crate::testing::{self, TestApp};
use axum::http::{HeaderMap, StatusCode};
use plex_api::paths;
use plex_store::{Error, Tx};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[tokio::test]
pub(super) async fn a_defect_is_internal_and_says_nothing_more() {
    let app = TestApp::start().await;
    let broken = app
        .app
        .db
        .write(async |tx| tx.execute("alter table projects rename to gone", &[]).await);
    let broken: Result<_, Error> = broken.await;
    broken.unwrap();
    let (status, problem) = app.admin().get(paths::PROJECTS).await;
    assert_eq!((status.as_u16(), &problem["code"]), (500, &"internal".into()));
    assert!(!problem.to_string().contains("no such table"), "{problem}");
}

#[tokio::test]
pub(super) async fn a_database_that_cannot_be_read_denies_with_503() {
    let app = TestApp::start().await;
    let (status, headers, problem) = if testing::is_on_sqlite() {
        break_file(&app);
        app.admin().send("GET", paths::PROJECTS, None).await
    } else {
        without_connection(&app).await
    };
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &"datastore_unavailable".into())
    );
    assert_eq!(headers["retry-after"], "1");
}

fn break_file(app: &TestApp) {
    let directory = app
        .app
        .objects
        .local()
        .unwrap()
        .root()
        .parent()
        .unwrap()
        .to_owned();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("-wal") || path.extension().is_some_and(|end| end == "db") {
            std::fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(0)
                .unwrap();
        }
    }
}

/// More than connections take, with some to spare.
const ASKING: usize = 100;

/// What one is told who finds all connections taken, on PostgreSQL, by those who wait for what another session has
/// locked. When it lets go they are answered, and so is everybody after them.
async fn without_connection(app: &TestApp) -> (StatusCode, HeaderMap, Value) {
    let (is_locked, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let holder = tokio::spawn({
        let (db, is_locked, may_end) = (app.app.db.clone(), Arc::clone(&is_locked), Arc::clone(&may_end));
        let lock = async move |tx: &mut Tx| {
            for sql in [
                "set local idle_in_transaction_session_timeout = 0",
                "lock table api_tokens in access exclusive mode",
            ] {
                tx.execute(sql, &[]).await?;
            }
            is_locked.add_permits(1);
            drop(may_end.acquire().await);
            Ok::<_, Error>(())
        };
        async move { db.write(lock).await }
    });
    let is_locked = tokio::time::timeout(Duration::from_secs(30), is_locked.acquire());
    drop(is_locked.await.expect("the table can be locked"));
    let mut asking = JoinSet::new();
    for _ in 0..ASKING {
        let admin = app.admin();
        asking.spawn(async move { admin.send("GET", paths::WHOAMI, None).await });
    }
    let many_wait = async {
        while app.app.db.waiting()[2].1 < ASKING / 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let many_wait = tokio::time::timeout(Duration::from_secs(30), many_wait).await;
    many_wait.expect("there are fewer connections than that");
    let refused = asking.join_next().await.unwrap().unwrap();
    may_end.add_permits(1);
    holder.await.unwrap().unwrap();
    let answered = asking.join_all().await;
    assert!(answered.iter().any(|(status, ..)| status.is_success()));
    assert_eq!(app.admin().get(paths::WHOAMI).await.0, StatusCode::OK);
    refused
}

#[tokio::test]
pub(super) async fn who_fails_too_often_is_told_to_wait() {
    let world = World::start().await;
    let nobody = world.caller("nobody");
    for _ in 0..crate::throttle::BURST {
        assert_eq!(nobody.get(paths::WHOAMI).await.0.as_u16(), 401);
    }
    let (status, headers, problem) = nobody.send("GET", paths::WHOAMI, None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (429, &"rate_limited".into()));
    assert!(headers.contains_key("retry-after"));
}
