//! Logins of devices.

use super::*;
use plex_api::paths::{DEVICE_APPROVE, DEVICE_CODE, DEVICE_PENDING, DEVICE_TOKEN, TOKENS, WHOAMI};
use plex_store::{Error, Tx};

async fn begin(app: &TestApp) -> Value {
    let (status, begun) = app.anybody().from("192.0.2.7").post(DEVICE_CODE, json!({})).await;
    assert_eq!(status, 200, "{begun}");
    begun
}

async fn ask(app: &TestApp, begun: &Value) -> (StatusCode, Value) {
    app.anybody()
        .post(DEVICE_TOKEN, json!({"device_code": begun["device_code"]}))
        .await
}

fn named(begun: &Value) -> Value {
    json!({"user_code": begun["user_code"]})
}

/// As if the five seconds between two questions had passed.
async fn wait(app: &TestApp) {
    let pass = async |tx: &mut Tx| tx.execute("update device_codes set polled_at = null", &[]).await;
    let passed: Result<_, Error> = app.app.db.write(pass).await;
    passed.unwrap();
}

/// As if ten minutes had passed.
async fn age(app: &TestApp) {
    let pass = async |tx: &mut Tx| tx.execute("update device_codes set expires_at = 1", &[]).await;
    let passed: Result<_, Error> = app.app.db.write(pass).await;
    passed.unwrap();
}

#[tokio::test]
async fn an_approved_device_acts_as_who_approved_it() {
    let app = TestApp::start().await;
    let begun = begin(&app).await;
    let code = begun["user_code"].as_str().unwrap();
    assert_eq!(
        begun["verification_uri"],
        "https://plexsphere.test/v1/auth/device"
    );
    let complete = format!("https://plexsphere.test/v1/auth/device?user_code={code}");
    assert_eq!(begun["verification_uri_complete"], complete.as_str());
    assert_eq!(
        (&begun["expires_in"], &begun["interval"]),
        (&json!(600), &json!(5))
    );
    is(ask(&app, &begun).await, 400, "authorization_pending");
    is(ask(&app, &begun).await, 400, "slow_down");

    let user = app.user_with("viewer", app.project_id).await;
    let (status, pending) = user.get(&format!("{DEVICE_PENDING}?user_code={code}")).await;
    assert_eq!(status, 200, "{pending}");
    assert_eq!(
        (&pending["user_code"], &pending["client_ip"]),
        (&json!(code), &json!("192.0.2.7"))
    );
    let undashed = json!({"user_code": code.replace('-', "")});
    assert_eq!(
        user.post(DEVICE_APPROVE, undashed).await,
        (StatusCode::OK, json!({"status": "approved"}))
    );

    let (status, token) = ask(&app, &begun).await;
    assert_eq!((status, &token["token_type"]), (StatusCode::OK, &json!("Bearer")));
    let expires_in = token["expires_in"].as_u64().unwrap();
    assert!(
        (3500..=3600).contains(&expires_in),
        "no longer than what approved it: {expires_in}"
    );
    let device = app.with_token(token["access_token"].as_str().unwrap());
    assert_eq!(device.get(WHOAMI).await.1, user.get(WHOAMI).await.1);
    is(ask(&app, &begun).await, 400, "invalid_grant");
    is(
        user.post(DEVICE_APPROVE, named(&begun)).await,
        409,
        "device_code_already_approved",
    );

    let audit = app.audit().await;
    for relation in ["approve_device", "log_in_device"] {
        let row = audit.iter().find(|row| row.relation == relation).unwrap();
        assert_eq!(row.identity, user.subject(), "{relation}");
    }
    let everything = format!(
        "{:?}",
        audit
            .iter()
            .map(|row| row.entry().to_string())
            .collect::<Vec<_>>()
    );
    for secret in [&token["access_token"], &begun["device_code"], &begun["user_code"]] {
        assert!(
            !everything.contains(secret.as_str().unwrap()),
            "{secret} is in the audit chain"
        );
    }
}

#[tokio::test]
async fn a_denied_device_is_told_so() {
    let app = TestApp::start().await;
    let begun = begin(&app).await;
    let user = app.stranger().await;
    let denied = json!({"user_code": begun["user_code"], "decision": "deny"});
    assert_eq!(
        user.post(DEVICE_APPROVE, denied).await,
        (StatusCode::OK, json!({"status": "denied"}))
    );
    is(ask(&app, &begun).await, 400, "access_denied");
    is(
        user.post(DEVICE_APPROVE, named(&begun)).await,
        409,
        "device_code_expired",
    );
    assert!(app.audit().await.iter().any(|row| row.relation == "deny_device"));
}

#[tokio::test]
async fn a_device_that_comes_too_late_gets_nothing() {
    let app = TestApp::start().await;
    let (first, second) = (begin(&app).await, begin(&app).await);
    let user = app.stranger().await;
    assert_eq!(user.post(DEVICE_APPROVE, named(&second)).await.0, 200);
    age(&app).await;
    for begun in [&first, &second] {
        is(ask(&app, begun).await, 400, "expired_token");
    }
    is(
        user.post(DEVICE_APPROVE, named(&first)).await,
        409,
        "device_code_expired",
    );
    assert_eq!(
        user.get(TOKENS).await.1.as_array().unwrap().len(),
        1,
        "no token was made"
    );
}

#[tokio::test]
async fn a_browsers_session_approves_with_its_assurance_and_only_on_our_page() {
    let (app, stand_in) = with_provider().await;
    stand_in.alter(|script| script.claims = json!({"acr": "mfa", "amr": ["otp"]}));
    let mut browser = Browser::on(&app);
    browser.sign_in().await;
    let begun = begin(&app).await;
    let (status, _, problem) = browser
        .send("POST", DEVICE_APPROVE, Some(named(&begun)), &[])
        .await;
    assert_eq!((status, &problem["code"]), (403, &json!("csrf_token_mismatch")));
    is(ask(&app, &begun).await, 400, "authorization_pending");
    wait(&app).await;
    assert_eq!(
        browser
            .on_our_page("POST", DEVICE_APPROVE, Some(named(&begun)))
            .await
            .0,
        200
    );
    let (_, token) = ask(&app, &begun).await;
    let (_, me) = app
        .with_token(token["access_token"].as_str().unwrap())
        .get(WHOAMI)
        .await;
    assert_eq!((&me["acr"], &me["amr"]), (&json!("mfa"), &json!(["otp"])));
}

#[tokio::test]
async fn what_is_no_code_is_refused() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    for code in [
        "",
        "ABCD",
        "ABCD_2345",
        "abcd-2345",
        "ABCD-1345",
        "ABCD--2345",
        "ABCDEFGHI",
    ] {
        is(
            user.post(DEVICE_APPROVE, json!({"user_code": code})).await,
            400,
            "invalid_body",
        );
    }
    is(user.post(DEVICE_APPROVE, json!({})).await, 400, "invalid_body");
    is(
        user.post(
            DEVICE_APPROVE,
            json!({"user_code": "ABCD-2345", "decision": "perhaps"}),
        )
        .await,
        400,
        "invalid_body",
    );
    is(user.get(DEVICE_PENDING).await, 400, "invalid_body");
    is(
        user.post(DEVICE_APPROVE, json!({"user_code": "ABCD-2345"})).await,
        404,
        "device_code_not_found",
    );
    is(
        app.anybody()
            .post(DEVICE_APPROVE, json!({"user_code": "ABCD-2345"}))
            .await,
        401,
        "unauthenticated",
    );
    is(
        app.anybody()
            .get(&format!("{DEVICE_PENDING}?user_code=ABCD-2345"))
            .await,
        401,
        "unauthenticated",
    );
    for code in ["", "x", &"A".repeat(43)] {
        is(
            app.anybody()
                .post(DEVICE_TOKEN, json!({"device_code": code}))
                .await,
            400,
            "invalid_grant",
        );
    }
    is(
        app.anybody().post(DEVICE_TOKEN, json!({})).await,
        400,
        "invalid_body",
    );
}

#[tokio::test]
async fn who_guesses_codes_is_stopped_and_nobody_else_is() {
    let app = TestApp::start().await;
    let begun = begin(&app).await;
    let (guesser, user) = (app.stranger().await, app.stranger().await);
    let guess = json!({"user_code": "AAAA-AAAA"});
    for nth in 0..10 {
        let body = if nth % 2 == 0 {
            guesser.post(DEVICE_APPROVE, guess.clone()).await
        } else {
            guesser.get(&format!("{DEVICE_PENDING}?user_code=AAAAAAAA")).await
        };
        is(body, 404, "device_code_not_found");
    }
    is(guesser.post(DEVICE_APPROVE, guess).await, 429, "rate_limited");
    is(
        guesser.post(DEVICE_APPROVE, named(&begun)).await,
        429,
        "rate_limited",
    );
    assert_eq!(user.post(DEVICE_APPROVE, named(&begun)).await.0, 200);
}

#[tokio::test]
async fn guesses_at_once_are_counted_before_they_are_looked_at() {
    let app = TestApp::start().await;
    let guesser = app.stranger().await;
    let guess = json!({"user_code": "AAAA-AAAA"});
    let guesses = (0..40).map(|_| guesser.code("POST", DEVICE_APPROVE, Some(guess.clone())));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|(status, _)| *status == 404).count();
    assert!((10..=11).contains(&looked_at), "{answers:?}");
    let user = app.stranger().await;
    for _ in 0..10 {
        let begun = begin(&app).await;
        let code = begun["user_code"].as_str().unwrap();
        let (status, _) = user.get(&format!("{DEVICE_PENDING}?user_code={code}")).await;
        assert_eq!(status, 200, "who guesses right does not guess");
    }
    is(
        user.post(DEVICE_APPROVE, guess).await,
        404,
        "device_code_not_found",
    );
}

#[tokio::test]
async fn one_address_begins_only_so_many_logins() {
    let app = TestApp::start().await;
    let eager = app.anybody().from("192.0.2.9");
    let mut begun = 0;
    while eager.post(DEVICE_CODE, json!({})).await.0 == 200 {
        begun += 1;
        assert!(begun < 20, "it is never told to wait");
    }
    assert!(begun >= 10, "{begun}");
    is(eager.post(DEVICE_CODE, json!({})).await, 429, "rate_limited");
    begin(&app).await;
}

#[tokio::test]
async fn a_provider_is_named_by_what_it_is_called_or_not_at_all() {
    let app = TestApp::start().await;
    let id = uuid::Uuid::now_v7();
    let both = json!({"idp_binding_id": id, "idp_binding_alias": "work"});
    for body in [
        json!({"domain_id": app.domain_id}),
        json!({"domain_id": id}),
        json!({"idp_binding_id": id}),
        json!({"idp_binding_alias": "work"}),
    ] {
        is(
            app.anybody().post(DEVICE_CODE, body).await,
            404,
            "idp_binding_not_found",
        );
    }
    is(
        app.anybody().post(DEVICE_CODE, both.clone()).await,
        400,
        "invalid_body",
    );

    let (app, _stand_in) = with_provider().await;
    let binding = app.app.provider.as_ref().unwrap().binding_id;
    is(app.anybody().post(DEVICE_CODE, both).await, 400, "invalid_body");
    is(
        app.anybody()
            .post(DEVICE_CODE, json!({"idp_binding_alias": "home"}))
            .await,
        404,
        "idp_binding_not_found",
    );
    is(
        app.anybody()
            .post(DEVICE_CODE, json!({"idp_binding_id": id}))
            .await,
        404,
        "idp_binding_not_found",
    );
    for body in [
        json!({}),
        json!({"idp_binding_alias": "work", "client_id": "x"}),
        json!({"idp_binding_id": binding}),
        json!({"domain_id": app.domain_id}),
        json!({"domain_id": id}),
    ] {
        assert_eq!(
            app.anybody().post(DEVICE_CODE, body.clone()).await.0,
            200,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_login_is_not_made_longer_by_rotation() {
    let app = TestApp::start().await;
    let begun = begin(&app).await;
    let user = app.stranger().await;
    user.post(DEVICE_APPROVE, named(&begun)).await;
    let (_, token) = ask(&app, &begun).await;
    let device = app.with_token(token["access_token"].as_str().unwrap());
    let (_, listed) = device.get(TOKENS).await;
    let made = listed.as_array().unwrap().last().unwrap().clone();
    let path = format!("{TOKENS}/{}/rotate", made["id"].as_str().unwrap());
    let (status, headers, rotated) = device.send("POST", &path, None).await;
    assert_eq!(
        (status.as_u16(), &rotated["expires_at"]),
        (200, &made["expires_at"])
    );
    assert!(headers.contains_key("sunset"));
}
