//! JSON documents as the API gave them, and the same as YAML.
//!
//! A document is kept as text: a number that no machine type holds, the order of members and a field that
//! this version does not know all survive. YAML is made from that text by a walk over it, not from a tree.

use crate::error::Error;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::marker::PhantomData;

/// As deep as `serde_json` reads values.
const DEPTH: usize = 128;

/// An object's members in the order of the text; their values owned or, where the text stays, borrowed.
pub(crate) struct Members<R = Box<RawValue>>(pub(crate) Vec<(String, R)>);

/// A document and what this version reads out of it.
pub(crate) struct Document<T> {
    /// The document as it came.
    pub(crate) raw: Box<RawValue>,
    /// What is known of it.
    pub(crate) view: T,
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads a whole body.
    ///
    /// # Errors
    /// [`Error::Contract`] when it is not JSON, or not what `T` requires.
    pub(crate) fn read(body: Vec<u8>) -> Result<Self, Error> {
        let contract = |cause: serde_json::Error| Error::Contract(cause.to_string());
        let view = serde_json::from_slice(&body).map_err(contract)?;
        let text = String::from_utf8(body).map_err(|_| Error::Contract("not UTF-8".to_owned()))?;
        Ok(Self {
            raw: RawValue::from_string(text).map_err(contract)?,
            view,
        })
    }
}

/// Makes a document of our own.
pub(crate) fn own(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("our own values have string keys and cannot fail")
}

/// The document as YAML.
///
/// # Errors
/// [`Error::Contract`] when it nests too deeply.
pub(crate) fn yaml(raw: &RawValue) -> Result<String, Error> {
    serde_saphyr::to_string(&Tree { raw, depth: 0 }).map_err(|cause| Error::Contract(cause.to_string()))
}

/// The same JSON with every character that could steer a terminal as a `\u` escape. Outside of strings JSON
/// has no such character but white space, which stays.
pub(crate) fn with_controls_spelled_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        let steers = character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if steers || is_invisible(character) {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// Bidirectional controls, zero-width characters and line separators.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Members<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }
}

struct Object<R>(PhantomData<R>);

impl<'de, R: Deserialize<'de>> Visitor<'de> for Object<R> {
    type Value = Members<R>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<R>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A place in a document, on the way to another format.
struct Tree<'a> {
    raw: &'a RawValue,
    depth: usize,
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > DEPTH {
            return Err(S::Error::custom("it nests too deeply"));
        }
        let text = self.raw.get();
        let depth = self.depth + 1;
        match text.as_bytes().first() {
            Some(b'{') => {
                let members: Members<&RawValue> = read(text)?;
                let mut map = serializer.serialize_map(Some(members.0.len()))?;
                for (key, raw) in &members.0 {
                    map.serialize_entry(key, &Tree { raw, depth })?;
                }
                map.end()
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = read(text)?;
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for raw in items {
                    seq.serialize_element(&Tree { raw, depth })?;
                }
                seq.end()
            }
            Some(b'"') => serializer.serialize_str(&read::<String, _>(text)?),
            Some(b't') => serializer.serialize_bool(true),
            Some(b'f') => serializer.serialize_bool(false),
            Some(b'n') => serializer.serialize_none(),
            Some(_) | None => number(text, serializer),
        }
    }
}

fn read<'a, T: Deserialize<'a>, E: serde::ser::Error>(text: &'a str) -> Result<T, E> {
    serde_json::from_str(text).map_err(E::custom)
}

/// Integers up to 128 bits keep every digit; what is larger, or has a fraction, is a float there too.
fn number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(number) = text.parse::<i64>() {
        return serializer.serialize_i64(number);
    }
    if let Ok(number) = text.parse::<u64>() {
        return serializer.serialize_u64(number);
    }
    if let Ok(number) = text.parse::<i128>() {
        return serializer.serialize_i128(number);
    }
    serializer.serialize_f64(text.parse().map_err(S::Error::custom)?)
}

#[cfg(test)]
mod tests {
    use super::{Document, Members, own, with_controls_spelled_out, yaml};
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn yaml_keeps_order_digits_and_strings_that_look_like_something_else() {
        let text = r#"{"z":18446744073709551615,"a":[-9007199254740993,170141183460469231731687303715884105727],
            "yes":"no","s":"1","t":true,"n":null,"e":{},"l":[],"d":"2026-01-01","f":1.5}"#;
        let expected = "z: 18446744073709551615\na:\n- -9007199254740993\n\
            - 170141183460469231731687303715884105727\n";
        let yaml = yaml(&raw(text)).expect("YAML").replace("  - ", "- ");
        assert!(yaml.starts_with(expected), "{yaml}");
        for line in [
            "\"yes\": \"no\"",
            "s: \"1\"",
            "t: true",
            "\"n\": null",
            "d: \"2026-01-01\"",
            "f: 1.5",
        ] {
            assert!(yaml.lines().any(|l| l == line), "{line} in {yaml}");
        }
    }

    #[test]
    fn yaml_does_not_follow_without_end() {
        let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(yaml(&raw(&text)).expect_err("too deep").exit_code(), 1);
    }

    #[test]
    fn a_body_must_be_one_document() {
        for body in [&b""[..], b"{", b"{} x", b"\xff", b"[]", b"<html>"] {
            assert!(Document::<Members>::read(body.to_vec()).is_err(), "{body:?}");
        }
    }

    #[test]
    fn members_come_back_as_they_were() {
        let text = r#"{"b":1e2,"a":{"y":1,"x":2}}"#;
        let members: Members = serde_json::from_str(text).expect("members");
        assert_eq!(own(&members).get(), text);
    }

    proptest! {
        #[test]
        fn spelling_out_controls_changes_no_meaning(text in ".*") {
            let json = serde_json::to_string(&text).expect("a string");
            let spelled = with_controls_spelled_out(&json);
            prop_assert_eq!(serde_json::from_str::<Value>(&spelled).expect("JSON"), Value::String(text));
            prop_assert!(!spelled.chars().any(char::is_control));
        }
    }
}
