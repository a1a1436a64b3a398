//! Labels, what they are defined to be, and what a search finds.

use crate::listing::Row;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A label's definition.
#[derive(Deserialize)]
pub(crate) struct DefinitionRow {
    id: Uuid,
    qualified_key: String,
    value_schema: Schema,
    applicable_kinds: Vec<String>,
    on_delete: String,
    cardinality: u64,
    immutable: bool,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Schema {
    kind: String,
}

impl Row for DefinitionRow {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "KEY",
        "VALUES",
        "MOST",
        "IMMUTABLE",
        "APPLIES TO",
        "ON DELETE",
        "CREATED",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.qualified_key.clone(),
            self.value_schema.kind.clone(),
            self.cardinality.to_string(),
            self.immutable.to_string(),
            self.applicable_kinds.join(","),
            self.on_delete.clone(),
            self.created_at.to_string(),
        ]
    }
}

/// A label on an object.
#[derive(Deserialize)]
pub(crate) struct AssignmentRow {
    #[serde(default)]
    definition_id: Option<Uuid>,
    /// The label's full key.
    pub(crate) qualified_key: String,
    object_kind: String,
    value: Value,
    assigned_by: String,
    assigned_at: Timestamp,
}

impl Row for AssignmentRow {
    const HEADERS: &'static [&'static str] = &["KEY", "VALUE", "OF", "BY", "ASSIGNED", "DEFINITION"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.qualified_key.clone(),
            value(&self.value),
            self.object_kind.clone(),
            self.assigned_by.clone(),
            self.assigned_at.to_string(),
            self.definition_id
                .map_or_else(|| "orphaned".to_owned(), |id| id.to_string()),
        ]
    }
}

/// A value: text without quotes, everything else as JSON.
fn value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An object that a search found.
#[derive(Deserialize)]
pub(crate) struct HitRow {
    kind: String,
    id: Uuid,
}

impl Row for HitRow {
    const HEADERS: &'static [&'static str] = &["KIND", "ID"];

    fn cells(&self) -> Vec<String> {
        vec![self.kind.clone(), self.id.to_string()]
    }
}

/// What a selector means, or what is wrong with it.
#[derive(Deserialize)]
pub(crate) struct Preview {
    #[serde(default)]
    ast: Option<Node>,
    /// The faults.
    #[serde(default)]
    pub(crate) errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Node {
    op: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    children: Vec<Node>,
}

/// A fault in a selector.
#[derive(Deserialize)]
pub(crate) struct Fault {
    /// Byte offset.
    pub(crate) position: usize,
    /// What is wrong.
    pub(crate) message: String,
}

impl Preview {
    /// What the selector asks of an object, a line for each condition.
    pub(crate) fn conditions(&self) -> Vec<String> {
        match &self.ast {
            None => Vec::new(),
            Some(node) if node.op == "and" => node.children.iter().map(condition).collect(),
            Some(node) => vec![condition(node)],
        }
    }
}

fn condition(node: &Node) -> String {
    let key = node.key.as_deref().unwrap_or_default();
    let value = node.value.as_deref().unwrap_or_default();
    match node.op.as_str() {
        "eq" => format!("{key} is {value:?}"),
        "neq" => format!("{key} is not {value:?}, or absent"),
        "in" => format!("{key} is one of {:?}", node.values),
        "exists" => format!("{key} is there"),
        "absent" => format!("{key} is absent"),
        other => format!("{key} {other} {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Preview;

    #[test]
    fn a_selector_is_told_in_words() {
        let text = r#"{"ast":{"op":"and","children":[{"op":"eq","key":"env","value":"prod"},
            {"op":"in","key":"tier","values":["a","b"]},{"op":"absent","key":"old"}]}}"#;
        let preview: Preview = serde_json::from_str(text).unwrap();
        assert_eq!(
            preview.conditions(),
            [
                "env is \"prod\"",
                "tier is one of [\"a\", \"b\"]",
                "old is absent"
            ]
        );
        let one: Preview = serde_json::from_str(r#"{"ast":{"op":"exists","key":"env"}}"#).unwrap();
        assert_eq!(one.conditions(), ["env is there"]);
    }
}
