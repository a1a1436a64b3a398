//! The parameters of a dispatch, kept as the text that was sent (decisions 5 and 8).
//!
//! The node shall see the operator's tokens: number spelling, integers above 2^53, key order. So parameters
//! are never a parsed value here; they are checked, stripped of white space, and carried as text.

use crate::json;
use std::collections::BTreeSet;
use std::ops::Range;

pub use crate::json::JsonError;

/// Deepest nesting; the object itself is level 1.
pub const MAX_DEPTH: usize = 64;

/// The compact text of a JSON object. It may hold secrets, so `Debug` shows only its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameters(String);

/// Why parameters are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// The top level is JSON, but no object.
    #[error("parameters must be a JSON object")]
    NotAnObject,
    /// The text cannot be carried.
    #[error("parameters cannot be accepted: {0}")]
    Refused(JsonError),
}

impl Parameters {
    /// Checks the text and takes the insignificant white space out of it.
    pub fn parse(raw: &str) -> Result<Self, ParametersError> {
        let text = json::compact(raw, MAX_DEPTH).map_err(ParametersError::Refused)?;
        if text.starts_with('{') {
            Ok(Self(text))
        } else {
            Err(ParametersError::NotAnObject)
        }
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The top-level keys, unescaped, in the order sent.
    pub fn keys(&self) -> Vec<String> {
        members(&self.0).map(|member| member.key).collect()
    }

    /// The text with the value of every such top-level key replaced by `"***"`.
    pub fn mask(&self, secret: &BTreeSet<String>) -> String {
        let mut masked = String::with_capacity(self.0.len());
        let mut copied = 0;
        for member in members(&self.0).filter(|member| secret.contains(&member.key)) {
            masked.push_str(&self.0[copied..member.value.start]);
            masked.push_str("\"***\"");
            copied = member.value.end;
        }
        masked.push_str(&self.0[copied..]);
        masked
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parameters({} bytes)", self.0.len())
    }
}

struct Member {
    key: String,
    value: Range<usize>,
}

/// The top-level members of a compact, valid object text.
fn members(text: &str) -> impl Iterator<Item = Member> + '_ {
    let bytes = text.as_bytes();
    let mut at = 1;
    std::iter::from_fn(move || {
        if bytes[at] == b'}' {
            return None;
        }
        let key_end = string_end(bytes, at);
        let key = serde_json::from_str(&text[at..key_end]).expect("a checked key is a JSON string");
        let value = key_end + 1..value_end(bytes, key_end + 1);
        at = value.end + usize::from(bytes[value.end] == b',');
        Some(Member { key, value })
    })
}

/// Where the value that starts there ends: at the comma or brace of its own level.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match bytes[at] {
            b'"' => at = string_end(bytes, at) - 1,
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

/// The offset after the closing quote of the string that starts there.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::{spaced, value};
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn object() -> impl Strategy<Value = Map<String, Value>> {
        prop::collection::vec(("[a-c<\"\\\\é]{0,2}", value()), 0..5).prop_map(Map::from_iter)
    }

    proptest! {
        #[test]
        fn parsing_keeps_meaning_and_order_and_settles(object in object()) {
            let parameters = Parameters::parse(&spaced(&Value::Object(object.clone()))).unwrap();
            prop_assert_eq!(Parameters::parse(parameters.as_str()).unwrap(), parameters.clone());
            prop_assert_eq!(&serde_json::from_str::<Map<String, Value>>(parameters.as_str()).unwrap(), &object);
            prop_assert_eq!(parameters.keys(), object.keys().cloned().collect::<Vec<_>>());
        }

        #[test]
        fn masking_hides_those_values_and_no_others(object in object(), pick in any::<u8>()) {
            let secret: BTreeSet<String> = object
                .keys().enumerate().filter(|(n, _)| pick >> n & 1 == 1).map(|(_, key)| key.clone()).collect();
            let parameters = Parameters::parse(&spaced(&Value::Object(object.clone()))).unwrap();
            let masked: Map<String, Value> = serde_json::from_str(&parameters.mask(&secret)).unwrap();
            let expected = object.into_iter().map(|(key, value)| {
                let value = if secret.contains(&key) { Value::from("***") } else { value };
                (key, value)
            });
            prop_assert_eq!(masked, Map::from_iter(expected));
        }

        #[test]
        fn numbers_keep_their_spelling(number in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?") {
            let parameters = Parameters::parse(&format!("{{ \"n\" : [ {number} ] }}")).unwrap();
            prop_assert_eq!(parameters.as_str(), format!("{{\"n\":[{number}]}}"));
        }
    }

    #[test]
    fn only_objects_are_parameters() {
        for other in ["null", "[]", "\"{}\"", "1"] {
            assert_eq!(
                Parameters::parse(other),
                Err(ParametersError::NotAnObject),
                "{other}"
            );
        }
        assert_eq!(Parameters::parse(" { } ").unwrap().as_str(), "{}");
        assert_eq!(
            Parameters::parse("{\"a\":1,\"\\u0061\":2}"),
            Err(ParametersError::Refused(JsonError::DuplicateKey(7)))
        );
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(Parameters::parse(&deep(63)).is_ok());
        assert!(Parameters::parse(&deep(64)).is_err());
    }

    #[test]
    fn escapes_stay_as_sent() {
        let sent = r#"{"a":"\u0041\/\n\u003C<&>","z":0,"b":1.0}"#;
        let kept = r#"{"a":"\u0041\/\n\u003C\u003c\u0026\u003e","z":0,"b":1.0}"#;
        assert_eq!(Parameters::parse(sent).unwrap().as_str(), kept);
    }

    #[test]
    fn debug_shows_no_value() {
        let parameters = Parameters::parse(r#"{"password":"hunter2"}"#).unwrap();
        assert!(!format!("{parameters:?}").contains("hunter2"));
    }
}
