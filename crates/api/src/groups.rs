//! Groups of identities: beyond the published contract, where they are only named as subjects of relations.

use crate::page::page;
use crate::relations::RelationTuple;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Makes a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupCreateRequest {
    /// Whose it is; absent for the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<Uuid>,
    /// Its handle, unique there and never changed.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub slug: String,
    /// Its display name; the handle when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: Option<String>,
}

/// A group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupResponse {
    /// Its id; `group:<id>#member` is the subject of what is granted to its members.
    pub id: Uuid,
    /// Whose it is; absent for the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Uuid, required = false))]
    pub domain_id: Option<Uuid>,
    /// Its handle.
    pub slug: String,
    /// Its display name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

page! {
    /// Groups that the caller may see, oldest first.
    GroupList of GroupResponse
}

/// Makes somebody a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMemberRequest {
    /// `user:<uuid>`, `service-identity:<uuid>` or `group:<uuid>#member`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub subject: String,
    /// Caveat to attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub caveat_name: Option<String>,
    /// Values for the caveat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub caveat_context: Option<Map<String, Value>>,
}

page! {
    /// The memberships of a group, as relation tuples, oldest first.
    GroupMemberList of RelationTuple
}
