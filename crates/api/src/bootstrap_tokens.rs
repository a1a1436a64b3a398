//! Bootstrap tokens and registration (`api.md` §8, decisions 22–25).

use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What kind of node redeems the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// An ordinary node.
    Node,
    /// A bridge.
    Bridge,
}

impl NodeKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Bridge => "bridge",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Node, Self::Bridge]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// Asks for a bootstrap token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BootstrapTokenIssueRequest {
    /// Who redeems it.
    pub kind: NodeKind,
    /// A segment of the token's text.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 32, pattern = "^[a-z]+$")
    )]
    pub env_prefix: String,
    /// How long it can be redeemed.
    #[cfg_attr(feature = "openapi", schema(minimum = 300, maximum = 86400))]
    pub ttl_seconds: u32,
    /// How often it can be redeemed; once when absent (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100000))]
    pub max_uses: Option<u32>,
    /// Labels that a node gets on redemption (*beyond*, decision 24).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The token, shown this once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BootstrapTokenIssueResponse {
    /// The token's id.
    pub token_id: Uuid,
    /// The secret.
    #[cfg_attr(feature = "openapi", schema(extensions(("x-plexsphere-once" = json!(true)))))]
    pub token: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A bootstrap token without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BootstrapTokenMetadata {
    /// The token's id.
    pub id: Uuid,
    /// Its project.
    pub project_id: Uuid,
    /// Who redeems it.
    pub kind: NodeKind,
    /// A segment of the token's text.
    pub env_prefix: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When its last use was spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Who issued it.
    pub issued_by_user_id: Uuid,
    /// How often it can be redeemed (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// How often it was (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Labels that a node gets on redemption (*beyond*).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

page! {
    /// Bootstrap tokens, newest first.
    BootstrapTokenList of BootstrapTokenMetadata
}

/// A machine asks to become a node; the bootstrap token is its credential.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// Must be the token's project.
    pub project_id: Uuid,
    /// The node's name (decision 23).
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub resource_handle: String,
    /// The bootstrap token.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub bootstrap_token: String,
    /// Unique within the project; a repeat is refused.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub nonce: String,
    /// X25519 public key, base64, not all zero.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 44, max_length = 44, pattern = "^[A-Za-z0-9+/]{43}=$")
    )]
    pub public_key: String,
    /// Overrides the handle; empty is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub requested_resource_id: Option<String>,
}

impl std::fmt::Debug for RegisterRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterRequest")
            .field("project_id", &self.project_id)
            .field("resource_handle", &self.resource_handle)
            .finish_non_exhaustive()
    }
}

/// What the new node needs to know.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterResponse {
    /// The node's id.
    pub node_id: Uuid,
    /// Its address in the mesh pool.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub mesh_ip: String,
    /// The domain's Ed25519 key, 32 raw bytes in base64.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub signing_public_key: String,
    /// The name of that key.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub signing_key_id: String,
    /// The node's secret key, 32 bytes in base64; shown this once.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, extensions(("x-plexsphere-once" = json!(true)))))]
    pub nsk: String,
    /// Always empty: there is no mesh here (decision 23).
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub peer_snapshot: Vec<serde_json::Value>,
    /// The domain's mesh pool.
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 49,
            pattern = "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
        )
    )]
    pub domain_mesh_cidr: String,
}

impl std::fmt::Debug for RegisterResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterResponse")
            .field("node_id", &self.node_id)
            .finish_non_exhaustive()
    }
}
