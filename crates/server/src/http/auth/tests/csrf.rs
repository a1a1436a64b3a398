//! What a change by cookie must show.

use super::*;
use crate::csrf::Origins;
use plex_api::paths::{TOKENS, WHOAMI};

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");
const ALLOWED: (&str, &str) = ("origin", "https://ui.example");

/// A signed-in browser at a control plane that allows these origins.
async fn signed_in(origins: &[&str]) -> (TestApp, StandIn, Browser) {
    let stand_in = StandIn::start().await;
    let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
    let app = TestApp::start_with(Origins::parse(&origins).unwrap(), Some(stand_in.provider())).await;
    let mut browser = Browser::on(&app);
    browser.sign_in().await;
    (app, stand_in, browser)
}

/// Changes something; an empty body is refused only after all that is checked here.
async fn change(browser: &mut Browser, method: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let path = match method {
        "POST" => TOKENS.to_owned(),
        _ => plex_api::paths::token(uuid::Uuid::now_v7()),
    };
    let (status, _, body) = browser.send(method, &path, Some(json!({})), headers).await;
    (status, body["code"].as_str().unwrap_or("").to_owned())
}

#[tokio::test]
pub(crate) async fn a_change_needs_the_sessions_own_csrf_value() {
    let (app, _stand_in, mut browser) = signed_in(&["https://ui.example"]).await;
    let own = browser.cookie("plexsphere_csrf").unwrap().to_owned();
    let mismatch = (403, "csrf_token_mismatch".to_owned());
    let shorter = &own[1..];
    for origin in [OURS, ALLOWED] {
        for headers in [
            &[origin][..],
            &[origin, ("x-plexsphere-csrf", "")],
            &[origin, ("x-plexsphere-csrf", shorter)],
            &[origin, ("x-plexsphere-csrf", &own.to_lowercase())],
        ] {
            assert_eq!(
                change(&mut browser, "POST", headers).await,
                mismatch,
                "{headers:?}"
            );
            assert_eq!(
                change(&mut browser, "DELETE", headers).await,
                mismatch,
                "{headers:?}"
            );
        }
        let headers = [origin, ("x-plexsphere-csrf", own.as_str())];
        assert_eq!(
            change(&mut browser, "POST", &headers).await,
            (400, "invalid_body".to_owned())
        );
        assert_eq!(
            change(&mut browser, "DELETE", &headers).await,
            (404, "api_token_not_found".to_owned())
        );
    }

    // Another session's value, and one that somebody planted in both places.
    let mut other = Browser::on(&app);
    other.sign_in().await;
    let planted = "A".repeat(43);
    for value in [other.cookie("plexsphere_csrf").unwrap(), &planted] {
        let mut tricked = browser.clone();
        tricked.jar.retain(|(name, _)| name != "plexsphere_csrf");
        tricked.jar.push(("plexsphere_csrf".to_owned(), value.to_owned()));
        let headers = [OURS, ("x-plexsphere-csrf", value)];
        assert_eq!(change(&mut tricked, "POST", &headers).await, mismatch);
    }
    // Without the cookie, the header alone is nothing.
    let mut bare = browser.clone();
    bare.jar.retain(|(name, _)| name != "plexsphere_csrf");
    let headers = [OURS, ("x-plexsphere-csrf", own.as_str())];
    assert_eq!(change(&mut bare, "POST", &headers).await, mismatch);
}

#[tokio::test]
pub(crate) async fn a_change_comes_on_our_pages_or_from_an_allowed_origin() {
    for (allowed, code) in [
        (&[][..], "csrf_origin_not_configured"),
        (&["https://ui.example"][..], "csrf_origin_mismatch"),
    ] {
        let (_app, _stand_in, mut browser) = signed_in(allowed).await;
        let own = browser.cookie("plexsphere_csrf").unwrap().to_owned();
        let csrf = ("x-plexsphere-csrf", own.as_str());
        for headers in [
            &[csrf][..],
            &[csrf, ("origin", "https://evil.example")],
            &[csrf, ("origin", "null")],
            &[csrf, ("origin", "https://ui.example.evil.example")],
            &[csrf, ("origin", "http://ui.example")],
            &[csrf, ("sec-fetch-site", "same-site")],
            &[csrf, ("sec-fetch-site", "cross-site")],
            &[csrf, ("sec-fetch-site", "none")],
        ] {
            let refused = change(&mut browser, "POST", headers).await;
            assert_eq!(refused, (403, code.to_owned()), "{headers:?}");
        }
        let by_origin = change(&mut browser, "POST", &[csrf, ALLOWED]).await;
        let expected = if allowed.is_empty() {
            (403, code)
        } else {
            (400, "invalid_body")
        };
        assert_eq!(by_origin, (expected.0, expected.1.to_owned()));
        let by_page = change(&mut browser, "POST", &[csrf, OURS]).await;
        assert_eq!(by_page, (400, "invalid_body".to_owned()));
    }
}

#[tokio::test]
async fn reading_and_bearers_are_exempt_and_a_bearer_comes_first() {
    let (app, _stand_in, mut browser) = signed_in(&[]).await;
    assert_eq!(browser.send("GET", WHOAMI, None, &[]).await.0, 200);
    let (_, _, mine) = browser.send("GET", WHOAMI, None, &[]).await;

    let user = app.stranger().await;
    let request = json!({"identity_ref": user.subject(), "env_prefix": "dev"});
    let (status, issued) = user.post(TOKENS, request).await;
    assert_eq!(status, 201);
    let bearer = format!("Bearer {}", issued["plaintext"].as_str().unwrap());
    let both = [("authorization", bearer.as_str())];
    let (_, _, me) = browser.send("GET", WHOAMI, None, &both).await;
    assert_eq!(me["subject"], json!(user.id));
    assert_ne!(me["subject"], mine["subject"]);
    assert_eq!(
        change(&mut browser, "POST", &both).await,
        (400, "invalid_body".to_owned()),
        "without CSRF"
    );
    for broken in ["Bearer psk_prod_x", "Bearer ", "Basic eDp5"] {
        let (status, ..) = browser
            .send("GET", WHOAMI, None, &[("authorization", broken)])
            .await;
        assert_eq!(
            status, 401,
            "a bearer that does not hold is not made good by a cookie: {broken}"
        );
    }
}

#[tokio::test]
async fn a_cookie_that_is_no_session_is_nobodys() {
    let (app, _stand_in, browser) = signed_in(&[]).await;
    let session = browser.cookie("plexsphere_session").unwrap();
    let unknown = "A".repeat(43);
    for cookie in [
        String::new(),
        "plexsphere_session=".to_owned(),
        format!("plexsphere_session={unknown}"),
        format!("plexsphere_session={session}x"),
        format!("plexsphere_session={session}; plexsphere_session={unknown}"),
    ] {
        let (status, _, problem) = app
            .anybody()
            .send_with("GET", WHOAMI, None, &[("cookie", &cookie)])
            .await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (401, &json!("unauthenticated")),
            "{cookie}"
        );
    }
    // No session is a 401 before anything is said about CSRF.
    let (status, ..) = app
        .anybody()
        .send_with(
            "POST",
            TOKENS,
            Some(json!({})),
            &[("cookie", &format!("plexsphere_session={unknown}"))],
        )
        .await;
    assert_eq!(status, 401);
}
