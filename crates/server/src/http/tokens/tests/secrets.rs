//! Old secrets in their grace, and how long what a login makes may live.

use super::*;
use plex_api::paths::{DEVICE_APPROVE, DEVICE_CODE, DEVICE_TOKEN};
use plex_store::tokens;

/// A device's login that somebody approves: the answer that its program gets.
async fn log_in(app: &TestApp, by: &Actor) -> Value {
    let (_, begun) = app.anybody().post(DEVICE_CODE, json!({})).await;
    let named = json!({"user_code": begun["user_code"]});
    assert_eq!(by.post(DEVICE_APPROVE, named).await.0, 200);
    let asked = json!({"device_code": begun["device_code"]});
    app.anybody().post(DEVICE_TOKEN, asked).await.1
}

#[tokio::test]
async fn an_old_secret_brings_forth_no_new_one() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (_, issued) = issue(&user, for_identity(&user.subject())).await;
    let old = app.with_token(issued["plaintext"].as_str().unwrap());
    let id = issued["id"].as_str().unwrap();
    let rotate = format!("{TOKENS}/{id}/rotate");
    let (_, rotated) = old.post(&rotate, Value::Null).await;
    let new = app.with_token(rotated["plaintext"].as_str().unwrap());
    let (_, begun) = app.anybody().post(DEVICE_CODE, json!({})).await;
    let named = json!({"user_code": begun["user_code"]});
    for (path, body) in [
        (rotate.as_str(), None),
        (TOKENS, Some(for_identity(&user.subject()))),
        (DEVICE_APPROVE, Some(named.clone())),
    ] {
        let answer = old.code("POST", path, body).await;
        assert_eq!(answer, (401, "unauthenticated".to_owned()), "{path}");
    }
    assert_eq!(old.get(WHOAMI).await.0, 200, "it still opens doors");
    assert_eq!(new.post(DEVICE_APPROVE, named).await.0, 200);
    assert_eq!(new.send("POST", &rotate, None).await.0, 200);
    assert_eq!(
        old.code("DELETE", &format!("{TOKENS}/{id}"), None).await.0,
        401,
        "two rotations end it"
    );
}

#[tokio::test]
async fn an_identity_has_only_so_many_tokens_and_can_still_log_in() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let wanted = for_identity(&user.subject());
    for _ in 1..tokens::MOST {
        assert_eq!(issue(&user, wanted.clone()).await.0, 201);
    }
    let full = (429, "rate_limited".to_owned());
    assert_eq!(user.code("POST", TOKENS, Some(wanted.clone())).await, full);
    let mut logins = Vec::new();
    for _ in 0..2 {
        let login = log_in(&app, &user).await;
        logins.push(app.with_token(login["access_token"].as_str().unwrap()));
    }
    assert_eq!(
        logins[0].get(WHOAMI).await.0,
        401,
        "the later login takes its place"
    );
    let (_, listed) = logins[1].get(TOKENS).await;
    for token in &listed.as_array().unwrap()[1..3] {
        let path = format!("{TOKENS}/{}", token["id"].as_str().unwrap());
        assert_eq!(user.delete(&path).await.0, 204);
    }
    assert_eq!(issue(&user, wanted).await.0, 201);
}

#[tokio::test]
async fn a_login_lasts_twelve_hours_and_does_not_prolong_itself() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (_, issued) = issue(&user, for_identity(&user.subject())).await;
    let long = app.with_token(issued["plaintext"].as_str().unwrap());
    let login = log_in(&app, &long).await;
    assert_eq!(login["expires_in"], 43_200);
    let device = app.with_token(login["access_token"].as_str().unwrap());
    let age = async |tx: &mut plex_store::Tx| {
        let sql = "update api_tokens set expires_at = expires_at - 36000000000 where from_login = 1";
        tx.execute(sql, &[]).await
    };
    let aged: Result<_, plex_store::Error> = app.app.db.write(age).await;
    assert_eq!(aged.unwrap(), 1, "ten hours later");
    let again = log_in(&app, &device).await;
    let expires_in = again["expires_in"].as_u64().unwrap();
    assert!((7100..=7200).contains(&expires_in), "{again}");

    let (_, own) = issue(&device, for_identity(&user.subject())).await;
    let (_, listed) = device.get(TOKENS).await;
    let expiry = |at: usize| listed[at]["expires_at"].clone();
    assert_eq!(own["expires_at"], expiry(2), "its own token ends with it");
    let own_token = app.with_token(own["plaintext"].as_str().unwrap());
    let path = format!("{TOKENS}/{}/rotate", own["id"].as_str().unwrap());
    let (status, rotated) = own_token.post(&path, Value::Null).await;
    assert_eq!((status.as_u16(), &rotated["expires_at"]), (200, &expiry(2)));
}

#[tokio::test]
async fn a_login_ends_with_what_approved_it_until_its_token_is_fetched() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (_, issued) = issue(&user, for_identity(&user.subject())).await;
    let approver = app.with_token(issued["plaintext"].as_str().unwrap());
    let (_, begun) = app.anybody().post(DEVICE_CODE, json!({})).await;
    let named = json!({"user_code": begun["user_code"]});
    assert_eq!(approver.post(DEVICE_APPROVE, named).await.0, 200);
    let path = format!("{TOKENS}/{}", issued["id"].as_str().unwrap());
    assert_eq!(user.delete(&path).await.0, 204);
    let asked = json!({"device_code": begun["device_code"]});
    assert_eq!(
        app.anybody().code("POST", DEVICE_TOKEN, Some(asked)).await,
        (400, "expired_token".to_owned())
    );
}
