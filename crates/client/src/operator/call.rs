//! One request, described before it is sent.

use http::Method;
use serde::Serialize;

/// A request: method, path, query, body. A body may hold secrets, so there is no `Debug`.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) idempotency_key: Option<String>,
}

impl Call {
    /// Reads `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// Posts `body` as JSON.
    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(Method::POST, path.into(), Some(json(body)))
    }

    /// Posts to `path` without a body.
    pub fn post_nothing(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), None)
    }

    /// Puts `body` as JSON.
    pub fn put(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(Method::PUT, path.into(), Some(json(body)))
    }

    /// Patches with `body` as JSON.
    pub fn patch(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(Method::PATCH, path.into(), Some(json(body)))
    }

    /// Deletes `path`.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), None)
    }

    /// Adds a query parameter when there is a value.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Marks the call as one that the server does once, however often it comes (decision 9). This makes it
    /// safe to repeat.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    fn new(method: Method, path: String, body: Option<Vec<u8>>) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body,
            idempotency_key: None,
        }
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.idempotency_key.is_some()
    }

    /// Path and query, percent-encoded.
    pub(super) fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            encode(value, &mut target);
        }
        target
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("the contract's types have string keys and cannot fail")
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn query_values_cannot_leave_their_place() {
        let call = Call::get("/v1/x")
            .query("cursor", Some("a&limit=1#?%/ü +~"))
            .query("status", None::<String>)
            .query("limit", Some(7));
        assert_eq!(
            call.target(),
            "/v1/x?cursor=a%26limit%3D1%23%3F%25%2F%C3%BC%20%2B~&limit=7"
        );
    }

    #[test]
    fn writes_are_repeatable_only_with_a_key() {
        assert!(Call::get("/").is_repeatable());
        assert!(!Call::delete("/").is_repeatable());
        assert!(!Call::post("/", &()).is_repeatable() && !Call::post_nothing("/").is_repeatable());
        assert!(Call::post("/", &()).idempotency_key("k").is_repeatable());
    }
}
