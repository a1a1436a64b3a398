//! Rows about what nodes declare and find, and how full domains are.

use crate::listing::Row;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// A node's manifest.
#[derive(Deserialize)]
pub(crate) struct CapabilityRow {
    node_id: Uuid,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    binary_version: String,
    status: String,
    reported_at: Timestamp,
    #[serde(default)]
    builtin_actions: Vec<Box<RawValue>>,
    #[serde(default)]
    declared_hooks: Vec<Box<RawValue>>,
}

impl Row for CapabilityRow {
    const HEADERS: &'static [&'static str] = &["NODE", "STATUS", "VERSION", "BUILTINS", "HOOKS", "REPORTED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.node_id.to_string(),
            self.status.clone(),
            self.binary_version.clone(),
            self.builtin_actions.len().to_string(),
            self.declared_hooks.len().to_string(),
            self.reported_at.to_string(),
        ]
    }
}

/// A Kubernetes hook on a node.
#[derive(Deserialize)]
pub(crate) struct DiscoveredHookRow {
    /// The node.
    pub(crate) node_id: Uuid,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    /// The hook's name.
    pub(crate) name: String,
    /// The image that the node declares now.
    pub(crate) image_digest: String,
    image_digest_match: bool,
    /// The image that is catalogued.
    #[serde(default)]
    pub(crate) pinned_image_digest: Option<String>,
}

impl Row for DiscoveredHookRow {
    const HEADERS: &'static [&'static str] = &["NODE", "HOOK", "MATCH", "IMAGE", "CATALOGUED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.node_id.to_string(),
            self.name.clone(),
            self.image_digest_match.to_string(),
            self.image_digest.clone(),
            self.pinned_image_digest.clone().unwrap_or_default(),
        ]
    }
}

/// Something that a node found changed.
#[derive(Deserialize)]
pub(crate) struct ViolationRow {
    id: Uuid,
    node_id: Uuid,
    #[serde(rename = "domain_id")]
    _domain_id: Uuid,
    kind: String,
    status: String,
    artifact_id: String,
    detected_at: Timestamp,
    #[serde(default)]
    acknowledge_reason: Option<String>,
}

impl Row for ViolationRow {
    const HEADERS: &'static [&'static str] =
        &["ID", "NODE", "KIND", "ARTIFACT", "STATUS", "DETECTED", "REASON"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.node_id.to_string(),
            self.kind.clone(),
            self.artifact_id.clone(),
            self.status.clone(),
            self.detected_at.to_string(),
            self.acknowledge_reason.clone().unwrap_or_default(),
        ]
    }
}

/// That a node was asked to change its key.
#[derive(Deserialize)]
pub(crate) struct RotationView {
    #[serde(rename = "node_id")]
    _node_id: Uuid,
    #[serde(rename = "requested_at")]
    _requested_at: Timestamp,
}

/// How full a domain is.
#[derive(Deserialize)]
pub(crate) struct CapacityView {
    /// When it was measured.
    pub(crate) sampled_at: Timestamp,
    /// The axes, in the server's order.
    pub(crate) dimensions: Vec<CapacityRow>,
}

/// One axis.
#[derive(Deserialize)]
pub(crate) struct CapacityRow {
    dimension: String,
    unit: String,
    used: f64,
    target: f64,
    ratio: f64,
}

impl Row for CapacityRow {
    const HEADERS: &'static [&'static str] = &["DIMENSION", "USED", "TARGET", "RATIO", "UNIT"];

    fn cells(&self) -> Vec<String> {
        let target = (self.target > 0.0).then(|| self.target.to_string());
        let ratio = (self.target > 0.0).then(|| format!("{:.3}", self.ratio));
        vec![
            self.dimension.clone(),
            self.used.to_string(),
            target.unwrap_or_default(),
            ratio.unwrap_or_default(),
            self.unit.clone(),
        ]
    }
}
