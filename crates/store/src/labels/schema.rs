//! What values a label may have (`LabelValueSchema` of `api.md` §6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest string value, in bytes, where the schema says nothing.
const DEFAULT_BYTES: usize = 256;

/// A definition's contract on values, as it is stored and as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ValueSchema {
    /// Text.
    String {
        /// Most bytes; 256 when absent or 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_len: Option<usize>,
    },
    /// One of some words.
    Enum {
        /// The words.
        values: Vec<String>,
    },
    /// A whole number.
    Numeric {
        /// The least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<i64>,
        /// The greatest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
    },
    /// True or false.
    Boolean,
}

impl ValueSchema {
    /// Text of up to 256 bytes: what a key is that nobody defined before its first use.
    pub fn plain() -> Self {
        Self::String { max_len: None }
    }

    /// Whether a value satisfies it. Text with control characters never does: labels are shown on terminals.
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::String { max_len } => {
                let most = max_len.filter(|bytes| *bytes > 0).unwrap_or(DEFAULT_BYTES);
                value
                    .as_str()
                    .is_some_and(|text| text.len() <= most && !text.contains(char::is_control))
            }
            Self::Enum { values } => value
                .as_str()
                .is_some_and(|text| values.iter().any(|word| word == text)),
            Self::Numeric { min, max } => value.as_i64().is_some_and(|number| {
                min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
            }),
            Self::Boolean => value.is_boolean(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_held_to_their_schema() {
        let plain = ValueSchema::plain();
        assert!(
            plain.accepts(&json!("x".repeat(256)))
                && plain.accepts(&json!(""))
                && plain.accepts(&json!("ä b"))
        );
        for bad in [
            json!("x".repeat(257)),
            json!("a\u{1b}"),
            json!("\n"),
            json!(1),
            json!(null),
            json!({}),
        ] {
            assert!(!plain.accepts(&bad), "{bad}");
        }
        assert!(!ValueSchema::String { max_len: Some(2) }.accepts(&json!("abc")));
        assert!(ValueSchema::String { max_len: Some(0) }.accepts(&json!("abc")));
        let words = ValueSchema::Enum {
            values: vec!["a".into(), "b".into()],
        };
        assert!(words.accepts(&json!("b")) && !words.accepts(&json!("c")) && !words.accepts(&json!(true)));
        let number = ValueSchema::Numeric {
            min: Some(-1),
            max: Some(5),
        };
        assert!(number.accepts(&json!(-1)) && number.accepts(&json!(5)));
        assert!(!number.accepts(&json!(6)) && !number.accepts(&json!(-2)) && !number.accepts(&json!("1")));
        assert!(!number.accepts(&json!(1.5)));
        assert!(
            ValueSchema::Boolean.accepts(&json!(false)) && !ValueSchema::Boolean.accepts(&json!("false"))
        );
    }

    #[test]
    fn schemas_are_stored_as_they_travel() {
        let text = serde_json::to_string(&ValueSchema::plain()).unwrap();
        assert_eq!(text, r#"{"kind":"string"}"#);
        let read: ValueSchema = serde_json::from_str(r#"{"kind":"enum","values":["a"]}"#).unwrap();
        assert_eq!(
            read,
            ValueSchema::Enum {
                values: vec!["a".into()]
            }
        );
    }
}
