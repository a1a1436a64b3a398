//! JSON text, checked and compacted token by token.
//!
//! A parsed-and-printed value would lose number spellings and integers above 2^53, and a lenient parser
//! would keep one of two equal keys in silence. So this scanner copies the tokens as they are, drops only
//! white space, and refuses what the two databases, or a node, could read in two ways (decision 8). It keeps
//! its own stack, so depth is a limit and never a crash.

use std::collections::HashSet;

/// Why a text is refused; positions are byte offsets. None repeats the text itself, which may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON.
    #[error("not valid JSON at byte {0}")]
    Syntax(usize),
    /// An object has two equal keys.
    #[error("duplicate key at byte {0}")]
    DuplicateKey(usize),
    /// A string has a NUL character.
    #[error("NUL character at byte {0}")]
    Nul(usize),
    /// A string has half of a surrogate pair.
    #[error("lone surrogate at byte {0}")]
    LoneSurrogate(usize),
    /// Arrays and objects are nested too deeply.
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
}

/// The text without insignificant white space, `<` `>` `&` U+2028 U+2029 as escapes, otherwise as it is.
pub(crate) fn compact(raw: &str, max_depth: usize) -> Result<String, JsonError> {
    let mut scanner = Scanner {
        raw: raw.as_bytes(),
        at: 0,
        out: Vec::with_capacity(raw.len()),
        open: Vec::new(),
        max_depth,
    };
    scanner.document()?;
    Ok(String::from_utf8(scanner.out).expect("whole tokens of a UTF-8 text are UTF-8"))
}

/// A JSON string literal of the text, escaped like [`compact`] does.
pub(crate) fn quoted(text: &str) -> String {
    let literal = serde_json::to_string(text).expect("a string always serialises");
    escaped(&literal)
}

/// JSON text with `<` `>` `&` U+2028 U+2029 as escapes. They occur in strings only, so the value is the same.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match escape_of(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        }
    }
    out
}

fn escape_of(c: char) -> Option<&'static str> {
    match c {
        '<' => Some("\\u003c"),
        '>' => Some("\\u003e"),
        '&' => Some("\\u0026"),
        '\u{2028}' => Some("\\u2028"),
        '\u{2029}' => Some("\\u2029"),
        _ => None,
    }
}

enum Open {
    Object(HashSet<String>),
    Array,
}

#[derive(Clone, Copy)]
enum Next {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Key,
    CommaOrEnd,
}

struct Scanner<'a> {
    raw: &'a [u8],
    at: usize,
    out: Vec<u8>,
    open: Vec<Open>,
    max_depth: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), JsonError> {
        let mut next = Next::Value;
        loop {
            self.skip_space();
            next = match next {
                Next::Value => self.value()?,
                Next::ValueOrEnd if self.peek() == Some(b']') => self.close(b']')?,
                Next::ValueOrEnd => self.value()?,
                Next::KeyOrEnd if self.peek() == Some(b'}') => self.close(b'}')?,
                Next::KeyOrEnd | Next::Key => self.key()?,
                Next::CommaOrEnd => match (self.open.last(), self.peek()) {
                    (None, None) => return Ok(()),
                    (Some(Open::Object(_)), Some(b',')) => self.punctuation(Next::Key),
                    (Some(Open::Array), Some(b',')) => self.punctuation(Next::Value),
                    (Some(_), Some(end @ (b'}' | b']'))) => self.close(end)?,
                    _ => return Err(JsonError::Syntax(self.at)),
                },
            };
        }
    }

    fn value(&mut self) -> Result<Next, JsonError> {
        match self.peek() {
            Some(b'{') => self.descend(Open::Object(HashSet::new()), Next::KeyOrEnd),
            Some(b'[') => self.descend(Open::Array, Next::ValueOrEnd),
            Some(b'"') => self.string().map(|()| Next::CommaOrEnd),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Next::CommaOrEnd),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(JsonError::Syntax(self.at)),
        }
    }

    fn key(&mut self) -> Result<Next, JsonError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(JsonError::Syntax(start));
        }
        self.string()?;
        let key = serde_json::from_slice(&self.raw[start..self.at]).map_err(|_| JsonError::Syntax(start))?;
        let new = match self.open.last_mut() {
            Some(Open::Object(keys)) => keys.insert(key),
            Some(Open::Array) | None => unreachable!("keys are looked for in objects only"),
        };
        if !new {
            return Err(JsonError::DuplicateKey(start));
        }
        self.skip_space();
        match self.peek() {
            Some(b':') => Ok(self.punctuation(Next::Value)),
            _ => Err(JsonError::Syntax(self.at)),
        }
    }

    fn descend(&mut self, container: Open, next: Next) -> Result<Next, JsonError> {
        if self.open.len() == self.max_depth {
            return Err(JsonError::TooDeep(self.at));
        }
        self.open.push(container);
        Ok(self.punctuation(next))
    }

    fn close(&mut self, end: u8) -> Result<Next, JsonError> {
        match (self.open.pop(), end) {
            (Some(Open::Object(_)), b'}') | (Some(Open::Array), b']') => {
                Ok(self.punctuation(Next::CommaOrEnd))
            }
            (Some(_) | None, _) => Err(JsonError::Syntax(self.at)),
        }
    }

    fn punctuation(&mut self, next: Next) -> Next {
        self.out.push(self.raw[self.at]);
        self.at += 1;
        next
    }

    fn word(&mut self, word: &[u8]) -> Result<Next, JsonError> {
        if !self.raw[self.at..].starts_with(word) {
            return Err(JsonError::Syntax(self.at));
        }
        self.out.extend_from_slice(word);
        self.at += word.len();
        Ok(Next::CommaOrEnd)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'+') {
                self.skip(b'-');
            }
            self.digits()?;
        }
        self.out.extend_from_slice(&self.raw[start..self.at]);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(JsonError::Syntax(start))
        } else {
            Ok(())
        }
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0) => return Err(JsonError::Nul(self.at)),
                None | Some(1..0x20) => return Err(JsonError::Syntax(self.at)),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let token = std::str::from_utf8(&self.raw[start..self.at]).expect("quotes lie between characters");
        if token
            .bytes()
            .any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2))
        {
            self.out.extend_from_slice(escaped(token).as_bytes());
        } else {
            self.out.extend_from_slice(token.as_bytes());
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        match self.raw.get(start + 1) {
            Some(b'u') => match self.unit(start)? {
                0 => Err(JsonError::Nul(start)),
                0xd800..=0xdbff if matches!(self.unit(start + 6), Ok(0xdc00..=0xdfff)) => {
                    self.at = start + 12;
                    Ok(())
                }
                0xd800..=0xdfff => Err(JsonError::LoneSurrogate(start)),
                _ => {
                    self.at = start + 6;
                    Ok(())
                }
            },
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at = start + 2;
                Ok(())
            }
            Some(_) | None => Err(JsonError::Syntax(start)),
        }
    }

    /// The UTF-16 unit of the `\uXXXX` at that offset.
    fn unit(&self, at: usize) -> Result<u16, JsonError> {
        let digits = match self.raw.get(at..at + 6) {
            Some([b'\\', b'u', digits @ ..]) if digits.iter().all(u8::is_ascii_hexdigit) => digits,
            Some(_) | None => return Err(JsonError::Syntax(at)),
        };
        let digits = std::str::from_utf8(digits).map_err(|_| JsonError::Syntax(at))?;
        u16::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax(at))
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Values as serde_json holds them, with awkward strings.
    pub(crate) fn value() -> impl Strategy<Value = Value> {
        let text = "[a<>&\"\\\\/\u{2028}\u{2029}\n\u{1f}é😀]{0,6}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            // Eighths, because serde_json reads other fractions only nearly exactly.
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text, inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    /// Pretty-printed with odd white space, so that there is something to strip.
    pub(crate) fn spaced(value: &Value) -> String {
        serde_json::to_string_pretty(value)
            .unwrap()
            .replace("\n ", "\r\n\t ")
    }

    proptest! {
        #[test]
        fn compacting_keeps_the_value_and_settles(value in value()) {
            let compacted = compact(&spaced(&value), 64).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(&compacted).unwrap(), &value);
            prop_assert_eq!(compact(&compacted, 64).unwrap(), compacted.clone());
            prop_assert!(!compacted.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "unescaped");
            prop_assert_eq!(compacted, escaped(&serde_json::to_string(&value).unwrap()));
        }

        #[test]
        fn what_serde_refuses_is_refused(text in "[\\[\\]{}:,\"a\\\\u0019dc.eE+ tf-]{0,12}") {
            let ours = compact(&text, 64);
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            match ours {
                Ok(_) | Err(JsonError::DuplicateKey(_)) => prop_assert!(ours.is_err() || theirs.is_ok()),
                Err(JsonError::Syntax(_)) => prop_assert!(theirs.is_err(), "{}", text),
                Err(JsonError::Nul(_) | JsonError::LoneSurrogate(_) | JsonError::TooDeep(_)) => {}
            }
        }
    }

    #[test]
    fn refusals_name_their_cause() {
        let cases = [
            ("", JsonError::Syntax(0)),
            ("\u{feff}{}", JsonError::Syntax(0)),
            ("{} x", JsonError::Syntax(3)),
            ("[1,]", JsonError::Syntax(3)),
            ("{\"a\":1,}", JsonError::Syntax(7)),
            ("[}", JsonError::Syntax(1)),
            ("01", JsonError::Syntax(1)),
            ("NaN", JsonError::Syntax(0)),
            ("\"\u{1}\"", JsonError::Syntax(1)),
            ("\"\0\"", JsonError::Nul(1)),
            ("\"\\u0000\"", JsonError::Nul(1)),
            ("\"\\ud800\"", JsonError::LoneSurrogate(1)),
            ("\"\\udc00\\ud800\"", JsonError::LoneSurrogate(1)),
            ("\"\\ud800\\u0041\"", JsonError::LoneSurrogate(1)),
            ("{\"a\":1,\"\\u0061\":2}", JsonError::DuplicateKey(7)),
            ("[{\"b\":{\"a\":1,\"a\":1}}]", JsonError::DuplicateKey(13)),
        ];
        for (text, cause) in cases {
            assert_eq!(compact(text, 64), Err(cause), "{text:?}");
        }
        assert_eq!(compact("\"\\ud83d\\uDE00\"", 64).unwrap(), "\"\\ud83d\\uDE00\"");
        assert_eq!(
            compact("{\"a\":{\"a\":1}, \"b\":{\"a\":1}}", 64).unwrap(),
            "{\"a\":{\"a\":1},\"b\":{\"a\":1}}"
        );
    }

    #[test]
    fn depth_is_a_limit() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(compact(&nested(64), 64).is_ok());
        assert_eq!(compact(&nested(65), 64), Err(JsonError::TooDeep(64)));
        assert_eq!(compact(&"[".repeat(100_000), 64), Err(JsonError::TooDeep(64)));
    }
}
