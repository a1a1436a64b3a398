use super::{BATCH, KEPT, KEPT_OF_ONE, WINDOW};
use crate::app::App;
use crate::authorize::Decided;
use crate::principal::{Credential, Principal};
use crate::request::Context;
use crate::testing::{self, TestApp};
use plex_api::paths::{self, GROUPS};
use plex_api::problem::DenialReason;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Sql;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Somebody.
fn principal(nth: usize) -> Principal {
    Principal {
        id: Uuid::from_u128(1 + nth as u128),
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
            span: None,
        },
    }
}

/// Denies a project to as many people.
fn deny(app: &TestApp, whom: std::ops::Range<usize>) {
    let object = ObjectRef::of(ObjectKind::Project, app.project_id);
    for nth in whom {
        let asked = (Permission::Dispatch, &object);
        let app = &app.app;
        app.denials
            .note(&app.authority, &principal(nth), asked, DenialReason::OutOfScope);
    }
}

fn age(app: &App) {
    for counted in app.denials.counts().denials.values_mut() {
        counted.since = counted
            .since
            .checked_sub(WINDOW)
            .expect("the machine has run for a minute");
    }
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
    deny(&app, 0..2);
    app.app.denials.flush_due(&app.app).await;
    assert_eq!(app.written_audit().await.len(), before);
    age(&app.app);
    deny(&app, 0..1);
    deny(&app, 2..3);
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
    app.break_audit().await;
    deny(&app, 0..2);
    app.app.denials.flush(&app.app).await;
    deny(&app, 0..1);
    assert_eq!(app.denials().await, [], "still broken");
    app.mend_audit().await;
    let mut counts: Vec<u64> = app.denials().await.into_iter().map(|(.., count)| count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn a_failure_costs_one_batch_and_not_what_was_written_before() {
    let app = TestApp::start().await;
    let many = 2 * BATCH + 10;
    testing::execute(
        &app.app,
        Sql::Each {
            sqlite: "create trigger broken before insert on audit_entries when new.seq > 250
                begin select raise(abort, 'broken'); end",
            postgres: "create trigger broken before insert on audit_entries for each row when (new.seq > 250)
                execute function refuse('broken')",
        },
    )
    .await;
    deny(&app, 0..many);
    app.app.denials.flush(&app.app).await;
    assert_eq!(
        app.written_audit().await.len(),
        BATCH,
        "one batch fits, the next does not"
    );
    app.mend_audit().await;
    let told = app.denials().await;
    assert_eq!(told.len(), many, "each is written once");
    assert!(told.iter().all(|(.., count)| *count == 1));
}

#[tokio::test]
async fn too_many_to_be_kept_apart_are_counted_together() {
    let app = TestApp::start().await;
    assert_eq!(app.app.denials.counts().of_one.len(), 0);
    deny(&app, 0..KEPT + 7);
    deny(&app, 0..1);
    assert_eq!(app.app.denials.counts().denials.len(), KEPT + 1);
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

#[tokio::test]
async fn who_asks_for_too_much_is_counted_together_under_their_own_name_and_hides_nobody() {
    let app = TestApp::start().await;
    let stranger = app.stranger().await;
    for nth in 0..KEPT_OF_ONE + 5 {
        let somebody = format!("user:{}", Uuid::from_u128(1_000 + nth as u128));
        let wanted = json!({"identity_ref": somebody, "env_prefix": "prod"});
        assert_eq!(stranger.post(paths::TOKENS, wanted).await.0, 403);
    }
    let other = app.stranger().await;
    other.get(&paths::project(app.project_id)).await;
    let told = app.denials().await;
    assert_eq!(told.len(), KEPT_OF_ONE + 2);
    let (platform, unknown) = ("platform:platform".to_owned(), "unknown".to_owned());
    let rest = (
        stranger.subject(),
        "other_denials".to_owned(),
        platform,
        unknown,
        5,
    );
    assert!(told.contains(&rest), "{told:?}");
    assert!(
        told.iter()
            .any(|(who, what, ..)| *who == other.subject() && what == "read_project")
    );
    assert!(app.app.denials.counts().of_one.is_empty(), "a new minute begins");
}

#[tokio::test]
async fn what_does_not_exist_is_not_told_apart() {
    let app = TestApp::start().await;
    let stranger = app.stranger().await;
    for nth in 0..5 {
        assert_eq!(
            stranger
                .get(&paths::project(Uuid::from_u128(1_000 + nth)))
                .await
                .0,
            404
        );
    }
    stranger.get(&paths::project(app.project_id)).await;
    let mut told = app.denials().await;
    told.sort();
    let denial = |object: String, count| {
        let (what, reason) = ("read_project".to_owned(), "out_of_scope".to_owned());
        (stranger.subject(), what, object, reason, count)
    };
    let mut expected = vec![
        denial("project:missing".to_owned(), 5),
        denial(format!("project:{}", app.project_id), 1),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_denial_on_a_group_is_told_in_the_chain_of_its_domain() {
    let app = TestApp::start().await;
    let wanted = json!({"slug": "ops", "domain_id": app.domain_id});
    let (status, group) = app.admin().post(GROUPS, wanted).await;
    assert_eq!(status, 201, "{group}");
    let group: Uuid = group["id"].as_str().unwrap().parse().unwrap();
    app.stranger().await.get(&paths::group(group)).await;
    let rows = app.audit().await;
    let denial = rows
        .iter()
        .find(|row| row.entry()["reason"] == "out_of_scope")
        .unwrap();
    assert_eq!(denial.entry()["object_id"], json!(group));
    assert_eq!(denial.chain, app.domain_id);
}
