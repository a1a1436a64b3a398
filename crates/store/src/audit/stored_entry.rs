//! A row of a chain.
//!
//! It is read without belief: whatever somebody made of it can be shown, and is for verification to judge.

use crate::db::{Error, Row};
use jiff::Timestamp;
use plex_api::Base64Bytes;
use plex_api::audit::{
    AuditDecision, AuditEntry, AuditEntryProof, AuditObject, AuditProof, AuditReason, AuditRequestContext,
    AuditSubject,
};
use plex_domain::audit::{Entry, Stored, pseudonym, read_canonical};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use uuid::Uuid;

/// An entry as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place; at least 1 unless somebody wrote it.
    pub seq: i64,
    occurred_at: i64,
    reason: String,
    subject: Vec<u8>,
    /// Who; `None` once they are erased.
    pub identity: Option<String>,
    relation: String,
    object_type: String,
    object_id: String,
    correlation_id: String,
    canonical: Vec<u8>,
    prev_hash: Vec<u8>,
    entry_hash: Vec<u8>,
    /// The latest `occurred_at` so far.
    pub(super) latest_at: i64,
}

/// The order of the columns in every statement of a page. No column is required to be what it should.
pub(super) fn read(row: &Row<'_>) -> Result<StoredEntry, Error> {
    Ok(StoredEntry {
        seq: row.get(0)?,
        occurred_at: row.get(1)?,
        reason: row.get(2)?,
        subject: row.get(3)?,
        identity: row.get(4)?,
        relation: row.get(5)?,
        object_type: row.get(6)?,
        object_id: row.get(7)?,
        correlation_id: row.get(8)?,
        canonical: row.get(9)?,
        prev_hash: row.get(10)?,
        entry_hash: row.get(11)?,
        latest_at: row.get(12)?,
    })
}

impl StoredEntry {
    /// As the rules of a chain look at it.
    pub(super) fn stored(&self) -> Stored<'_> {
        Stored {
            seq: u64::try_from(self.seq).unwrap_or(0),
            prev_hash: self.prev_hash.as_slice().try_into().ok(),
            entry_hash: self.entry_hash.as_slice().try_into().ok(),
            canonical: &self.canonical,
        }
    }

    /// When it happened, as the column has it.
    pub(super) fn occurred_at(&self) -> i64 {
        self.occurred_at
    }

    /// Whether the identity is missing although the subject is not one of those that were erased.
    pub(super) fn is_nameless_but_for(&self, erased: &HashSet<[u8; 32]>) -> bool {
        let is_erased = |subject: [u8; 32]| erased.contains(&subject);
        self.identity.is_none() && !self.subject.as_slice().try_into().is_ok_and(is_erased)
    }

    /// Whether the columns say what the bytes say, and the identity is the subject's; it is missing only where they
    /// were erased.
    pub(super) fn agrees(&self, key: &[u8; 32], erased: &HashSet<[u8; 32]>, entry: &Entry) -> bool {
        let subject = match self.identity.as_deref() {
            Some(identity) => pseudonym(key, entry.chain, identity),
            None => entry.subject_pseudonym,
        };
        let is_known = self.identity.is_some() || erased.contains(&subject);
        self.occurred_at == entry.occurred_at.as_microsecond()
            && self.reason == entry.reason.as_str()
            && self.subject == entry.subject_pseudonym
            && is_known
            && subject == entry.subject_pseudonym
            && self.relation == entry.relation
            && self.object_type == entry.object_type
            && self.object_id == entry.object_id
            && self.correlation_id == entry.correlation_id
    }

    /// The entry as it is shown: its columns, by which it is found, and from its bytes what has no column.
    pub fn entry(&self, chain: Option<Uuid>) -> AuditEntry {
        let told = read_canonical(&self.canonical);
        let told = told.as_ref();
        let reason = AuditReason::parse(&self.reason).unwrap_or(AuditReason::Unknown);
        AuditEntry {
            seq: u64::try_from(self.seq).unwrap_or(0),
            domain_id: chain.unwrap_or(Uuid::nil()),
            occurred_at: Timestamp::from_microsecond(self.occurred_at).unwrap_or_default(),
            reason,
            subject: self.subject(),
            relation: self.relation.clone(),
            object: AuditObject {
                r#type: self.object_type.clone(),
                id: self.object_id.clone(),
            },
            decision: AuditDecision {
                result: told.map_or(reason, |entry| entry.result),
                caveat_context: told.map_or_else(BTreeMap::new, |entry| entry.caveats.clone()),
            },
            correlation_id: self.correlation_id.clone(),
            request_context: AuditRequestContext {
                ip: told.and_then(|entry| entry.ip.clone()),
                user_agent: told.and_then(|entry| entry.user_agent.clone()),
            },
            entry_hash: hex(&self.entry_hash),
            prev_hash: hex(&self.prev_hash),
            count: told.map(|entry| entry.count),
            details: told.and_then(|entry| entry.details.clone()),
        }
    }

    /// The entry with its proof.
    pub fn proof(&self, chain: Option<Uuid>) -> AuditEntryProof {
        let entry = self.entry(chain);
        AuditEntryProof {
            proof: AuditProof {
                prev_hash: entry.prev_hash.clone(),
                entry_hash: entry.entry_hash.clone(),
                canonical_bytes: Base64Bytes(self.canonical.clone()),
            },
            entry,
        }
    }

    fn subject(&self) -> AuditSubject {
        let identity = self.identity.as_deref();
        let (kind, id) = identity.map_or((None, None), |identity| match identity.split_once(':') {
            Some((kind, id)) => (Some(kind), Uuid::try_parse(id).ok()),
            None => (Some(identity), None),
        });
        AuditSubject {
            pseudonym: hex(&self.subject),
            identity_id_ref: id,
            identity_kind: kind.map(str::to_owned),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
