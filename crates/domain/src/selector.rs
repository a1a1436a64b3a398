//! Label selectors: which nodes a dispatch addresses (`api.md` §6.1, decision 24).
//!
//! Terms, joined by `,`, must all hold: `key=value`, `key!=value`, `key in (a, b)`, `key` (exists), `!key`
//! (absent). As in Kubernetes, `!=` also holds where the key is absent. A key is a local key (1–64 of
//! `a-z 0-9 . _ -`, no separator at either end) or a qualified one: a scope, `/`, and a local key, where the
//! scope is `platform`, `<domain>` or `<domain>:<project>` by slug. Values are words of
//! `A-Z a-z 0-9 . _ : / @ + -` or double-quoted with `\"` and `\\`. One pass, no recursion, no regular
//! expressions: the text comes from outside.

mod parse;
mod tree;

pub use tree::preview;

use serde_json::Value;
use std::fmt;

/// Longest selector, in bytes.
pub const MAX_BYTES: usize = 4096;
/// Most values of one `in`.
pub const MAX_VALUES: usize = 256;

/// A parsed selector; it has at least one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// The key has this value.
    Eq {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The key has another value, or is absent.
    Neq {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The key has one of these values.
    In {
        /// The key.
        key: String,
        /// The values, as written.
        values: Vec<String>,
    },
    /// The key is there.
    Exists {
        /// The key.
        key: String,
    },
    /// The key is not there.
    Absent {
        /// The key.
        key: String,
    },
}

impl Term {
    /// The key that it is about, as written.
    pub fn key(&self) -> &str {
        match self {
            Self::Eq { key, .. }
            | Self::Neq { key, .. }
            | Self::In { key, .. }
            | Self::Exists { key }
            | Self::Absent { key } => key,
        }
    }
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {position}")]
pub struct SelectorError {
    /// Byte offset of the fault.
    pub position: usize,
    /// What is wrong; it never repeats the text.
    pub message: String,
}

impl Selector {
    /// The selector of that text.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::selector(text).map(Self)
    }

    /// The conditions, as written.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// Whether an object with these labels is selected; `lookup` gives the value of a key as written.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a Value>) -> bool {
        self.0.iter().all(|term| match term {
            Term::Eq { key, value } => lookup(key).is_some_and(|label| equals(label, value)),
            Term::Neq { key, value } => !lookup(key).is_some_and(|label| equals(label, value)),
            Term::In { key, values } => {
                lookup(key).is_some_and(|label| values.iter().any(|value| equals(label, value)))
            }
            Term::Exists { key } => lookup(key).is_some(),
            Term::Absent { key } => lookup(key).is_none(),
        })
    }
}

/// Strings compare by text, numbers and booleans by JSON text; nothing else is a label's value. A list stands for
/// several labels of one key, one of which is enough.
fn equals(label: &Value, value: &str) -> bool {
    match label {
        Value::String(text) => text == value,
        Value::Bool(truth) => value == if *truth { "true" } else { "false" },
        Value::Number(number) => number.to_string() == value,
        Value::Array(several) => several.iter().any(|one| equals(one, value)),
        Value::Null | Value::Object(_) => false,
    }
}

/// Whether a word is a local key: 1–64 of `a-z 0-9 . _ -`, no separator at either end.
pub fn valid_local_key(word: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = word.as_bytes();
    bytes.len() <= 64
        && bytes.first().is_some_and(|byte| inner(*byte))
        && bytes.last().is_some_and(|byte| inner(*byte))
        && bytes
            .iter()
            .all(|byte| inner(*byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// The shortest text with the same meaning; it parses to the same selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq { key, value } => write!(f, "{key}={}", Written(value)),
            Self::Neq { key, value } => write!(f, "{key}!={}", Written(value)),
            Self::In { key, values } => {
                // `in(` without a space keeps the text within the limit that the original kept.
                write!(f, "{key} in(")?;
                for (n, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if n > 0 { "," } else { "" }, Written(value))?;
                }
                f.write_str(")")
            }
            Self::Exists { key } => f.write_str(key),
            Self::Absent { key } => write!(f, "!{key}"),
        }
    }
}

struct Written<'a>(&'a str);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.bytes().all(parse::is_word) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests;
