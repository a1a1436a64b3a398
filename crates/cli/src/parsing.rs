//! Readers of single arguments. What they refuse never leaves the machine (exit 2).

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use plex_domain::label::ScopeRef;
use serde_json::Value;
use uuid::Uuid;

/// Reads a UUID as the contract writes it: any version but nil, with hyphens.
pub(crate) fn id(text: &str) -> Result<Uuid, String> {
    match Uuid::try_parse(text) {
        Ok(id) if id.is_nil() => Err("the nil UUID names nothing".to_owned()),
        Ok(id) if text.len() == 36 => Ok(id),
        Ok(_) | Err(_) => Err("not a UUID such as 0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0".to_owned()),
    }
}

/// Reads `key=value`; the value may be empty and may contain `=`.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("not key=value".to_owned()),
    }
}

/// Reads whose a label definition is: `platform`, `domain:<uuid>` or `project:<uuid>`.
pub(crate) fn scope(text: &str) -> Result<ScopeRef, String> {
    ScopeRef::parse(text).ok_or_else(|| "not platform, domain:<uuid> or project:<uuid>".to_owned())
}

/// Reads a JSON value.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|cause| format!("not JSON: {cause}"))
}

/// Reads a time.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "not a time such as 2026-11-01T08:00:00Z".to_owned())
}

/// Reads one of the words of an enumeration.
pub(crate) fn words<const N: usize>(words: [&'static str; N]) -> PossibleValuesParser {
    PossibleValuesParser::new(words)
}

/// The id of the one thing a command is about, given by place or by flag.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Identified {
    /// Its id
    #[arg(value_name = "ID", value_parser = id)]
    place: Option<Uuid>,
    /// Its id
    #[arg(long = "id", value_name = "UUID", value_parser = id)]
    flag: Option<Uuid>,
}

impl Identified {
    /// The id.
    pub(crate) fn id(&self) -> Uuid {
        self.place
            .or(self.flag)
            .expect("the group requires one of the two")
    }
}

#[cfg(test)]
mod tests {
    use super::{id, label};

    #[test]
    fn every_version_but_nil_is_an_id() {
        for text in [
            "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0",
            "0190A8B8-A0C0-4A0A-8A0A-A0A0A0A0A0C0",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ] {
            assert!(id(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "{0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0}",
            "urn:uuid:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0",
            "0190a8b8a0c07a0a8a0aa0a0a0a0a0c0",
            "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c",
            "../../x",
        ] {
            assert!(id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_label_needs_a_key() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(label("a="), Ok(("a".to_owned(), String::new())));
        assert!(label("=b").is_err() && label("ab").is_err());
    }
}
