//! What travels on a node's event stream (`api.md` §7.2, §10.2).

use crate::executions::ActionKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The event type of a dispatched action.
pub const ACTION_REQUEST: &str = "action_request";
/// The event type that tells a node to pull its state.
pub const NODE_STATE_UPDATED: &str = "node_state_updated";
/// The event type that asks a node to hand in a new key of its own (*beyond*); its payload says nothing more.
pub const ROTATE_NODE_KEY: &str = "rotate_node_key";
/// Seconds between keep-alive comments on an idle stream.
pub const KEEP_ALIVE_SECONDS: u64 = 25;
/// How far, in seconds, an envelope's `issued_at` may be from the node's clock.
pub const MAX_SIGNATURE_AGE_SECONDS: i64 = 300;

/// A signed event. The signed bytes are this document, compact and in this order, without `signature`;
/// `domain::envelope` makes and verifies it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// The event's id.
    pub id: String,
    /// The event's type.
    pub r#type: String,
    /// Whom it concerns: `node:<uuid>`.
    pub scope: String,
    /// Which domain key signed it.
    pub key_id: String,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// The event itself; in a node's state it is an `action_request`.
    #[cfg_attr(feature = "openapi", schema(value_type = ActionRequest))]
    pub payload: Box<RawValue>,
    /// Ed25519 over the signed bytes, base64.
    pub signature: String,
}

/// The payload of an `action_request`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SSEEventActionRequest))]
pub struct ActionRequest {
    /// Fresh for each delivery.
    pub event_id: Uuid,
    /// When it was made.
    pub occurred_at: Timestamp,
    /// The execution; all its targets share it.
    pub execution_id: Uuid,
    /// The one addressed node.
    pub node_id: Uuid,
    /// The action's name.
    pub action: String,
    /// Where the action comes from.
    pub r#type: ActionKind,
    /// An object, or null when the dispatch had none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Box<RawValue>>,
    /// The deadline in seconds after the dispatch.
    pub timeout_seconds: u32,
    /// Where to report. Agents rebuild it from their own base URL.
    pub callback_url: String,
    /// The deadline by the server's clock (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The hook's pinned SHA-256, base64 (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}
