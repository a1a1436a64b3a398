use super::{BATCH, KEPT, WINDOW};
use crate::app::App;
use crate::authorize::Decided;
use crate::principal::{Credential, Principal};
use crate::request::Context;
use crate::testing::TestApp;
use plex_api::paths;
use plex_api::problem::DenialReason;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Error;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

fn principal() -> Principal {
    Principal {
        id: Uuid::from_u128(1),
        kind: PrincipalType::User,
        credential: Credential::Session(Uuid::from_u128(2)),
        email: None,
        acr: None,
        amr: Vec::new(),
        decided: Arc::new(Decided::at(0)),
        context: Context {
            correlation_id: "first".to_owned(),
            ip: None,
            user_agent: None,
        },
    }
}

/// Denies something on as many projects, none of which exist.
fn deny(app: &App, projects: std::ops::Range<usize>) {
    let principal = principal();
    for nth in projects {
        let object = ObjectRef::of(ObjectKind::Project, Uuid::from_u128(100 + nth as u128));
        app.denials.note(
            &principal,
            Permission::Dispatch,
            &object,
            DenialReason::OutOfScope,
        );
    }
}

fn age(app: &App) {
    for counted in app.denials.counts().values_mut() {
        counted.since = counted
            .since
            .checked_sub(WINDOW)
            .expect("the machine has run for a minute");
    }
}

async fn run(app: &App, sql: &'static str) {
    let done: Result<_, Error> = app.db.write(async move |tx| tx.execute(sql, &[]).await).await;
    done.unwrap();
}

#[tokio::test]
async fn equal_denials_are_one_entry_with_their_count() {
    let app = TestApp::start().await;
    let (stranger, viewer) = (
        app.stranger().await,
        app.user_with("viewer", app.project_id).await,
    );
    let (project, tokens) = (
        paths::project(app.project_id),
        paths::bootstrap_tokens(app.project_id),
    );
    let wanted = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 60});
    for _ in 0..3 {
        stranger.get(&project).await;
        viewer.post(&tokens, wanted.clone()).await;
    }
    stranger.post(&tokens, wanted).await;
    let object = format!("project:{}", app.project_id);
    let denial = |who: String, what: &str, reason: &str, count| {
        (who, what.to_owned(), object.clone(), reason.to_owned(), count)
    };
    let mut expected = vec![
        denial(stranger.subject(), "read_project", "out_of_scope", 3),
        denial(stranger.subject(), "issue_bootstrap_token", "out_of_scope", 1),
        denial(
            viewer.subject(),
            "issue_bootstrap_token",
            "insufficient_relation",
            3,
        ),
    ];
    let mut told = app.denials().await;
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    let audit = app.audit().await;
    assert!(
        audit
            .iter()
            .filter(|row| row.relation == "read_project")
            .all(|row| row.chain == app.domain_id)
    );
}

#[tokio::test]
async fn a_denial_is_written_down_when_its_minute_is_over() {
    let app = TestApp::start().await;
    let before = app.written_audit().await.len();
    deny(&app.app, 0..2);
    app.app.denials.flush_due(&app.app).await;
    assert_eq!(app.written_audit().await.len(), before);
    age(&app.app);
    deny(&app.app, 0..1);
    deny(&app.app, 2..3);
    app.app.denials.flush_due(&app.app).await;
    let counts: Vec<u64> = app.written_audit().await[before..]
        .iter()
        .map(|row| row.entry()["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 3, "{counts:?}");
    assert_eq!(counts.len(), 2, "the third is not due");
}

#[tokio::test]
async fn what_cannot_be_written_is_kept_and_counted_on() {
    let app = TestApp::start().await;
    run(
        &app.app,
        "create trigger broken before insert on audit_entries begin select raise(abort, 'broken'); end",
    )
    .await;
    deny(&app.app, 0..2);
    app.app.denials.flush(&app.app).await;
    deny(&app.app, 0..1);
    assert_eq!(app.denials().await, [], "still broken");
    run(&app.app, "drop trigger broken").await;
    let mut counts: Vec<u64> = app.denials().await.into_iter().map(|(.., count)| count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn a_failure_costs_one_batch_and_not_what_was_written_before() {
    let app = TestApp::start().await;
    let many = 2 * BATCH + 10;
    run(
        &app.app,
        "create trigger broken before insert on audit_entries when new.seq > 250
        begin select raise(abort, 'broken'); end",
    )
    .await;
    deny(&app.app, 0..many);
    app.app.denials.flush(&app.app).await;
    assert_eq!(
        app.written_audit().await.len(),
        BATCH,
        "one batch fits, the next does not"
    );
    run(&app.app, "drop trigger broken").await;
    let told = app.denials().await;
    assert_eq!(told.len(), many, "each is written once");
    assert!(told.iter().all(|(.., count)| *count == 1));
}

#[tokio::test]
async fn too_many_to_be_kept_apart_are_counted_together() {
    let app = TestApp::start().await;
    deny(&app.app, 0..KEPT + 7);
    deny(&app.app, 0..1);
    assert_eq!(app.app.denials.counts().len(), KEPT + 1);
    let (others, told): (Vec<_>, Vec<_>) = app
        .denials()
        .await
        .into_iter()
        .partition(|(_, what, ..)| what == "other_denials");
    assert_eq!(told.len(), KEPT);
    assert_eq!(told.iter().map(|(.., count)| count).sum::<u64>(), KEPT as u64 + 1);
    let expected = ("system", "platform:platform", "unknown", 7);
    let [(who, _, object, reason, count)] = &others[..] else {
        panic!("{others:?}")
    };
    assert_eq!((who.as_str(), object.as_str(), reason.as_str(), *count), expected);
}
