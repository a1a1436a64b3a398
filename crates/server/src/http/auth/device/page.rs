//! `GET /v1/auth/device` (*beyond*): the page on which a person decides.
//!
//! One document: its style and script are inside, named to the browser by their digests, and nothing is fetched from
//! anywhere. All that it knows comes from the API, by the session's cookies or by a token that is typed in and kept
//! nowhere.

use crate::app::App;
use crate::request::Query;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use std::sync::LazyLock;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Where the provider's name goes.
const PROVIDER: &str = "{{provider}}";

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| PAGE.replace("{{style}}", STYLE).replace("{{script}}", SCRIPT));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        source(SCRIPT),
        source(STYLE)
    );
    HeaderValue::from_str(&policy).expect("a policy is visible ASCII")
});

/// A content's name in a policy.
fn source(content: &str) -> String {
    let digest = digest::digest(&digest::SHA256, content.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

/// Show the page on which devices are approved
#[utoipa::path(
    get,
    path = "/v1/auth/device",
    operation_id = "GetAuthDevicePage",
    tag = "auth",
    params(("user_code" = Option<String>, Query, description = "Fills the code in")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
    security(()),
)]
/// Only the page's script looks at the query; one that nobody can read is refused all the same.
pub async fn page(State(app): State<App>, _: Query) -> impl IntoResponse {
    // An alias is of a-z, 0-9 and dashes, which is checked at start.
    let alias = app
        .provider
        .as_ref()
        .map_or("", |provider| provider.alias.as_str());
    let fixed = |name: &'static str, value: &'static str| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        fixed("content-type", "text/html; charset=utf-8"),
        fixed("cache-control", "no-store"),
        fixed("cross-origin-opener-policy", "same-origin"),
        fixed("referrer-policy", "no-referrer"),
        fixed("x-content-type-options", "nosniff"),
        fixed("x-frame-options", "DENY"),
    ];
    (headers, DOCUMENT.replace(PROVIDER, alias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;
    use plex_api::paths::DEVICE_PAGE;

    /// What stands between two marks.
    fn between<'p>(page: &'p str, begin: &str, end: &str) -> &'p str {
        let (_, rest) = page.split_once(begin).unwrap();
        rest.split_once(end).unwrap().0
    }

    #[tokio::test]
    async fn the_policy_names_what_the_page_holds_and_nothing_else_runs() {
        let app = TestApp::start().await;
        let (status, headers, body) = app.anybody().call("GET", DEVICE_PAGE, Vec::new(), &[]).await;
        assert_eq!(status, 200);
        let page = String::from_utf8(body).unwrap();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for (directive, begin, end) in [
            ("script-src", "<script>", "</script>"),
            ("style-src", "<style>", "</style>"),
        ] {
            let named = format!("{directive} '{}';", source(between(&page, begin, end)));
            assert!(policy.contains(&named), "{policy} lacks {named}");
            assert_eq!(page.matches(begin).count(), 1);
        }
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["cache-control"], "no-store");
        for inline in [
            " style=",
            " onclick=",
            " onsubmit=",
            "http://",
            "https://",
            "javascript:",
            "{{",
        ] {
            assert!(!page.contains(inline), "{inline}");
        }
        assert!(page.contains("data-provider=\"\""), "there is no provider here");
    }

    #[tokio::test]
    async fn what_the_query_says_is_not_repeated_by_the_server() {
        let app = TestApp::start().await;
        let path = format!("{DEVICE_PAGE}?user_code=%3Cscript%3Ealert(1)%3C/script%3E");
        let (_, _, body) = app.anybody().call("GET", &path, Vec::new(), &[]).await;
        assert!(!String::from_utf8(body).unwrap().contains("alert(1)"));
    }
}
