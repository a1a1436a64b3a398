use super::*;
use crate::testing::TestApp;
use plex_api::executions::{ActionKind, ExecutionStatus};
use plex_domain::execution::Report;
use plex_store::executions::{self, NewExecution};
use plex_store::invocations::{self, Advance, Output, OutputPlace};
use plex_store::{nodes, values};
use serde_json::json;
use std::path::Path;
use uuid::Uuid;

/// An execution that ended so many days ago, or has not, with an output of its own in the object store.
async fn execution(app: &TestApp, days: i64, status: ExecutionStatus) -> (Uuid, String) {
    let (domain_id, project_id, node_id) = (app.domain_id, app.project_id, app.node("web").await.id);
    let new = NewExecution {
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
    };
    let insert = async move |tx: &mut Tx| {
        let id = executions::insert(tx, &new, &[node_id]).await?;
        let sql = "update executions set created_at = created_at - $2 where id = $1";
        tx.execute(sql, &values![id, days * 86_400_000_000]).await?;
        Ok::<_, Error>(id)
    };
    let id = app.app.db.write(insert).await.unwrap();
    let key = format!("executions/{project_id}/{id}/{node_id}");
    let path = root(app).join(&key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, [7; 20_000]).unwrap();
    let place = OutputPlace::Object {
        key: key.clone(),
        bytes: 20_000,
        sha256: "00".repeat(32),
    };
    let node_key = app.app.db.read(async move |tx| {
        let node = nodes::authenticate(tx, node_id).await?;
        Ok::<_, Error>(node.expect("it is registered").keys.current)
    });
    let node_key = node_key.await.unwrap();
    let report = Advance {
        execution_id: id,
        node_id,
        key: node_key,
        report: Report {
            status,
            declared_bytes: None,
            digest: [1; 32],
        },
        exit_code: None,
        error: None,
        declared_sha256: None,
        upload_key: None,
        output: status.is_terminal().then_some(Output {
            place,
            truncated: false,
        }),
    };
    app.app
        .db
        .report(async move |tx| invocations::advance(tx, &[report]).await)
        .await
        .unwrap();
    (id, key)
}

fn root(app: &TestApp) -> &Path {
    app.app.objects.local().expect("a directory").root()
}

async fn bound_to(app: &TestApp, days: u32) {
    let path = plex_api::paths::project_retention(app.project_id);
    let (status, _) = app.admin().put(&path, json!({"max_age_days": days})).await;
    assert!(status.is_success());
}

#[tokio::test]
async fn what_is_beyond_the_bounds_goes_with_its_objects_and_is_told_to_the_audit_chain() {
    let app = TestApp::start().await;
    let old = execution(&app, 100, ExecutionStatus::Failed).await;
    let running = execution(&app, 100, ExecutionStatus::Ack).await;
    let young = execution(&app, 80, ExecutionStatus::Failed).await;
    run(&app.app).await;
    let there = async |(id, key): &(Uuid, String)| {
        let path = plex_api::paths::execution(app.project_id, *id);
        let (status, _) = app.admin().get(&path).await;
        (status.as_u16(), root(&app).join(key).exists())
    };
    assert_eq!(
        there(&old).await,
        (200, true),
        "without bounds everything is kept"
    );

    bound_to(&app, 90).await;
    run(&app.app).await;
    run(&app.app).await;
    assert_eq!(there(&old).await, (404, false));
    assert_eq!(there(&running).await, (200, true), "it has not ended");
    assert_eq!(there(&young).await, (200, true));
    let folder = root(&app).join(&old.1);
    assert!(!folder.parent().unwrap().exists(), "no empty folder stays");
    let noted = app.audit().await;
    let entries: Vec<_> = noted.iter().filter(|row| row.relation == "retention").collect();
    assert_eq!(entries.len(), 1);
    let entry = entries[0].entry();
    assert_eq!(
        (&entry["count"], entries[0].identity.as_str()),
        (&json!(1), "system")
    );
    let steps = app
        .app
        .db
        .read(async |tx| retention::steps(tx, 0, 100).await)
        .await
        .unwrap();
    assert!(steps.iter().all(|step| !step.is_left), "{steps:?}");
}

/// Objects go first: an object that cannot be removed keeps the row that tells of it.
#[tokio::test]
async fn an_interrupted_round_is_taken_up_by_the_next() {
    let app = TestApp::start().await;
    let (_, key) = execution(&app, 100, ExecutionStatus::Failed).await;
    bound_to(&app, 90).await;
    let path = root(&app).join(&key);
    std::fs::remove_file(&path).unwrap();
    // A directory in its place cannot be removed as a file.
    std::fs::create_dir_all(path.join("in the way")).unwrap();
    run(&app.app).await;
    let left = async || {
        app.app
            .db
            .read(async |tx| retention::leftovers(tx, 10).await)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(left().await, 1);
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::write(&path, [7]).unwrap();
    run(&app.app).await;
    assert_eq!((left().await, path.exists()), (0, false));
}

#[test]
fn a_slow_transaction_is_followed_by_a_longer_pause() {
    assert_eq!(pause_after(Duration::from_millis(1)), PAUSE);
    assert_eq!(
        pause_after(Duration::from_millis(150)),
        Duration::from_millis(600)
    );
}
