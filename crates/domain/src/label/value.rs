//! What values a label may have.

use super::{DEFAULT_VALUE_BYTES, MAX_PATTERN_BYTES, MAX_VALUE_BYTES, MAX_WORDS};
use plex_api::labels::{LabelValueSchema, ValueSchemaKind};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most memory of a compiled pattern, and of what its matching keeps, in bytes.
const COMPILED_BYTES: usize = 256 * 1024;
/// How deep a pattern may nest.
const NESTING: u32 = 32;

/// A definition's contract on values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSchema {
    /// Text.
    String {
        /// Most bytes; 256 when absent.
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
        min: Option<i64>,
        /// The greatest.
        max: Option<i64>,
    },
    /// True or false.
    Boolean,
    /// Text that a pattern matches as a whole.
    Regex {
        /// The pattern.
        pattern: String,
    },
}

/// Why a schema is none; the text is for a problem's `detail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub &'static str);

impl ValueSchema {
    /// Text of up to 256 bytes: what a key is that nobody defined before its first use.
    pub fn plain() -> Self {
        Self::String { max_len: None }
    }

    /// The schema of a request.
    ///
    /// # Errors
    /// When it contradicts itself, or says what its kind does not have.
    pub fn read(wanted: &LabelValueSchema) -> Result<Self, SchemaError> {
        require_own_members(wanted)?;
        match wanted.kind {
            ValueSchemaKind::String => Ok(Self::String {
                max_len: max_len(wanted.max_len)?,
            }),
            ValueSchemaKind::Enum => Ok(Self::Enum {
                values: words(wanted.values.as_deref())?,
            }),
            ValueSchemaKind::Numeric => match (wanted.min, wanted.max) {
                (Some(min), Some(max)) if min > max => Err(SchemaError("min is greater than max")),
                (min, max) => Ok(Self::Numeric { min, max }),
            },
            ValueSchemaKind::Boolean => Ok(Self::Boolean),
            ValueSchemaKind::Regex => {
                let pattern = wanted.pattern.clone().filter(|pattern| !pattern.is_empty());
                let pattern = pattern.ok_or(SchemaError("a regex needs a pattern"))?;
                compile(&pattern)?;
                Ok(Self::Regex { pattern })
            }
        }
    }

    /// The schema as it travels and as it is stored.
    pub fn to_api(&self) -> LabelValueSchema {
        let empty = |kind| LabelValueSchema {
            kind,
            max_len: None,
            values: None,
            min: None,
            max: None,
            pattern: None,
        };
        match self {
            Self::String { max_len } => LabelValueSchema {
                max_len: max_len.and_then(|bytes| i64::try_from(bytes).ok()),
                ..empty(ValueSchemaKind::String)
            },
            Self::Enum { values } => LabelValueSchema {
                values: Some(values.clone()),
                ..empty(ValueSchemaKind::Enum)
            },
            Self::Numeric { min, max } => LabelValueSchema {
                min: *min,
                max: *max,
                ..empty(ValueSchemaKind::Numeric)
            },
            Self::Boolean => empty(ValueSchemaKind::Boolean),
            Self::Regex { pattern } => LabelValueSchema {
                pattern: Some(pattern.clone()),
                ..empty(ValueSchemaKind::Regex)
            },
        }
    }

    /// Whether a value satisfies it. Text with control characters never does: labels are shown on terminals.
    pub fn accepts(&self, value: &Value) -> bool {
        self.checker().accepts(value)
    }

    /// The same for many values: a pattern is compiled once.
    pub fn checker(&self) -> Checker<'_> {
        let pattern = match self {
            Self::Regex { pattern } => compile(pattern).ok(),
            Self::String { .. } | Self::Enum { .. } | Self::Numeric { .. } | Self::Boolean => None,
        };
        Checker {
            schema: self,
            pattern,
        }
    }
}

/// A schema, ready to judge values.
#[derive(Debug)]
pub struct Checker<'s> {
    schema: &'s ValueSchema,
    pattern: Option<Regex>,
}

impl Checker<'_> {
    /// Whether a value satisfies the schema.
    pub fn accepts(&self, value: &Value) -> bool {
        match self.schema {
            ValueSchema::String { max_len } => text(value, max_len.unwrap_or(DEFAULT_VALUE_BYTES)).is_some(),
            ValueSchema::Enum { values } => value
                .as_str()
                .is_some_and(|text| values.iter().any(|word| word == text)),
            ValueSchema::Numeric { min, max } => value.as_i64().is_some_and(|number| {
                min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
            }),
            ValueSchema::Boolean => value.is_boolean(),
            // A pattern that no longer compiles accepts nothing.
            ValueSchema::Regex { .. } => text(value, DEFAULT_VALUE_BYTES)
                .zip(self.pattern.as_ref())
                .is_some_and(|(text, pattern)| pattern.is_match(text)),
        }
    }
}

/// The text of a value, when it is short enough and holds no control character.
fn text(value: &Value, most: usize) -> Option<&str> {
    value
        .as_str()
        .filter(|text| text.len() <= most && !text.contains(char::is_control))
}

fn require_own_members(wanted: &LabelValueSchema) -> Result<(), SchemaError> {
    let given = [
        (wanted.max_len.is_some(), ValueSchemaKind::String),
        (wanted.values.is_some(), ValueSchemaKind::Enum),
        (wanted.min.is_some(), ValueSchemaKind::Numeric),
        (wanted.max.is_some(), ValueSchemaKind::Numeric),
        (wanted.pattern.is_some(), ValueSchemaKind::Regex),
    ];
    if given.iter().any(|(given, kind)| *given && *kind != wanted.kind) {
        return Err(SchemaError(
            "max_len is for string, values for enum, min and max for numeric, pattern for regex",
        ));
    }
    Ok(())
}

fn max_len(wanted: Option<i64>) -> Result<Option<usize>, SchemaError> {
    let bytes = wanted.map(usize::try_from).transpose();
    let bytes = bytes.ok().filter(|bytes| bytes.unwrap_or(0) <= MAX_VALUE_BYTES);
    let bytes = bytes.ok_or(SchemaError("max_len takes 0 to 4096"))?;
    Ok(bytes.filter(|bytes| *bytes > 0))
}

fn words(wanted: Option<&[String]>) -> Result<Vec<String>, SchemaError> {
    let words = wanted.unwrap_or_default();
    if !(1..=MAX_WORDS).contains(&words.len()) {
        return Err(SchemaError("an enum needs 1 to 256 values"));
    }
    let is_word = |word: &String| {
        word.len() <= DEFAULT_VALUE_BYTES && !word.trim().is_empty() && !word.contains(char::is_control)
    };
    if !words.iter().all(is_word) {
        return Err(SchemaError(
            "the values of an enum have 1 to 256 bytes, are not blank and hold no control character",
        ));
    }
    if words.iter().collect::<BTreeSet<_>>().len() < words.len() {
        return Err(SchemaError("the values of an enum are different from each other"));
    }
    Ok(words.to_vec())
}

/// The pattern, tied to both ends of what it is tried on.
fn compile(pattern: &str) -> Result<Regex, SchemaError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(SchemaError("a pattern has at most 512 bytes"));
    }
    let build = |text: &str| {
        let built = RegexBuilder::new(text)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(COMPILED_BYTES)
            .nest_limit(NESTING)
            .build();
        built.map_err(|_| SchemaError("the pattern is no regular expression, or needs too much memory"))
    };
    // By itself first: the ties must not be what makes it one.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(schema: Value) -> Result<ValueSchema, SchemaError> {
        ValueSchema::read(&serde_json::from_value(schema).unwrap())
    }

    #[test]
    fn text_is_short_and_holds_no_control_character() {
        let plain = ValueSchema::plain();
        for good in [json!("x".repeat(256)), json!(""), json!("ä b")] {
            assert!(plain.accepts(&good), "{good}");
        }
        for bad in [
            json!("x".repeat(257)),
            json!("a\u{1b}"),
            json!("\n"),
            json!(1),
            json!(null),
            json!({}),
            json!(["x"]),
        ] {
            assert!(!plain.accepts(&bad), "{bad}");
        }
        let two = read(json!({"kind": "string", "max_len": 2})).unwrap();
        assert!(
            two.accepts(&json!("ä")) && !two.accepts(&json!("äb")),
            "bytes are counted"
        );
        assert_eq!(
            read(json!({"kind": "string", "max_len": 0})),
            Ok(ValueSchema::plain())
        );
    }

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let schema = read(json!({"kind": "regex", "pattern": "a|bc"})).unwrap();
        for (value, expected) in [
            ("a", true),
            ("bc", true),
            ("ac", false),
            ("xa", false),
            ("abc", false),
            ("a\n", false),
        ] {
            assert_eq!(schema.accepts(&json!(value)), expected, "{value:?}");
        }
        let dates = read(json!({"kind": "regex", "pattern": "[0-9]{4}-[0-9]{2}"})).unwrap();
        assert!(dates.accepts(&json!("2026-11")) && !dates.accepts(&json!("2026-11-01")));
        let anything = read(json!({"kind": "regex", "pattern": "(?s).*"})).unwrap();
        assert!(!anything.accepts(&json!("\u{1b}[31m")) && !anything.accepts(&json!("x".repeat(257))));
    }

    #[test]
    fn contradictions_are_no_schemas() {
        for bad in [
            json!({"kind": "string", "max_len": -1}),
            json!({"kind": "string", "max_len": 4097}),
            json!({"kind": "string", "pattern": "a"}),
            json!({"kind": "enum"}),
            json!({"kind": "enum", "values": []}),
            json!({"kind": "enum", "values": ["a", "a"]}),
            json!({"kind": "enum", "values": [" "]}),
            json!({"kind": "enum", "values": ["a\u{7}"]}),
            json!({"kind": "enum", "values": vec!["x"; 257]}),
            json!({"kind": "numeric", "min": 2, "max": 1}),
            json!({"kind": "boolean", "max_len": 1}),
            json!({"kind": "regex"}),
            json!({"kind": "regex", "pattern": ""}),
            json!({"kind": "regex", "pattern": "("}),
            json!({"kind": "regex", "pattern": "a)(b"}),
            json!({"kind": "regex", "pattern": "(?=a)"}),
            json!({"kind": "regex", "pattern": r"(a)\1"}),
            json!({"kind": "regex", "pattern": "((a{1,999}){1,999}){1,999}"}),
            json!({"kind": "regex", "pattern": "(".repeat(40) + &")".repeat(40)}),
            json!({"kind": "regex", "pattern": "a".repeat(513)}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    /// A schema, and what it says of a value, written down a second time.
    fn naive(schema: &LabelValueSchema, value: &Value) -> bool {
        let short = |most: usize| {
            let text = value.as_str()?;
            (text.len() <= most && text.chars().all(|c| !c.is_control())).then_some(text)
        };
        match schema.kind {
            ValueSchemaKind::String => {
                let most = schema.max_len.filter(|bytes| *bytes > 0).unwrap_or(256);
                short(usize::try_from(most).unwrap()).is_some()
            }
            ValueSchemaKind::Enum => {
                let words = schema.values.as_ref().unwrap();
                matches!(value, Value::String(text) if words.contains(text))
            }
            ValueSchemaKind::Numeric => match value.to_string().parse::<i64>() {
                Ok(number) if value.is_number() => {
                    number >= schema.min.unwrap_or(i64::MIN) && number <= schema.max.unwrap_or(i64::MAX)
                }
                Ok(_) | Err(_) => false,
            },
            ValueSchemaKind::Boolean => value == &json!(true) || value == &json!(false),
            // The generated pattern is `[ab]{1,n}`.
            ValueSchemaKind::Regex => {
                let most: usize = schema.pattern.as_ref().unwrap()[7..8].parse().unwrap();
                short(256).is_some_and(|text| {
                    (1..=most).contains(&text.len()) && text.chars().all(|c| matches!(c, 'a' | 'b'))
                })
            }
        }
    }

    fn any_schema() -> impl Strategy<Value = LabelValueSchema> {
        let schema = |schema: Value| serde_json::from_value::<LabelValueSchema>(schema).unwrap();
        let bound = || prop::option::of(-3..4_i64);
        prop_oneof![
            prop::option::of(0..5_i64).prop_map(move |n| schema(json!({"kind": "string", "max_len": n}))),
            prop::collection::btree_set("[a-c]{1,2}", 1..4)
                .prop_map(move |words| schema(json!({"kind": "enum", "values": words}))),
            (bound(), bound()).prop_map(move |(a, b)| {
                let (min, max) = if a.zip(b).is_some_and(|(a, b)| a > b) {
                    (b, a)
                } else {
                    (a, b)
                };
                schema(json!({"kind": "numeric", "min": min, "max": max}))
            }),
            Just(schema(json!({"kind": "boolean"}))),
            (1..4_u8)
                .prop_map(move |n| schema(json!({"kind": "regex", "pattern": format!("[ab]{{1,{n}}}")}))),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "[a-cé\n]{0,5}".prop_map(Value::from),
            (-5..6_i64).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!(["a"])),
            Just(json!({"a": "a"})),
        ]
    }

    proptest! {
        #[test]
        fn a_schema_judges_as_a_naive_one_and_reads_back(schema in any_schema(), value in any_value()) {
            let read = ValueSchema::read(&schema).unwrap();
            prop_assert_eq!(read.accepts(&value), naive(&schema, &value), "{:?} {}", schema, value);
            prop_assert_eq!(ValueSchema::read(&read.to_api()), Ok(read));
        }

        #[test]
        fn no_pattern_makes_it_panic(pattern in ".{0,60}", value in ".{0,20}") {
            let schema = json!({"kind": "regex", "pattern": pattern});
            if let Ok(schema) = read(schema) {
                let _ = schema.accepts(&json!(value));
            }
        }
    }
}
