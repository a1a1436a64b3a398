//! Error bodies: RFC 9457 problem documents (`api.md` §1.5).

use crate::capacity::CapacityDimension;
use crate::executions::ExecutionStatus;
use serde::{Deserialize, Serialize};

/// An error answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `https://plexsphere.com/errors/` and the code with `-` for `_`.
    pub r#type: String,
    /// Short label; do not match on it.
    pub title: String,
    /// Repeats the HTTP status.
    pub status: u16,
    /// What happened this time, and how to mend it.
    pub detail: String,
    /// The request's path.
    pub instance: String,
    /// Machine code, one of [`crate::codes::ALL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The invocation's status when the callback came (409 of the callback, *beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_status: Option<ExecutionStatus>,
    /// Which axis is full (`capacity_exceeded`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub dimension: Option<CapacityDimension>,
    /// What the domain still holds (`domain_not_empty`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_counts: Option<DomainChildCounts>,
    /// What the project still holds (`project_not_empty`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_child_counts: Option<ProjectChildCounts>,
    /// Pairs with the server's log; the header `X-Correlation-Id` repeats it.
    pub correlation_id: String,
}

/// What a domain holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainChildCounts {
    /// Projects.
    pub projects: u64,
    /// Groups.
    pub groups: u64,
    /// Users and service identities; always 0, since they belong to the platform.
    pub identities: u64,
    /// Bindings to identity providers.
    pub idp_bindings: u64,
    /// Nodes, revoked ones too.
    pub nodes: u64,
}

/// What a project holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectChildCounts {
    /// Resources; there are none here (decision 23).
    pub resources: u64,
    /// Nodes, revoked ones too: the execution log tells of them.
    pub nodes: u64,
    /// Relations that somebody holds on the project.
    pub relation_tuples: u64,
}

/// A 403 that says which relation was missing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionDenied {
    /// `https://plexsphere.com/errors/` and the code with `-` for `_`.
    pub r#type: String,
    /// Short label; do not match on it.
    pub title: String,
    /// Always 403.
    pub status: u16,
    /// What was denied.
    pub detail: String,
    /// The request's path.
    pub instance: String,
    /// `rebac_denied`, `node_id_mismatch` or `nsk_node_mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why.
    pub reason: DenialReason,
    /// Relations walked, for example `["domain:acme#admin"]`; empty when decided early.
    #[serde(default)]
    pub relation_path: Vec<String>,
    /// Pairs with the audit entry.
    pub correlation_id: String,
}

/// Why a relation check said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DenialReason {
    /// The caller has no binding to the object.
    OutOfScope,
    /// The caller is bound, but nothing grants the action.
    InsufficientRelation,
    /// The relation would grant it, but its caveat was false.
    CaveatViolation,
}

impl DenialReason {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfScope => "out_of_scope",
            Self::InsufficientRelation => "insufficient_relation",
            Self::CaveatViolation => "caveat_violation",
        }
    }
}

/// The URI of a problem code.
pub fn type_uri(code: &str) -> String {
    format!("https://plexsphere.com/errors/{}", code.replace('_', "-"))
}
