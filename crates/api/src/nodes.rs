//! Nodes: what the fleet consists of, and what each node may ask and tell (`api.md` §7).

use crate::executions::{ActionKind, ExecutionStatus};
use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How recently a node was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReachabilityState {
    /// Heard within 90 s.
    Healthy,
    /// Not heard for 90 s.
    Stale,
    /// Not heard for 300 s.
    Unreachable,
    /// Never heard.
    NeverReported,
}

/// The server's verdict on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reachability {
    /// The verdict.
    pub state: ReachabilityState,
    /// Absent before the first heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat_at: Option<Timestamp>,
    /// When the verdict last changed.
    pub changed_at: Timestamp,
}

/// A node as operators see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeSummary {
    /// The node's id.
    pub id: Uuid,
    /// The name it registered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domain.
    pub domain_id: Uuid,
    /// `node` or `bridge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When it registered.
    pub created_at: Timestamp,
    /// Its project (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// Its labels, local key to value (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub labels: Option<BTreeMap<String, serde_json::Value>>,
    /// The server's verdict (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachability: Option<Reachability>,
    /// The agent's version (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_version: Option<String>,
    /// When it last sent a manifest (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_at: Option<Timestamp>,
    /// When its key was revoked (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was asked for a new key that it has not used yet (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotation_requested_at: Option<Timestamp>,
    /// When its key last changed (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotated_at: Option<Timestamp>,
}

/// A request that a node change its key (*beyond*).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeKeyRotation {
    /// The node.
    pub node_id: Uuid,
    /// When it was first asked.
    pub requested_at: Timestamp,
}

/// A node's next key (*beyond*). It has no `Debug`: it is a secret.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NodeKeyRequest {
    /// 32 random bytes, base64. The node has them on disk before it sends them.
    #[cfg_attr(feature = "openapi", schema(min_length = 44, max_length = 44))]
    pub nsk: String,
}

/// The answer to a node's next key (*beyond*).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeKeyResponse {
    /// When it was stored.
    pub accepted_at: Timestamp,
    /// Until when the key before stays valid, unless the new one is used earlier.
    pub previous_key_until: Timestamp,
}

page! {
    /// Nodes, by id.
    NodeList of NodeSummary
}

/// What a node pulls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeStateSnapshot {
    /// Always empty: there is no mesh here (decision 23).
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub peers: Vec<serde_json::Value>,
    /// The server's verdict on this node.
    pub reachability: Reachability,
    /// Always null: no policies here.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, required))]
    pub policy: Option<serde_json::Value>,
    /// Always null: no bridges here.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, required))]
    pub bridge: Option<serde_json::Value>,
    /// Always null: no node-state buckets here.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, required))]
    pub state: Option<serde_json::Value>,
    /// Mirrors `state`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, required))]
    pub reports: Option<serde_json::Value>,
    /// Invocations that are not terminal, by `requested_at`, then `execution_id`.
    pub executions: Vec<NodeStateExecution>,
    /// Always empty: no access sessions here.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub sessions: Vec<serde_json::Value>,
}

/// An invocation that waits for its node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeStateExecution {
    /// The execution.
    pub execution_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Where the action comes from.
    pub r#type: ActionKind,
    /// An object, or null when the dispatch had none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Box<RawValue>>,
    /// `pending`, `ack` or `started`.
    #[cfg_attr(feature = "openapi", schema(value_type = QueuedStatus))]
    pub status: ExecutionStatus,
    /// When it was dispatched.
    pub requested_at: Timestamp,
    /// The deadline.
    pub expires_at: Timestamp,
    /// The freshly signed [`crate::events::ActionRequest`] (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::events::Envelope>))]
    pub envelope: Option<Box<RawValue>>,
}

/// The statuses of what waits.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum QueuedStatus {
    /// Dispatched; the node has not answered.
    Pending,
    /// The node has it.
    Ack,
    /// The node runs it.
    Started,
}

/// A sign of life.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HeartbeatRequest {
    /// The agent's clock; at most 60 s off.
    pub client_now: Timestamp,
    /// SHA-256 of the agent's executable, base64.
    #[cfg_attr(feature = "openapi", schema(min_length = 44, max_length = 44, format = Byte))]
    pub binary_checksum: String,
    /// The agent's version.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub binary_version: String,
    /// Free-form; `{}` is allowed, null is not.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub nat_summary: serde_json::Map<String, serde_json::Value>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeartbeatResponse {
    /// When it was stored.
    pub accepted_at: Timestamp,
    /// Pull the state now.
    pub reconcile: bool,
    /// A mesh key rotation is pending; never here.
    pub rotate_keys: bool,
    /// The node is asked to hand in a new key of its own (*beyond*).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotate_node_key: bool,
}

/// What a node can run; a full snapshot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CapabilityManifestRequest {
    /// The agent's version.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub binary_version: String,
    /// SHA-256 of the agent's executable, base64.
    #[cfg_attr(feature = "openapi", schema(format = Byte))]
    pub binary_checksum: String,
    /// `SHA256:<base64>`, or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub ssh_host_key_fingerprint: Option<String>,
    /// Executables in the hooks directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 128))]
    pub declared_hooks: Vec<DeclaredHook>,
    /// Discovered Kubernetes hooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 128))]
    pub plexd_hooks: Vec<PlexdHook>,
    /// Actions compiled into the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 128))]
    pub builtin_actions: Vec<BuiltinAction>,
}

/// An executable that a node offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeclaredHook {
    /// The file's name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub name: String,
    /// SHA-256 of the file, base64.
    #[cfg_attr(feature = "openapi", schema(format = Byte))]
    pub checksum: String,
    /// From the sidecar (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// From the sidecar (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// From the sidecar (*beyond*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<BuiltinActionParameter>,
}

/// A discovered Kubernetes hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlexdHook {
    /// The resource's name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub name: String,
    /// `sha256:` and 64 hex digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub image_digest: String,
    /// Parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Deadline in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub timeout_seconds: Option<i64>,
    /// Whether it runs in a sandbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
}

/// An action compiled into the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BuiltinAction {
    /// What a dispatch names.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub description: Option<String>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub parameters: Vec<BuiltinActionParameter>,
}

/// A parameter of an action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BuiltinActionParameter {
    /// The key in `parameters`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub name: String,
    /// Free-form: `string`, `int`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub r#type: Option<String>,
    /// Whether it must be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What holds when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub default: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub description: Option<String>,
    /// Its value is shown nowhere but on the node (*beyond*, decision 5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// The answer to a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityManifestResponse {
    /// When it was stored.
    pub accepted_at: Timestamp,
    /// Which fields differ from the manifest before, sorted.
    #[cfg_attr(feature = "openapi", schema(max_items = 256))]
    pub fields_changed: Vec<String>,
    /// Whether the fingerprint changed.
    pub host_key_changed: bool,
}

/// Whether a node is as its references say: the pinned digests of its hooks, and the binary of its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CapabilityStatus {
    /// Everything that has a reference agrees with it.
    Match,
    /// A hook differs from its pinned digest, or the running binary from the declared one.
    Drift,
    /// No reference on record.
    Unknown,
}

/// A node's manifest as operators see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityRow {
    /// The node.
    pub node_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// The agent's version.
    pub binary_version: String,
    /// SHA-256 of the agent's executable, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Byte))]
    pub binary_checksum: Option<String>,
    /// The verdict.
    pub status: CapabilityStatus,
    /// When the manifest came.
    pub reported_at: Timestamp,
    /// Actions compiled into the agent.
    pub builtin_actions: Vec<BuiltinAction>,
    /// Executables it offers (*beyond*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared_hooks: Vec<DeclaredHook>,
}

page! {
    /// Manifests, by node id.
    CapabilityRowList of CapabilityRow
}
