//! The audit chain on the wire (`api.md` §12, decision 29).

use crate::Base64Bytes;
use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How a decision went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditReason {
    /// Allowed.
    Granted,
    /// No binding to the object.
    OutOfScope,
    /// Bound, but nothing grants the action.
    InsufficientRelation,
    /// A caveat was false.
    CaveatViolation,
    /// Itself an anomaly.
    Unknown,
}

impl AuditReason {
    /// Every word.
    pub const ALL: [Self; 5] = [
        Self::Granted,
        Self::OutOfScope,
        Self::InsufficientRelation,
        Self::CaveatViolation,
        Self::Unknown,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::OutOfScope => "out_of_scope",
            Self::InsufficientRelation => "insufficient_relation",
            Self::CaveatViolation => "caveat_violation",
            Self::Unknown => "unknown",
        }
    }

    /// The reason of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its place in the chain, from 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, value_type = i64))]
    pub seq: u64,
    /// The domain whose chain it is; the nil UUID is the platform's.
    pub domain_id: Uuid,
    /// When the decision fell.
    pub occurred_at: Timestamp,
    /// Why it fell so.
    pub reason: AuditReason,
    /// Who.
    pub subject: AuditSubject,
    /// The relation or permission that was checked.
    pub relation: String,
    /// On what.
    pub object: AuditObject,
    /// The outcome.
    pub decision: AuditDecision,
    /// The request: what its answer has as `X-Correlation-Id`.
    pub correlation_id: String,
    /// The client.
    pub request_context: AuditRequestContext,
    /// Links the entry to those before it, in lowercase hex.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub entry_hash: String,
    /// The hash of the entry before; 64 zeros for the first.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub prev_hash: String,
    /// How many equal decisions the entry stands for (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// More about what was done (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditSubject {
    /// The identity's name in this chain, in lowercase hex: stable here, and not to be linked with its name in
    /// another.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub pseudonym: String,
    /// The identity; absent once it is erased, and for the control plane itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_id_ref: Option<Uuid>,
    /// What the identity is: `user`, `service-identity`, `node` or `system`; absent once it is erased (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_kind: Option<String>,
}

/// What was acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditObject {
    /// For example `domain` or `node`.
    pub r#type: String,
    /// Its id.
    pub id: String,
}

/// A decision's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditDecision {
    /// How it went.
    pub result: AuditReason,
    /// The caveats that were evaluated, each with the names of its parameters, never their values.
    pub caveat_context: BTreeMap<String, Vec<String>>,
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRequestContext {
    /// The client's address, that before the trusted proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

page! {
    /// A page of a chain, in its order.
    AuditEntryList of AuditEntry
}

/// An entry with the bytes that it is hashed from: a line of an export, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntryProof {
    /// The entry.
    pub entry: AuditEntry,
    /// What proves it.
    pub proof: AuditProof,
}

/// `entry_hash = SHA-256(prev_hash ‖ SHA-256(canonical_bytes))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditProof {
    /// As the entry's.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub prev_hash: String,
    /// As the entry's.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub entry_hash: String,
    /// The bytes to hash.
    pub canonical_bytes: Base64Bytes,
}

/// Which part of a chain to verify; all of it when empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditChainVerifyRequest {
    /// Where to begin; the chain's start when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, value_type = Option<i64>))]
    pub from_seq: Option<u64>,
    /// Where to end; the chain's end when absent or beyond it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, value_type = Option<i64>))]
    pub to_seq: Option<u64>,
}

/// What is wrong with the first entry that is not what it was (*beyond*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditFinding {
    /// It is not there.
    Missing,
    /// Its hash is not that of its bytes, or not the one that the next entry or the chain's seal was made for.
    Altered,
    /// It is another entry, or hangs on another than the one before it.
    Unlinked,
    /// What is shown of it is not what its bytes say.
    FieldsDiffer,
    /// Nothing vouches for the chain's end: entries may be missing after it.
    Unsealed,
}

impl AuditFinding {
    /// What it means, in words that fit after "entry 7".
    pub fn as_text(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Altered => "was altered",
            Self::Unlinked => "is not the one that was here, or entries before it are gone",
            Self::FieldsDiffer => "shows something other than its hashed bytes say",
            Self::Unsealed => "is the last, and nothing vouches that no entry is missing after it",
        }
    }
}

/// How a verification went. A divergence is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditChainVerifyResult {
    /// Whether the segment is what it was.
    pub ok: bool,
    /// The first entry that is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub divergent_seq: Option<u64>,
    /// The hash that it should have, as far as the others tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub expected_hash: Option<String>,
    /// The hash that it has; absent when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub observed_hash: Option<String>,
    /// What is wrong with it (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<AuditFinding>,
    /// Where the walk began.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, value_type = i64))]
    pub segment_from: u64,
    /// Where it ended.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, value_type = i64))]
    pub segment_to: u64,
    /// The hash of the last entry, to be kept elsewhere and compared later (*beyond*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub segment_hash: Option<String>,
}

/// An erased identity (*beyond*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasedIdentity {
    /// The identity, which names nobody any more.
    pub id: Uuid,
    /// When it was erased.
    pub erased_at: Timestamp,
}
