//! What a request by cookie must show before it changes anything (`api.md` §1.4).
//!
//! A browser sends cookies with every request to us, whoever wrote the page. So a change must carry what only a page of
//! our own can read, the CSRF cookie in a header, and must say that it comes from such a page.

use crate::cookies;
use crate::problem::Failure;
use crate::request::text_header;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use plex_api::codes;
use plex_domain::credential;
use thiserror::Error;

/// Repeats the CSRF cookie.
const X_PLEXSPHERE_CSRF: HeaderName = HeaderName::from_static("x-plexsphere-csrf");
/// Where a browser says a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins, beside our own pages, whose pages may act with our cookies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

/// Not an origin.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not an origin; one looks like https://plex.example or https://plex.example:8443")]
pub struct OriginError(String);

impl Origins {
    /// Reads origins: scheme, host and perhaps a port, and nothing else, as a browser sends them.
    pub fn parse(texts: &[String]) -> Result<Self, OriginError> {
        let origins = texts
            .iter()
            .map(|text| origin(text).ok_or_else(|| OriginError(text.clone())));
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// Refuses a change by cookie that does not show what it must. What only reads passes. `csrf_hash` is that of the
    /// cookie which was set with the session.
    pub fn check(&self, parts: &Parts, key: &[u8; 32], csrf_hash: &[u8; 32]) -> Result<(), Failure> {
        if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        if !holds_token(&parts.headers, key, csrf_hash) {
            let detail = "repeat the cookie plexsphere_csrf in the header X-Plexsphere-CSRF";
            return Err(Failure::forbidden(codes::CSRF_TOKEN_MISMATCH, detail));
        }
        if text_header(&parts.headers, SEC_FETCH_SITE) == Some("same-origin") {
            return Ok(());
        }
        let sent = text_header(&parts.headers, header::ORIGIN);
        if self.0.is_empty() {
            let detail =
                "this server takes changes by cookie from its own pages only; see --csrf-allowed-origin";
            return Err(Failure::forbidden(codes::CSRF_ORIGIN_NOT_CONFIGURED, detail));
        }
        if sent.is_some_and(|sent| self.0.iter().any(|known| known == sent)) {
            return Ok(());
        }
        let detail = "the request's Origin is not one whose pages may change anything here";
        Err(Failure::forbidden(codes::CSRF_ORIGIN_MISMATCH, detail))
    }
}

/// The header is the cookie, byte by byte, and both are the session's own.
fn holds_token(headers: &HeaderMap, key: &[u8; 32], csrf_hash: &[u8; 32]) -> bool {
    let sent = text_header(headers, X_PLEXSPHERE_CSRF);
    let Some((sent, cookie)) = sent.zip(cookies::CSRF.read(headers)) else {
        return false;
    };
    let is_own = credential::equal(&credential::hash(key, sent.as_bytes()), csrf_hash);
    credential::equal(sent.as_bytes(), cookie.as_bytes()) && is_own
}

/// The origin as browsers write it: lowercase, and without the port that its scheme implies.
fn origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_bare = matches!(uri.path(), "" | "/") && !text.contains(['?', '#', '@', '*']);
    let implied = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = authority.host().to_ascii_lowercase();
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => None,
        port => Some(
            port.strip_prefix(':')?
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)?,
        ),
    };
    let port = port
        .filter(|port| *port != implied)
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    (is_bare && !host.is_empty()).then(|| format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (given, kept) in [
            ("https://plex.example", "https://plex.example"),
            ("https://Plex.Example:443/", "https://plex.example"),
            ("https://plex.example:8443", "https://plex.example:8443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(origin(given).as_deref(), Some(kept));
        }
        for bad in [
            "",
            "null",
            "*",
            "https://*.example",
            "plex.example",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "ftp://a",
            "https://a:0",
            "https://a:x",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
