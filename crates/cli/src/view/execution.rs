//! Executions and their targets.

use crate::document::Members;
use crate::listing::Row;
use jiff::Timestamp;
use plex_api::Base64Bytes;
use plex_api::executions::ExecutionStatus;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How many targets are in which status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts one more.
    pub(crate) fn add(&mut self, status: &str) {
        match self.0.get_mut(status) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(status.to_owned(), 1)),
        }
    }

    /// `done/total`.
    pub(crate) fn progress(&self) -> String {
        let done: u64 = self
            .0
            .iter()
            .filter(|(word, _)| is_over(word))
            .map(|(_, count)| count)
            .sum();
        let total: u64 = self.0.values().sum();
        format!("{done}/{total}")
    }

    /// How they ended: `2 succeeded, 1 failed`, in the order of the enumeration, unknown words last.
    pub(crate) fn endings(&self) -> String {
        let known = ExecutionStatus::ALL
            .iter()
            .filter(|status| status.is_terminal())
            .map(|s| s.as_str());
        let unknown = self
            .0
            .keys()
            .map(String::as_str)
            .filter(|word| ExecutionStatus::parse(word).is_none());
        let words = known.chain(unknown);
        let counted = words.filter_map(|word| Some((self.0.get(word).filter(|count| **count > 0)?, word)));
        counted
            .map(|(count, word)| format!("{count} {word}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn is_over(word: &str) -> bool {
    ExecutionStatus::parse(word).is_some_and(ExecutionStatus::is_terminal)
}

/// An execution without its targets.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// The execution's id.
    pub(crate) id: Uuid,
    /// The owning project.
    pub(crate) project_id: Uuid,
    /// The action's name.
    pub(crate) action: String,
    /// Where the action comes from.
    pub(crate) kind: String,
    /// The aggregate status.
    pub(crate) status: String,
    /// When it was dispatched.
    pub(crate) created_at: Timestamp,
    /// When any target last advanced.
    pub(crate) updated_at: Timestamp,
    /// How its targets stand, where the server says so.
    pub(crate) counts: Option<Counts>,
}

/// Why members make no head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeadError {
    /// This one has not come yet.
    Missing(&'static str),
    /// One is not what the contract says.
    Wrong(String),
}

impl Head {
    /// Reads the members seen so far.
    pub(crate) fn read(members: &Members) -> Result<Self, HeadError> {
        // Required by the contract, though not shown.
        let _: Uuid = required(members, "domain_id")?;
        Ok(Self {
            id: required(members, "id")?,
            project_id: required(members, "project_id")?,
            action: required(members, "action")?,
            kind: required(members, "type")?,
            status: required(members, "status")?,
            created_at: required(members, "created_at")?,
            updated_at: required(members, "updated_at")?,
            counts: member::<Option<Counts>>(members, "target_counts")?.flatten(),
        })
    }

    /// The block that text shows.
    pub(crate) fn block(&self, counts: &Counts) -> Vec<(&'static str, String)> {
        let endings = counts.endings();
        let endings = if endings.is_empty() {
            endings
        } else {
            format!(" ({endings})")
        };
        vec![
            ("id", self.id.to_string()),
            ("project", self.project_id.to_string()),
            ("action", format!("{} ({})", self.action, self.kind)),
            ("status", self.status.clone()),
            ("created", self.created_at.to_string()),
            ("updated", self.updated_at.to_string()),
            ("targets", format!("{}{endings}", counts.progress())),
        ]
    }
}

fn required<'a, T: Deserialize<'a>>(members: &'a Members, name: &'static str) -> Result<T, HeadError> {
    member(members, name)?.ok_or(HeadError::Missing(name))
}

fn member<'a, T: Deserialize<'a>>(members: &'a Members, name: &'static str) -> Result<Option<T>, HeadError> {
    let found = members.0.iter().find(|(key, _)| key == name);
    let read = |raw: &'a RawValue| {
        serde_json::from_str(raw.get()).map_err(|cause| HeadError::Wrong(format!("{name}: {cause}")))
    };
    found.map(|(_, raw)| read(raw)).transpose()
}

/// What became of an execution on one node.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    /// The node.
    pub(crate) node_id: Uuid,
    /// Its name.
    #[serde(default)]
    pub(crate) node_name: Option<String>,
    /// The invocation's status.
    pub(crate) status: String,
    /// Required by the contract, though not shown.
    #[serde(rename = "created_at")]
    _created_at: Timestamp,
    /// When it last advanced.
    pub(crate) updated_at: Timestamp,
    /// The process's exit code.
    #[serde(default)]
    pub(crate) exit_code: Option<i64>,
    /// Why it failed.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// Where its output is.
    #[serde(default)]
    output_ref: Option<OutputRef>,
}

#[derive(Debug, Clone, Deserialize)]
struct OutputRef {
    kind: String,
    #[serde(default)]
    inline_bytes: Option<Base64Bytes>,
    #[serde(default)]
    bucket: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
}

/// A target's output as the contract tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output<'a> {
    /// Nothing collected, or nothing yet.
    None,
    /// Collected, but not for this caller's eyes (decision 11).
    Withheld,
    /// The bytes.
    Inline(&'a [u8]),
    /// In the object store.
    Archived {
        /// The bucket.
        bucket: &'a str,
        /// The key in it.
        key: &'a str,
        /// SHA-256 of the object in lowercase hex.
        sha256: Option<&'a str>,
    },
    /// Kept in a way that this version does not know.
    Unknown(&'a str),
}

impl Target {
    /// Its output.
    ///
    /// # Errors
    /// An object without a place is not what the contract says.
    pub(crate) fn output(&self) -> Result<Output<'_>, String> {
        let Some(output) = &self.output_ref else {
            return Ok(Output::None);
        };
        Ok(match output.kind.as_str() {
            "inline" => match &output.inline_bytes {
                Some(bytes) => Output::Inline(&bytes.0),
                None => Output::Withheld,
            },
            "object_store" => Output::Archived {
                bucket: output
                    .bucket
                    .as_deref()
                    .ok_or("output_ref: missing field `bucket`")?,
                key: output.key.as_deref().ok_or("output_ref: missing field `key`")?,
                sha256: output.sha256.as_deref(),
            },
            unknown => Output::Unknown(unknown),
        })
    }
}

/// An execution in a list.
#[derive(Deserialize)]
pub(crate) struct ExecutionRow {
    id: Uuid,
    #[serde(rename = "project_id")]
    _project_id: Uuid,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    action: String,
    r#type: String,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    target_counts: Option<Counts>,
    #[serde(default)]
    targets_truncated: bool,
    targets: Vec<TargetStatus>,
}

#[derive(Deserialize)]
struct TargetStatus {
    #[serde(rename = "node_id")]
    _node_id: Uuid,
    status: String,
    #[serde(rename = "created_at")]
    _created_at: Timestamp,
    #[serde(rename = "updated_at")]
    _updated_at: Timestamp,
}

impl Row for ExecutionRow {
    const HEADERS: &'static [&'static str] =
        &["ID", "ACTION", "TYPE", "STATUS", "TARGETS", "CREATED", "UPDATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.action.clone(),
            self.r#type.clone(),
            self.status.clone(),
            self.progress(),
            self.created_at.to_string(),
            self.updated_at.to_string(),
        ]
    }
}

impl ExecutionRow {
    fn progress(&self) -> String {
        if let Some(counts) = &self.target_counts {
            return counts.progress();
        }
        let mut counts = Counts::default();
        self.targets.iter().for_each(|target| counts.add(&target.status));
        let more = if self.targets_truncated { "+" } else { "" };
        format!("{}{more}", counts.progress())
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Head, HeadError, Output, Target};
    use crate::document::Members;

    const ID: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";

    fn target(output: &str) -> Result<Target, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"node_id":"{ID}","status":"shiny","created_at":"2026-01-01T00:00:00Z",
            "updated_at":"2026-01-01T01:00:00+01:00","extra":[1]{output}}}"#
        ))
    }

    #[test]
    fn unknown_words_and_fields_are_taken_as_they_are() {
        let target = target(r#","output_ref":{"kind":"tape","reel":7}"#).expect("a target");
        assert_eq!(target.status, "shiny");
        assert_eq!(target.output(), Ok(Output::Unknown("tape")));
        assert_eq!(target.updated_at.to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn an_output_is_one_of_what_the_contract_names() {
        let none = target("").expect("a target");
        assert_eq!(none.output(), Ok(Output::None));
        let null = target(r#","output_ref":null"#).expect("a target");
        assert_eq!(null.output(), Ok(Output::None));
        let inline = target(r#","output_ref":{"kind":"inline","inline_bytes":"AP8="}"#).expect("a target");
        assert_eq!(inline.output(), Ok(Output::Inline(&[0, 255])));
        let withheld = target(r#","output_ref":{"kind":"inline"}"#).expect("a target");
        assert_eq!(withheld.output(), Ok(Output::Withheld));
        let nowhere = target(r#","output_ref":{"kind":"object_store","bucket":"b"}"#).expect("a target");
        assert!(nowhere.output().is_err());
        for wrong in [
            r#","output_ref":{}"#,
            r#","output_ref":{"kind":"inline","inline_bytes":"AP8"}"#,
            r#","status":1"#,
        ] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_head_says_what_it_lacks() {
        let members: Members =
            serde_json::from_str(&format!(r#"{{"domain_id":"{ID}","id":"x"}}"#)).expect("members");
        assert!(matches!(Head::read(&members), Err(HeadError::Wrong(_))));
        let members: Members = serde_json::from_str(&format!(r#"{{"domain_id":"{ID}"}}"#)).expect("members");
        assert_eq!(Head::read(&members).err(), Some(HeadError::Missing("id")));
    }

    #[test]
    fn counts_tell_done_total_and_endings() {
        let mut counts = Counts::default();
        assert_eq!(
            (counts.progress(), counts.endings()),
            ("0/0".to_owned(), String::new())
        );
        for word in ["timeout", "pending", "succeeded", "succeeded", "limbo"] {
            counts.add(word);
        }
        assert_eq!(counts.progress(), "3/5");
        assert_eq!(counts.endings(), "2 succeeded, 1 timeout, 1 limbo");
    }
}
