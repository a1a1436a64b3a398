//! Relation tuples: who holds which relation on what (`api.md` §4).

use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Grants a relation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationTupleCreateRequest {
    /// `type:id`, for example `user:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject: String,
    /// For example `operator`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// `type:id`, for example `project:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource: String,
    /// Caveat to attach: `within_time_window`, `from_cidr` or `requires_assurance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub caveat_name: Option<String>,
    /// Values for the caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A granted relation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationTuple {
    /// The tuple's id.
    pub id: Uuid,
    /// `type:id`.
    pub subject: String,
    /// The relation.
    pub relation: String,
    /// `type:id`.
    pub resource: String,
    /// Values for the caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<serde_json::Map<String, serde_json::Value>>,
    /// When it was granted.
    pub created_at: Timestamp,
}

/// Puts another relation in the place of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationTuplePatchRequest {
    /// `type:id`, for example `user:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject: String,
    /// For example `operator`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// `type:id`, for example `project:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource: String,
    /// Caveat to attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub caveat_name: Option<String>,
    /// Values for the caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<serde_json::Map<String, serde_json::Value>>,
}

impl From<RelationTuplePatchRequest> for RelationTupleCreateRequest {
    /// The two are the same, field for field.
    fn from(patch: RelationTuplePatchRequest) -> Self {
        Self {
            subject: patch.subject,
            relation: patch.relation,
            resource: patch.resource,
            caveat_name: patch.caveat_name,
            caveat_context: patch.caveat_context,
        }
    }
}

page! {
    /// Tuples that the caller may read, oldest first.
    RelationTupleList of RelationTuple
}
