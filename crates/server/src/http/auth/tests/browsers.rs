//! Signing in and out.

use super::*;
use crate::oidc::stand_in::SigningKey;
use plex_api::paths::{self, LOGOUT, TOKENS, WHOAMI};

#[tokio::test]
async fn who_signs_in_is_the_same_person_each_time() {
    let (app, stand_in) = with_provider().await;
    stand_in.alter(|script| {
        script.claims = json!({
            "email": "anna@example.org", "email_verified": true, "acr": "mfa", "amr": ["pwd", "otp"],
        });
    });
    let mut browser = Browser::on(&app);
    browser.sign_in().await;
    assert!(
        browser.cookie("__Host-plexsphere_sign_in").is_none(),
        "it has served"
    );
    let (status, _, me) = browser.send("GET", WHOAMI, None, &[]).await;
    assert_eq!(status, 200, "{me}");
    let subject = me["subject"].clone();
    let expected = json!({
        "principal_type": "user", "subject": subject, "email": "anna@example.org", "acr": "mfa", "amr": ["pwd", "otp"],
    });
    assert_eq!(me, expected);

    stand_in.alter(|script| script.claims = json!({}));
    let mut again = Browser::on(&app);
    again.sign_in().await;
    let (_, _, me) = again.send("GET", WHOAMI, None, &[]).await;
    assert_eq!(
        me,
        json!({"principal_type": "user", "subject": subject}),
        "the same, known by less"
    );
    let audit = app.audit().await;
    let sign_ins = audit.iter().filter(|row| row.relation == "sign_in");
    assert_eq!(sign_ins.count(), 2);
}

#[tokio::test]
async fn the_cookies_go_no_further_than_they_must_and_are_no_token() {
    let (app, _stand_in) = with_provider().await;
    let mut browser = Browser::on(&app);
    let (_, headers, way) = browser.send("POST", SIGN_IN, Some(json!({})), &[]).await;
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-plexsphere_sign_in="), "{set}");
    assert!(
        set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"),
        "{set}"
    );
    let path = format!(
        "{SIGN_IN_CALLBACK}?code={}&state={}",
        way["nonce"].as_str().unwrap(),
        way["state"].as_str().unwrap()
    );
    let (_, headers, _) = browser.send("GET", &path, None, &[]).await;
    let all: Vec<&str> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    for (name, attributes) in [
        (
            "plexsphere_session",
            "Path=/v1/; HttpOnly; SameSite=Strict; Secure; Max-Age=43200",
        ),
        (
            "plexsphere_csrf",
            "Path=/; SameSite=Strict; Secure; Max-Age=43200",
        ),
    ] {
        let set = all
            .iter()
            .find(|set| set.starts_with(&format!("{name}=")))
            .unwrap();
        assert!(set.ends_with(&format!("; {attributes}")), "{set}");
        assert!(!set.contains("psk_"));
    }
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let session = browser.cookie("plexsphere_session").unwrap();
    assert_eq!(
        app.with_token(session).code("GET", WHOAMI, None).await,
        (401, "unauthenticated".to_owned()),
        "nor is it one the other way round"
    );
    let admins = json!({"identity_ref": app.admin().subject(), "env_prefix": "dev"});
    let (_, issued) = app.admin().post(TOKENS, admins).await;
    let cookie = format!("plexsphere_session={}", issued["plaintext"].as_str().unwrap());
    let (status, ..) = app
        .anybody()
        .send_with("GET", WHOAMI, None, &[("cookie", &cookie)])
        .await;
    assert_eq!(status, 401, "a token in the cookie");
}

#[tokio::test]
async fn a_way_back_is_taken_once_and_from_the_same_browser() {
    let (app, _stand_in) = with_provider().await;
    let mut browser = Browser::on(&app);
    let (state, nonce) = browser.set_out(json!({"return_to": "/v1/docs?x=1"})).await;
    let query = format!("code={nonce}&state={state}");
    let mut other = Browser::on(&app);
    other.set_out(json!({})).await;
    for stolen in [&mut other, &mut Browser::on(&app)] {
        let (status, place) = stolen.come_back(&query).await;
        assert_eq!(status, 303);
        assert!(
            place.starts_with("/?auth_error_kind=sign_in_invalid&auth_error_status=400&auth_error_detail="),
            "{place}"
        );
        assert!(stolen.cookie("plexsphere_session").is_none());
    }
    let mut twin = browser.clone();
    assert_eq!(browser.come_back(&query).await, (303, "/v1/docs?x=1".to_owned()));
    let (_, place) = twin.come_back(&query).await;
    assert!(place.contains("sign_in_invalid"), "a second time: {place}");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_that_the_browser_had() {
    let (app, _stand_in) = with_provider().await;
    let (mut browser, mut other) = (Browser::on(&app), Browser::on(&app));
    browser.sign_in().await;
    other.sign_in().await;
    let mut before = browser.clone();
    browser.sign_in().await;
    assert_eq!(browser.send("GET", WHOAMI, None, &[]).await.0, 200);
    assert_eq!(before.send("GET", WHOAMI, None, &[]).await.0, 401);
    assert_eq!(
        other.send("GET", WHOAMI, None, &[]).await.0,
        200,
        "another browser's stays"
    );
}

#[tokio::test]
async fn who_comes_back_again_and_again_without_having_set_out_is_told_to_wait() {
    let (app, _stand_in) = with_provider().await;
    let mut browser = Browser::on(&app);
    browser.set_out(json!({})).await;
    browser.actor = browser.actor.clone().from("192.0.2.9");
    let json_only = [("accept", "application/json")];
    let path = format!("{SIGN_IN_CALLBACK}?code=x&state=y");
    let mut refused = 0;
    while browser.send("GET", &path, None, &json_only).await.0 == 400 {
        refused += 1;
        assert!(refused < 2 * crate::throttle::BURST, "it is never told to wait");
    }
    let (status, _, problem) = browser.send("GET", &path, None, &json_only).await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")));
}

#[tokio::test]
async fn a_provider_that_says_it_names_itself_must() {
    let (app, stand_in) = with_provider().await;
    stand_in.alter(|script| script.names_itself = true);
    let mut browser = Browser::on(&app);
    let (state, nonce) = browser.set_out(json!({})).await;
    let (_, place) = browser.come_back(&format!("code={nonce}&state={state}")).await;
    assert!(place.contains("sign_in_invalid"), "{place}");
    let (state, nonce) = browser.set_out(json!({})).await;
    let issuer = crate::oidc::form(&[("iss", &stand_in.issuer)]);
    let came_back = browser
        .come_back(&format!("code={nonce}&state={state}&{issuer}"))
        .await;
    assert_eq!(came_back, (303, "/v1/auth/device".to_owned()));
}

#[tokio::test]
async fn who_asks_for_json_is_told_in_json() {
    let (app, _stand_in) = with_provider().await;
    let mut browser = Browser::on(&app);
    let json_only = [("accept", "application/json")];
    for (query, code) in [
        ("code=x&state=y", "sign_in_invalid"),
        ("code=x", "invalid_query"),
        ("code=x&state=y&state=z", "invalid_query"),
        ("", "invalid_query"),
    ] {
        let path = format!("{SIGN_IN_CALLBACK}?{query}");
        let (status, _, problem) = browser.send("GET", &path, None, &json_only).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{query}");
        let (status, headers, _) = browser
            .send("GET", &path, None, &[("accept", "text/html,application/json")])
            .await;
        assert_eq!(status, 303, "a browser: {headers:?}");
    }
}

#[tokio::test]
pub(crate) async fn what_the_provider_refuses_is_told_in_our_words() {
    let (app, stand_in) = with_provider().await;
    let json_only = [("accept", "application/json")];
    let issuer = crate::oidc::form(&[("iss", &stand_in.issuer)]);
    for (query, code) in [
        (
            "error=access_denied&error_description=%3Cscript%3E".to_owned(),
            "access_denied",
        ),
        ("error=server_error".to_owned(), "sign_in_invalid"),
        (format!("error=access_denied&{issuer}"), "access_denied"),
        ("code=x&iss=https://evil.example".to_owned(), "sign_in_invalid"),
        (format!("code={}", "x".repeat(4097)), "invalid_query"),
        ("code=".to_owned(), "invalid_query"),
    ] {
        let mut browser = Browser::on(&app);
        let (state, _) = browser.set_out(json!({})).await;
        let path = format!("{SIGN_IN_CALLBACK}?state={state}&{query}");
        let (status, _, problem) = browser.send("GET", &path, None, &json_only).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{query}");
        assert!(!problem.to_string().contains("script"), "{problem}");
    }
}

#[tokio::test]
pub(crate) async fn an_answer_that_does_not_hold_signs_nobody_in() {
    let (app, stand_in) = with_provider().await;
    let honest = json!({"alg": "ES256", "kid": "k1"});
    for (header, claims) in [
        (json!({"alg": "none"}), json!({})),
        (json!({"alg": "HS256", "kid": "k1"}), json!({})),
        (honest.clone(), json!({"nonce": "another"})),
        (honest.clone(), json!({"aud": "another"})),
        (honest.clone(), json!({"iss": "https://evil.example"})),
        (honest.clone(), json!({"exp": 1})),
        (honest.clone(), json!({"iat": 1})),
        (honest.clone(), json!({"sub": ""})),
    ] {
        stand_in.alter(|script| {
            script.header = header.clone();
            script.claims = claims.clone();
        });
        let mut browser = Browser::on(&app);
        let (state, nonce) = browser.set_out(json!({})).await;
        let path = format!("{SIGN_IN_CALLBACK}?state={state}&code={nonce}");
        let (status, _, problem) = browser
            .send("GET", &path, None, &[("accept", "application/json")])
            .await;
        let told = (status, &problem["code"]);
        assert_eq!(
            told,
            (502, &json!("identity_provider_unavailable")),
            "{header} {claims}"
        );
        assert!(browser.cookie("plexsphere_session").is_none());
    }
    stand_in.alter(|script| {
        script.header = honest;
        script.claims = json!({});
        script.publishes = Some(SigningKey::new("k1").json());
    });
    let (app, _keep) = (
        TestApp::start_with(crate::csrf::Origins::default(), Some(stand_in.provider())).await,
        app,
    );
    let mut browser = Browser::on(&app);
    let (state, nonce) = browser.set_out(json!({})).await;
    let (_, place) = browser.come_back(&format!("state={state}&code={nonce}")).await;
    assert!(
        place.contains("auth_error_status=502"),
        "a key that is not the provider's: {place}"
    );
}

#[tokio::test]
pub(crate) async fn setting_out_is_refused_where_it_leads_nowhere() {
    let (app, stand_in) = with_provider().await;
    let ask = async |body: Value| app.anybody().code("POST", SIGN_IN, Some(body)).await;
    for (body, expected) in [
        (
            json!({"return_to": "https://evil.example"}),
            (400, "invalid_body"),
        ),
        (json!({"return_to": "//evil.example"}), (400, "invalid_body")),
        (json!({"prompt": "rm -rf"}), (400, "invalid_body")),
        (json!({"domain_id": "x"}), (400, "invalid_body")),
        (
            json!({"idp_binding_id": uuid::Uuid::now_v7()}),
            (404, "idp_binding_not_found"),
        ),
    ] {
        let (status, code) = ask(body.clone()).await;
        assert_eq!((status, code.as_str()), expected, "{body}");
    }
    let id = app.app.provider.as_ref().unwrap().binding_id;
    let named = json!({"idp_binding_id": id, "domain_id": app.domain_id, "prompt": "login"});
    assert_eq!(ask(named).await, (200, String::new()));

    let without = TestApp::start().await;
    is(
        without.anybody().post(SIGN_IN, json!({})).await,
        404,
        "idp_binding_not_found",
    );
    let gone = stand_in.provider();
    drop(stand_in);
    tokio::task::yield_now().await;
    let app = TestApp::start_with(crate::csrf::Origins::default(), Some(gone)).await;
    is(
        app.anybody().post(SIGN_IN, json!({})).await,
        503,
        "identity_provider_unavailable",
    );
}

#[tokio::test]
async fn a_session_ends_when_one_signs_out() {
    let (app, _stand_in) = with_provider().await;
    let mut browser = Browser::on(&app);
    browser.sign_in().await;
    let mut thief = browser.clone();
    assert_eq!(
        browser.on_our_page("POST", LOGOUT, None).await,
        (204, Value::Null)
    );
    assert!(browser.jar.is_empty(), "{:?}", browser.jar);
    assert_eq!(thief.send("GET", WHOAMI, None, &[]).await.0, 401);
    let audit = app.audit().await;
    let entry = audit
        .iter()
        .find(|row| row.relation == "sign_out")
        .unwrap()
        .entry();
    assert!(
        entry["details"].as_str().unwrap().starts_with("session:"),
        "{entry}"
    );
}

#[tokio::test]
async fn a_token_that_logs_out_is_revoked() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (status, headers, _) = user.send("POST", LOGOUT, None).await;
    assert_eq!(status, 204);
    assert!(headers.get(header::SET_COOKIE).is_none());
    assert_eq!(
        user.code("POST", LOGOUT, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn what_went_wrong_is_shown_on_the_page() {
    let app = TestApp::start().await;
    let place = async |path: &str| {
        let (status, headers, _) = app.anybody().call("GET", path, Vec::new(), &[]).await;
        let place = headers
            .get(header::LOCATION)
            .map(|place| place.to_str().unwrap().to_owned());
        (status.as_u16(), place)
    };
    let kind = "auth_error_kind=access_denied&auth_error_status=400";
    let shown = (303, Some(format!("{}?{kind}", paths::DEVICE_PAGE)));
    assert_eq!(place(&format!("/?{kind}")).await, shown);
    assert_eq!(place("/").await, (404, None));
    assert_eq!(place("/?x=auth_error_kind=1").await, (404, None));
    assert_eq!(place(&format!("/other?{kind}")).await, (404, None));
}
