//! Domains: the outer level of tenancy (`api.md` §5).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Makes a domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainCreateRequest {
    /// Display name; not blank.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: String,
    /// Globally unique handle; it never changes.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub slug: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub description: Option<String>,
    /// Where its data belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub region: Option<String>,
    /// Pool of mesh addresses; overlaps no other domain's. The next free `10.n.0.0/16` when absent (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            max_length = 49,
            pattern = "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
        )
    )]
    pub mesh_cidr: Option<String>,
    /// How nodes are judged; the platform's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachability: Option<DomainReachabilityPolicy>,
}

/// Changes a domain: at least one member, and none but these. The slug never changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DomainPatchRequest {
    /// Display name; not blank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
    pub name: Option<String>,
    /// Free text; `""` clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub description: Option<String>,
    /// Where its data belongs; `""` for nowhere in particular (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub region: Option<String>,
    /// Another pool of mesh addresses. It must hold every sub-range and every address handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            max_length = 49,
            pattern = "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
        )
    )]
    pub mesh_cidr: Option<String>,
    /// How nodes are judged; replaces all three values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachability: Option<DomainReachabilityPolicy>,
}

/// How nodes are judged: Go durations such as `30s`, `5m`, `1h`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainReachabilityPolicy {
    /// How often nodes report: 10 s to 1 h.
    pub heartbeat_interval: String,
    /// When a silent node is stale: at least three intervals, at most 1 h.
    pub stale_after: String,
    /// When it is unreachable: at least twice `stale_after`, at most 1 h.
    pub unreachable_after: String,
}

/// A domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainResponse {
    /// The domain's id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// Globally unique handle.
    pub slug: String,
    /// `""` when unset.
    #[serde(default)]
    pub description: String,
    /// Where its data belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub region: Option<String>,
    /// Pool of mesh addresses.
    #[cfg_attr(
        feature = "openapi",
        schema(
            max_length = 49,
            pattern = "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
        )
    )]
    pub mesh_cidr: String,
    /// How nodes are judged.
    pub reachability: DomainReachabilityPolicy,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Why a list is empty.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum EmptyReason {
    /// There were rows, and the caller may see none of them.
    NoRebacMembership,
}

/// Domains, by slug.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainList {
    /// The items of this page.
    pub items: Vec<DomainResponse>,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// `no_rebac_membership` when there were rows and the caller may see none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<EmptyReason>))]
    pub empty_reason: Option<String>,
}
