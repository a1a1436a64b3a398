//! Questions about relations (`api.md` §4). Their outcomes are data: a denial is an answer, not an error.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Asks whether somebody may.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RebacCheckRequest {
    /// `type:id`, for example `user:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject: String,
    /// A relation or a permission, for example `dispatch`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// `type:id`, for example `project:<uuid>`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource: String,
    /// Values for caveats, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<Map<String, Value>>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RebacDecision {
    /// The subject has it.
    Allowed,
    /// It has not.
    Denied,
}

/// Why a check was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RebacReason {
    /// No relation reaches the resource, or the caller may not know of it.
    OutOfScope,
    /// Relations reach it, and none grants what was asked for.
    InsufficientRelation,
    /// What would grant it stands on a condition that does not hold, or lacks a value.
    CaveatViolation,
    /// It cannot be decided: the relations reach too deep or too far.
    Unknown,
}

/// Whether somebody may.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RebacCheckResponse {
    /// The outcome.
    pub decision: RebacDecision,
    /// The relations that grant it, from the resource to the subject; empty for the relation itself. Only when
    /// allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    pub relation_path: Option<Vec<String>>,
    /// Only when denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = RebacReason, required = false))]
    pub reason: Option<RebacReason>,
    /// Pairs the answer with the server's log.
    pub correlation_id: String,
}

/// Asks on which objects somebody has a permission.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupResourcesRequest {
    /// `type:id`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject: String,
    /// A relation or a permission.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// The type to enumerate, for example `project`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource_type: String,
    /// Values for caveats, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<Map<String, Value>>,
}

/// Asks who has a permission on an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupSubjectsRequest {
    /// The type to enumerate, for example `user`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject_type: String,
    /// A relation or a permission.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub relation: String,
    /// `type:id`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource: String,
    /// Values for caveats, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<Map<String, Value>>,
}

/// All that a look-up found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RebacLookupResponse {
    /// `type:id`, in the order in which they were made.
    pub items: Vec<String>,
    /// Pairs the answer with the server's log.
    pub correlation_id: String,
}
