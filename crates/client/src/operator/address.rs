//! The control plane's address.

use http::Uri;
use std::net::IpAddr;

/// A base URL that a token may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    base: String,
    is_loopback: bool,
}

/// Why a text is not a usable base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `https://host[:port][/path]` or `http://…`.
    #[error("not an http or https URL: {0}")]
    Malformed(String),
    /// `http://` to a host that is not this one.
    #[error("refusing to send a token in clear to {0}")]
    Cleartext(String),
}

impl ServerUrl {
    /// Reads a base URL: `https`, or `http` to a loopback host; no user, query or fragment. Slashes at its
    /// end do not count.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(malformed)?;
        let has_user = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        if has_user || text.contains(['#', '?']) {
            return Err(malformed());
        }
        let is_loopback = is_loopback(host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback => {}
            Some("http") => return Err(AddressError::Cleartext(host.to_owned())),
            Some(_) | None => return Err(malformed()),
        }
        Ok(Self {
            base: text.trim_end_matches('/').to_owned(),
            is_loopback,
        })
    }

    /// The URL without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Whether the host is this machine; then no proxy is asked.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{AddressError, ServerUrl};

    #[test]
    fn loopback_may_be_spoken_to_in_clear() {
        for text in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://LocalHost:1/",
        ] {
            assert!(
                ServerUrl::parse(text).is_ok_and(|url| url.is_loopback()),
                "{text}"
            );
        }
    }

    #[test]
    fn others_may_not() {
        for text in [
            "http://example.org",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.evil.example",
            "http://[::2]",
            "http://127.0.0.1.evil.example",
        ] {
            assert!(
                matches!(ServerUrl::parse(text), Err(AddressError::Cleartext(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn slashes_at_the_end_do_not_count() {
        let url = ServerUrl::parse("https://cp.example/base//").expect("a URL");
        assert_eq!(url.as_str(), "https://cp.example/base");
        assert!(!url.is_loopback());
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "localhost:8080",
            "cp.example",
            "ftp://cp.example",
            "https://",
            "https://user:pw@cp.example",
            "http://127.0.0.1@evil.example",
            "https://cp.example/?a=b",
            "https://cp.example/#x",
            "https://cp example",
        ] {
            assert!(
                matches!(ServerUrl::parse(text), Err(AddressError::Malformed(_))),
                "{text}"
            );
        }
    }
}
