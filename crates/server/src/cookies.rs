//! The browser's cookies: what they are called, how far they go, and how they are read.
//!
//! Every URL of this server is `https`, so all of them are `Secure`. None holds an API token (decision 27).

use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// The session itself; no script sees it.
pub const SESSION: Cookie = Cookie {
    name: "plexsphere_session",
    attributes: "Path=/v1/; HttpOnly; SameSite=Strict; Secure",
};
/// What scripts of our own pages repeat in the header `X-Plexsphere-CSRF`.
pub const CSRF: Cookie = Cookie {
    name: "plexsphere_csrf",
    attributes: "Path=/; SameSite=Strict; Secure",
};
/// Which browser set out to the identity provider. It comes back from another site, so it cannot be strict. By its
/// prefix, browsers take it from this host alone: no neighbour under the same domain can plant one.
pub const SIGN_IN: Cookie = Cookie {
    name: "__Host-plexsphere_sign_in",
    attributes: "Path=/; HttpOnly; SameSite=Lax; Secure",
};

/// A cookie without its value.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    name: &'static str,
    attributes: &'static str,
}

impl Cookie {
    /// Its value, where the request has exactly one of that name: with two, somebody planted one.
    pub fn read(self, headers: &HeaderMap) -> Option<&str> {
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter_map(|(name, value)| (name == self.name).then_some(value));
        let first = values.next();
        first.filter(|_| values.next().is_none())
    }

    /// A `Set-Cookie` header that sets it for so long. The value is one of ours.
    pub fn set(self, value: &str, life: Duration) -> HeaderValue {
        self.header(value, life.as_secs())
    }

    /// A `Set-Cookie` header that removes it.
    pub fn clear(self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(self, value: &str, seconds: u64) -> HeaderValue {
        let Self { name, attributes } = self;
        let text = format!("{name}={value}; {attributes}; Max-Age={seconds}");
        HeaderValue::from_str(&text).expect("values are base64url")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let pairs = values
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_when_there_is_one() {
        for (sent, read) in [
            (&["plexsphere_session=a"][..], Some("a")),
            (&["x=1; plexsphere_session=a=b; y"], Some("a=b")),
            (&["x=1", "plexsphere_session=a"], Some("a")),
            (&["plexsphere_session=a; plexsphere_session=b"], None),
            (&["plexsphere_session=a", "plexsphere_session=a"], None),
            (&["plexsphere_session2=a; xplexsphere_session=b"], None),
            (&["plexsphere_session"], None),
            (&[], None),
        ] {
            assert_eq!(SESSION.read(&headers(sent)), read, "{sent:?}");
        }
    }
}
