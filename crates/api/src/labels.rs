//! Labels on objects (`api.md` §6, decision 24).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Puts one label on an object: exactly one of `definition_id` and `key`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelAssignmentRequest {
    /// The definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<Uuid>,
    /// A bare key; defines a plain string key in the project when there is none (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value; it must satisfy the definition's schema.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub value: serde_json::Value,
}

/// A label on an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelAssignment {
    /// The definition; absent once orphaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<Uuid>,
    /// The definition's full key.
    pub qualified_key: String,
    /// For example `node`.
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
