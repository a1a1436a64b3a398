//! Labels on objects, and what they are defined to be (`api.md` §6, decision 24).

use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// Declares an enumeration of words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of that word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}

words! {
    /// Whose a definition is, or where a search looks.
    LabelScope {
        /// Everybody's.
        Platform = "platform",
        /// A domain's.
        Domain = "domain",
        /// A project's.
        Project = "project",
    }
}

words! {
    /// What becomes of the labels when their definition is deleted.
    OnDelete {
        /// The definition stays while there are any.
        Block = "block",
        /// They go with it.
        Cascade = "cascade",
        /// They stay, without a definition, and are never selected again.
        Orphan = "orphan",
    }
}

words! {
    /// What kind of values a definition takes.
    ValueSchemaKind {
        /// Text.
        String = "string",
        /// One of some words.
        Enum = "enum",
        /// A whole number.
        Numeric = "numeric",
        /// True or false.
        Boolean = "boolean",
        /// Text that a pattern matches from its first character to its last.
        Regex = "regex",
    }
}

/// What values a definition takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelValueSchema {
    /// The kind of values.
    pub kind: ValueSchemaKind,
    /// Most bytes of a `string`: at most 4096; 256 when 0 or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub max_len: Option<i64>,
    /// The words of an `enum`: unique, none blank, each at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 256))]
    pub values: Option<Vec<String>>,
    /// The least of a `numeric`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// The greatest of a `numeric`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// The pattern of a `regex`, as RE2 writes it. It must match the whole value, which has at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// Defines a label.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelDefinitionRequest {
    /// Whose it is.
    pub scope: LabelScope,
    /// The domain or project; absent or the nil UUID for the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_id: Option<Uuid>,
    /// 1–64 of `a-z 0-9 . _ -`, no separator at either end; not beginning with `plexsphere.`, which is reserved.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub local_key: String,
    /// What it says of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 512))]
    pub description: Option<String>,
    /// What values it takes.
    pub value_schema: LabelValueSchema,
    /// Kinds of objects that may have it; those that have labels here are `node` and `project`.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 64))]
    pub applicable_kinds: Vec<String>,
    /// Whether objects without it count as having `default_value`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Used with `required`; it must satisfy the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub default_value: Option<serde_json::Value>,
    /// Whether schema and values stay as they are first set. A label may still be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Whether clouds mirror it as a tag; kept, without effect here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_tag_propagation: Option<bool>,
    /// `block` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
    /// Most values on one object; 1 when absent, 0 for as many as an object can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub cardinality: Option<u32>,
}

/// Changes a definition: at least one member. Scope, key, immutability and cardinality never change; naming them
/// is refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelDefinitionUpdateRequest {
    /// What it says of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 512))]
    pub description: Option<String>,
    /// What values it takes; every label there is must satisfy it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_schema: Option<LabelValueSchema>,
    /// Replaces the list; the kinds of objects that have such a label must stay in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub applicable_kinds: Option<Vec<String>>,
    /// Whether objects without it count as having `default_value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Another default; `null` for none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub default_value: Option<serde_json::Value>,
    /// Whether clouds mirror it as a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_tag_propagation: Option<bool>,
    /// What becomes of the labels when it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
}

/// A null that was written is a value, not an absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}

/// Who made a definition.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum DefinedBy {
    /// Somebody.
    User,
    /// The platform came with it.
    System,
}

/// A label's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelDefinition {
    /// The definition's id.
    pub id: Uuid,
    /// Whose it is.
    pub scope: LabelScope,
    /// The domain or project; the nil UUID for the platform.
    pub scope_id: Uuid,
    /// The key within its scope.
    pub local_key: String,
    /// The key everywhere: `platform/<key>`, `<domain>/<key>` or `<domain>:<project>/<key>`.
    pub qualified_key: String,
    /// What values it takes.
    pub value_schema: LabelValueSchema,
    /// Kinds of objects that may have it.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub applicable_kinds: Vec<String>,
    /// What becomes of the labels when it is deleted.
    pub on_delete: OnDelete,
    /// Most values on one object; 0 for as many as an object can have.
    pub cardinality: u32,
    /// Whether schema and values stay as they are first set.
    pub immutable: bool,
    /// Whether clouds mirror it as a tag.
    pub cloud_tag_propagation: bool,
    /// What it says of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `user` or `system`.
    #[cfg_attr(feature = "openapi", schema(value_type = DefinedBy))]
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

page! {
    /// Label definitions of one scope, by key.
    LabelDefinitionList of LabelDefinition
}

/// Puts one label on an object: exactly one of `definition_id` and `key`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelAssignmentRequest {
    /// The definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<Uuid>,
    /// A bare key, which defines a plain string key in the project when there is none, or a qualified key (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value; it must satisfy the definition's schema.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub value: serde_json::Value,
}

/// A label on an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelAssignment {
    /// The definition; absent once orphaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<Uuid>,
    /// The definition's full key.
    pub qualified_key: String,
    /// The kind of the object that has it: `node`, or `project` for what a node has from its project.
    pub object_kind: String,
    /// The object.
    pub object_id: Uuid,
    /// The value.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub value: serde_json::Value,
    /// `user` or `system`.
    pub assigned_by: String,
    /// When it was last written.
    pub assigned_at: Timestamp,
}

/// All labels of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelAssignmentList {
    /// The labels, by key.
    pub items: Vec<LabelAssignment>,
}

#[cfg(test)]
mod tests {
    use super::{LabelDefinitionUpdateRequest, OnDelete, ValueSchemaKind};
    use serde_json::{Value, json};

    #[test]
    fn a_default_of_null_is_not_an_absent_default() {
        let read = |body: Value| serde_json::from_value::<LabelDefinitionUpdateRequest>(body).unwrap();
        assert_eq!(
            read(json!({"default_value": null})).default_value,
            Some(Value::Null)
        );
        assert_eq!(read(json!({})).default_value, None);
    }

    #[test]
    fn words_read_as_they_are_written() {
        for word in OnDelete::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
            assert_eq!(OnDelete::parse(word.as_str()), Some(*word));
        }
        for word in ValueSchemaKind::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
    }
}
