//! What values a label takes, as flags.

use crate::parsing;
use plex_api::labels::{LabelValueSchema, ValueSchemaKind};

/// The kind of values, and what belongs to it.
#[derive(clap::Args)]
pub(crate) struct SchemaArgs {
    /// What kind of values it takes
    #[arg(long, value_name = "KIND",
        value_parser = parsing::words(["string", "enum", "numeric", "boolean", "regex"]))]
    value_kind: Option<String>,
    /// Most bytes of a string; 256 when absent
    #[arg(long, value_name = "N", requires = "value_kind", value_parser = clap::value_parser!(i64).range(0..=4096))]
    max_len: Option<i64>,
    /// A word of an enum; repeat it for each
    #[arg(long, value_name = "WORD", requires = "value_kind")]
    word: Vec<String>,
    /// The least of a numeric
    #[arg(
        long,
        value_name = "N",
        requires = "value_kind",
        allow_negative_numbers = true
    )]
    min: Option<i64>,
    /// The greatest of a numeric
    #[arg(
        long,
        value_name = "N",
        requires = "value_kind",
        allow_negative_numbers = true
    )]
    max: Option<i64>,
    /// The pattern of a regex, which must match a value as a whole
    #[arg(long, value_name = "REGEX", requires = "value_kind")]
    pattern: Option<String>,
}

impl SchemaArgs {
    /// The schema, where one was given.
    pub(crate) fn schema(&self) -> Option<LabelValueSchema> {
        let kind = ValueSchemaKind::parse(self.value_kind.as_deref()?)?;
        Some(LabelValueSchema {
            kind,
            max_len: self.max_len,
            values: Some(self.word.clone()).filter(|words| !words.is_empty()),
            min: self.min,
            max: self.max,
            pattern: self.pattern.clone(),
        })
    }

    /// Any text of up to 256 bytes.
    pub(crate) fn plain() -> LabelValueSchema {
        LabelValueSchema {
            kind: ValueSchemaKind::String,
            max_len: None,
            values: None,
            min: None,
            max: None,
            pattern: None,
        }
    }
}
