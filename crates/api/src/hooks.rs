//! Hooks and the digests pinned for them (decision 12): script hooks (*beyond*), and those of Kubernetes.

use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whether what a node declares is what was pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HookStatus {
    /// The declared digest is the pinned one.
    Pinned,
    /// The declared digest differs; dispatches are refused until it is accepted.
    Drifted,
    /// Pinned, but no longer declared.
    Absent,
}

/// A script hook on one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeHook {
    /// The node.
    pub node_id: Uuid,
    /// Its name.
    pub node_name: String,
    /// The hook's name.
    pub name: String,
    /// The verdict.
    pub status: HookStatus,
    /// SHA-256 that dispatches rely on, base64.
    pub pinned_checksum: String,
    /// SHA-256 that the node declares now, base64; absent when it declares none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_checksum: Option<String>,
    /// When the digest was pinned.
    pub pinned_at: Timestamp,
    /// From the sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

page! {
    /// Script hooks, by node id and name.
    NodeHookList of NodeHook
}

/// Pins the digest that a node declares now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HookAcceptRequest {
    /// The node.
    pub node_id: Uuid,
    /// The hook's name.
    pub name: String,
    /// The digest to pin: base64 for a script hook, `sha256:` and 64 hex digits for the image of a Kubernetes hook. It
    /// must be the one declared now, so that nobody accepts what they have not seen.
    pub checksum: String,
}

/// A Kubernetes hook as a node last declared it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiscoveredHook {
    /// The node.
    pub node_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// The resource's name.
    pub name: String,
    /// `sha256:` and 64 hex digits: the image that the node sees now.
    #[cfg_attr(feature = "openapi", schema(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub image_digest: String,
    /// Whether that is the digest first catalogued for this hook on this node.
    pub image_digest_match: bool,
    /// The digest first catalogued (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_image_digest: Option<String>,
}

page! {
    /// Kubernetes hooks, by node id and name.
    HookList of DiscoveredHook
}
