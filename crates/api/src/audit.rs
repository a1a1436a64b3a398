//! Words of the audit chain (`api.md` §12, decision 29).

use serde::{Deserialize, Serialize};

/// How a decision went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}
