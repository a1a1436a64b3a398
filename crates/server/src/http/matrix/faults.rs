//! The codes that any operation can give, produced by real faults: a broken schema, a broken database file, and too
//! many failures from one address. What never reaches a route is produced in `listen/tests`.

use super::world::World;
use crate::testing::{self, TestApp};
use plex_api::paths;
use plex_store::Error;

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
    if !testing::is_on_sqlite() {
        // A server that goes away is what the resilience tests are about.
        return;
    }
    let app = TestApp::start().await;
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
    let (status, headers, problem) = app.admin().send("GET", paths::PROJECTS, None).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &"datastore_unavailable".into())
    );
    assert_eq!(headers["retry-after"], "1");
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
