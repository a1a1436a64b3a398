//! Integrity violations: what nodes found changed, and what operators say about it (`api.md` §7.3).
//!
//! Nodes and operators have different words for the same kinds; both are the contract's.

use crate::page::page;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A node's findings; stored together or not at all.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IntegrityViolationsRequest {
    /// 1 to 128 findings.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 128))]
    pub violations: Vec<IntegrityViolationRequest>,
}

/// What a node can find changed.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ReportedKind {
    /// Its own executable.
    BinaryChecksum,
    /// A hook.
    HookChecksum,
    /// The host key.
    SshHostKey,
}

/// How it was found.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Detector {
    /// When the agent started.
    StartupScan,
    /// When the file changed.
    Inotify,
    /// Before the hook ran.
    PreDispatch,
}

/// One finding. The words are checked apart from the form, because each fault has a code of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IntegrityViolationRequest {
    /// `binary_checksum`, `hook_checksum` or `ssh_host_key`.
    #[cfg_attr(feature = "openapi", schema(value_type = ReportedKind))]
    pub kind: String,
    /// `startup_scan`, `inotify` or `pre_dispatch`.
    #[cfg_attr(feature = "openapi", schema(value_type = Detector))]
    pub detected_by: String,
    /// The hook's name, the binary's label or the key's file.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub artifact_id: String,
    /// SHA-256 that was found, base64; required for the checksum kinds, forbidden for `ssh_host_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Byte))]
    pub observed_checksum: Option<String>,
    /// SHA-256 that was expected, base64; only for the checksum kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Byte))]
    pub expected_checksum: Option<String>,
    /// `SHA256:<base64>` that was found; required for `ssh_host_key`, forbidden for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^SHA256:[A-Za-z0-9+/]+={0,2}$"))]
    pub observed_fingerprint: Option<String>,
    /// `SHA256:<base64>` that was expected; only for `ssh_host_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^SHA256:[A-Za-z0-9+/]+={0,2}$"))]
    pub expected_fingerprint: Option<String>,
}

/// The answer to a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IntegrityViolationsResponse {
    /// When it was stored.
    pub accepted_at: Timestamp,
    /// The size of the batch.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 128))]
    pub violation_count: u32,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The value of that word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What was found changed, in the words of operators.
    IntegrityViolationKind {
        /// The agent's executable; a node says `binary_checksum`.
        Binary = "binary",
        /// A hook; a node says `hook_checksum`.
        Hook = "hook",
        /// The SSH host key; a node says `ssh_host_key`.
        HostKey = "host_key",
    }
}

words! {
    /// How far a violation has been dealt with.
    IntegrityViolationStatus {
        /// Nobody has said anything about it.
        Open = "open",
        /// An operator has said why it is as it is.
        Acknowledged = "acknowledged",
        /// Cleared; nothing reaches this here.
        Resolved = "resolved",
    }
}

words! {
    /// What found it.
    IntegrityDetector {
        /// A look at the agent's start.
        StartupScan = "startup_scan",
        /// A watch on the file.
        Inotify = "inotify",
        /// The check before a run.
        PreDispatch = "pre_dispatch",
    }
}

impl IntegrityViolationKind {
    /// The kind of a node's word.
    pub fn of_node(word: &str) -> Option<Self> {
        match word {
            "binary_checksum" => Some(Self::Binary),
            "hook_checksum" => Some(Self::Hook),
            "ssh_host_key" => Some(Self::HostKey),
            _ => None,
        }
    }
}

/// A violation as operators see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IntegrityViolationRow {
    /// The violation.
    pub id: Uuid,
    /// The node that reported it.
    pub node_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// What was found changed.
    pub kind: IntegrityViolationKind,
    /// How far it has been dealt with.
    pub status: IntegrityViolationStatus,
    /// The hook's name, the binary's label or the key's file, in the node's words.
    pub artifact_id: String,
    /// When it was first reported.
    pub detected_at: Timestamp,
    /// Absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// Who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by_subject: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_reason: Option<String>,
}

page! {
    /// Violations, newest first.
    IntegrityViolationList of IntegrityViolationRow
}

/// What an operator says about a violation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IntegrityViolationAcknowledgeRequest {
    /// Why it is as it is.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    pub reason: String,
}
