//! Entries as they were exported: what is shown of one, against what its bytes say.

use super::{Entry, Stored, hash_text, parse_hash};
use plex_api::audit::{AuditEntry, AuditEntryProof};
use uuid::Uuid;

/// The entry as the rules of a chain look at it.
pub fn stored(exported: &AuditEntryProof) -> Stored<'_> {
    Stored {
        seq: exported.entry.seq,
        prev_hash: parse_hash(&exported.proof.prev_hash),
        entry_hash: parse_hash(&exported.proof.entry_hash),
        canonical: &exported.proof.canonical_bytes.0,
    }
}

/// Whether the entry shows what its bytes say, and the hashes that its proof has. The identity behind the
/// pseudonym is in no bytes, so that it can be erased; nothing is said of it.
pub fn shows(exported: &AuditEntryProof, told: &Entry) -> bool {
    let AuditEntry {
        seq,
        domain_id,
        occurred_at,
        reason,
        subject,
        relation,
        object,
        decision,
        correlation_id,
        request_context,
        entry_hash,
        prev_hash,
        count,
        details,
    } = &exported.entry;
    *seq == told.seq
        && *domain_id == told.chain.unwrap_or(Uuid::nil())
        && *occurred_at == told.occurred_at
        && *reason == told.reason
        && subject.pseudonym == hash_text(&told.subject_pseudonym)
        && *relation == told.relation
        && object.r#type == told.object_type
        && object.id == told.object_id
        && decision.result == told.result
        && decision.caveat_context == told.caveats
        && *correlation_id == told.correlation_id
        && request_context.ip == told.ip
        && request_context.user_agent == told.user_agent
        && *count == Some(told.count)
        && *details == told.details
        && *entry_hash == exported.proof.entry_hash
        && *prev_hash == exported.proof.prev_hash
}
