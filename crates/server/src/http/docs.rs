//! `/v1/docs`: the OpenAPI document for reading. Anybody may look.
//!
//! ReDoc is part of this program and the page fetches nothing from elsewhere: its policy lets the browser load
//! from this server only. The bundle's search would need a worker made from text, so it is switched off.

use crate::problem::{Failure, Problems};
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use plex_api::codes;

const PAGE: &str = include_str!("../../assets/docs.html");
const REDOC: &[u8] = include_bytes!("../../assets/redoc/redoc.standalone.js");

/// What the page may load: scripts and data from this server, styles from itself, because the bundle writes its
/// styles into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// How long a browser may keep an asset: it changes with the program only.
const KEEP: &str = "public, max-age=3600";

/// Show this document
///
/// A page for people. It fetches nothing from elsewhere.
#[utoipa::path(
    get,
    path = "/v1/docs",
    operation_id = "GetDocs",
    tag = "meta",
    responses(
        (
            status = 200,
            description = "The page",
            body = String,
            content_type = "text/html",
            headers(("Content-Security-Policy" = String)),
        ),
        Problems,
    ),
    security(()),
)]
pub async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    (headers, PAGE).into_response()
}

/// Give a script of the page
#[utoipa::path(
    get,
    path = "/v1/docs/assets/{asset}",
    operation_id = "GetDocsAsset",
    tag = "meta",
    params(("asset" = String, Path, description = "Its name", example = "redoc.standalone.js")),
    responses(
        (status = 200, description = "The script", body = String, content_type = "application/javascript"),
        Problems,
    ),
    security(()),
)]
pub async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let script = match name.as_str() {
        "redoc.standalone.js" => REDOC,
        _ => return Err(Failure::not_found(codes::NOT_FOUND, "asset")),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, KEEP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    Ok((headers, script).into_response())
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;
    use axum::http::{StatusCode, header};

    #[tokio::test]
    async fn anybody_may_read_the_page_and_it_loads_from_here_only() {
        let app = TestApp::start().await;
        let (status, headers, page) = app.anybody().call("GET", "/v1/docs", Vec::new(), &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("http") && !policy.contains('*')
        );
        let page = String::from_utf8(page).unwrap();
        for reference in page.split([' ', '>']).filter_map(reference) {
            assert!(
                reference.starts_with("/v1/") || reference == "data:,",
                "{reference}"
            );
        }
    }

    fn reference(attribute: &str) -> Option<&str> {
        let (name, value) = attribute.split_once('=')?;
        ["src", "href", "spec-url"]
            .contains(&name)
            .then(|| value.trim_matches('"'))
    }

    #[tokio::test]
    async fn only_the_assets_of_the_page_are_there() {
        let app = TestApp::start().await;
        let anybody = app.anybody();
        let (status, headers, script) = anybody
            .call("GET", "/v1/docs/assets/redoc.standalone.js", Vec::new(), &[])
            .await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("application/javascript")
        );
        assert!(script.len() > 100_000);
        for name in ["redoc.js", "..%2fdocs.html", "LICENSE", "%2fetc%2fpasswd"] {
            let (status, problem) = anybody.get(&format!("/v1/docs/assets/{name}")).await;
            assert_eq!(
                (status, problem["code"].as_str()),
                (StatusCode::NOT_FOUND, Some("not_found")),
                "{name}"
            );
        }
    }
}
