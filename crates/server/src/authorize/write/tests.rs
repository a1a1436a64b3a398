//! Mutations under relations that change between the decision and the commit.

use crate::authorize::{self, Decided, out_of_scope};
use crate::principal::{Credential, PresentedKey, Principal};
use crate::problem::Failure;
use crate::request::Context;
use crate::testing::{Actor, TestApp};
use axum::response::IntoResponse;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::tokens::Presented;
use plex_store::{Tx, groups, relations, tokens};
use std::sync::Arc;

async fn token_of(app: &TestApp, actor: &Actor) -> Credential {
    let hash = actor.token_hash(app);
    let found = app
        .app
        .db
        .read(async move |tx| tokens::authenticate(tx, &hash).await)
        .await;
    let Presented::Token { id, hash, .. } = found.unwrap().unwrap().presented else {
        panic!("a token")
    };
    Credential::Token {
        id,
        secret: PresentedKey(hash),
    }
}

async fn principal(app: &TestApp, actor: &Actor) -> Principal {
    let newest = app.app.db.read(relations::revision).await.unwrap();
    app.app.authority.catch_up(&app.app.db, newest).await.unwrap();
    Principal {
        id: actor.id,
        kind: PrincipalType::User,
        credential: token_of(app, actor).await,
        email: None,
        acr: None,
        amr: Vec::new(),
        decided: Arc::new(Decided::at(app.app.authority.revision())),
        context: Context {
            correlation_id: String::new(),
            ip: None,
            user_agent: None,
            span: None,
        },
    }
}

fn project(app: &TestApp) -> ObjectRef {
    ObjectRef::of(ObjectKind::Project, app.project_id)
}

/// Allowed to dispatch, and about to.
async fn decided(app: &TestApp, actor: &Actor) -> Principal {
    let principal = principal(app, actor).await;
    authorize::allow(
        &app.app,
        &principal,
        Permission::Dispatch,
        &project(app),
        out_of_scope,
    )
    .unwrap();
    principal
}

/// The work of the tests: it makes a group, so that whether it was done can be seen.
async fn work(tx: &mut Tx) -> Result<(), Failure> {
    groups::create(tx, None, "made", "made").await?;
    Ok(())
}

async fn was_done(app: &TestApp) -> bool {
    let read = async |tx: &mut Tx| {
        Ok::<_, plex_store::Error>(groups::create(tx, None, "made", "made").await?.is_none())
    };
    app.app.db.write(read).await.unwrap()
}

fn status(outcome: Result<(), Failure>) -> u16 {
    outcome.map_or_else(|failure| failure.into_response().status().as_u16(), |()| 200)
}

#[tokio::test]
async fn a_relation_withdrawn_after_the_decision_stops_the_work() {
    let app = TestApp::start().await;
    let operator = app.user_with("operator", app.project_id).await;
    let principal = decided(&app, &operator).await;
    let who = principal.object();
    let withdrawn = app.app.db.write(async move |tx| {
        let held = relations::held_by(tx, &who).await?;
        relations::delete(tx, held[0].id).await
    });
    assert!(withdrawn.await.unwrap());
    assert_eq!(status(authorize::write(&app.app, &principal, work).await), 403);
    assert!(!was_done(&app).await);
}

#[tokio::test]
async fn a_token_revoked_after_the_decision_stops_the_work() {
    let app = TestApp::start().await;
    let operator = app.user_with("operator", app.project_id).await;
    let principal = decided(&app, &operator).await;
    let id = operator.id;
    let revoked = app.app.db.write(async move |tx| tokens::revoke_all(tx, id).await);
    assert_eq!(revoked.await.unwrap(), 1);
    assert_eq!(status(authorize::write(&app.app, &principal, work).await), 401);
    assert!(!was_done(&app).await);
}

#[tokio::test]
async fn relations_of_others_may_change_meanwhile() {
    let app = TestApp::start().await;
    let operator = app.user_with("operator", app.project_id).await;
    let principal = decided(&app, &operator).await;
    app.stranger().await;
    app.user_with("viewer", app.project_id).await;
    app.project("other").await;
    assert_eq!(status(authorize::write(&app.app, &principal, work).await), 200);
    assert!(was_done(&app).await);
}
