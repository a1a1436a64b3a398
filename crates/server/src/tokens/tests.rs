use crate::app::App;
use crate::testing::{Actor, TestApp};
use plex_api::paths::{TOKENS, WHOAMI};
use plex_store::tokens::USE_PRECISION;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

fn noted(app: &App) -> usize {
    app.token_uses.0.lock().unwrap().len()
}

async fn last_used(actor: &Actor) -> Value {
    actor.get(TOKENS).await.1[0]["last_used_at"].clone()
}

#[tokio::test]
async fn a_use_is_written_down_and_then_left_alone_for_a_minute() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    assert_eq!(user.get(WHOAMI).await.0, 200);
    app.app.token_uses.flush(&app.app).await;
    let first = last_used(&user).await;
    assert!(first.is_string(), "{first}");
    assert_eq!(
        noted(&app.app),
        0,
        "the use just written down stands for the next ones"
    );
    app.app.token_uses.flush(&app.app).await;
    assert_eq!(last_used(&user).await, first);
}

#[tokio::test]
async fn a_use_is_noted_once_and_when_the_stored_one_is_a_minute_old() {
    let app = TestApp::start().await;
    let (app, token) = (&app.app, Uuid::now_v7());
    let now = app.clock.now();
    let ago = |age: Duration| Some(now.checked_sub(age).unwrap());
    app.token_uses.flush(app).await;
    app.token_uses
        .note(token, ago(USE_PRECISION - Duration::from_millis(1)), now);
    assert_eq!(noted(app), 0);
    app.token_uses.note(token, ago(USE_PRECISION), now);
    app.token_uses.note(token, None, now);
    assert_eq!(noted(app), 1);
}
