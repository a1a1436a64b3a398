//! The audit chains: one for each domain, and one for the platform (decision 29).
//!
//! An entry is appended in the transaction of what it records, so there is no mutation without its entry. The same
//! transaction moves the chain's head on, which is sealed, so that a chain cannot be cut short unnoticed.
//!
//! A job only says what to record. It is linked to its chain when the job ends, or, where the jobs of several replicas
//! take turns at the chains' ends, when the commit does: the turn is then as short as can be.

mod entries;
mod head;
mod stored_entry;
mod verification;

pub use entries::{Filter, Most, Page, find, last_seq, page, range};
pub use head::{adopt, open};
pub use stored_entry::StoredEntry;
pub use verification::{Begun, Outcome, Verification};

use crate::db::{Error, Sql, Tx};
use crate::values;
use head::{End, SealedHead};
use jiff::Timestamp;
use plex_api::audit::AuditReason;
use plex_domain::audit::{self, Sealer, canonical_bytes, entry_hash, pseudonym};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as BTreeEntry;
use uuid::Uuid;

/// The step of the schema that brought sealed heads.
pub const SEALED_SINCE: u32 = 6;

/// What the platform's chain calls the erasure of an identity; the object is its pseudonym there, in hex.
pub const ERASURE: &str = "erase_identity";

/// Something to record.
#[derive(Debug, Clone)]
pub struct Record {
    /// The domain whose chain it belongs to; `None` is the platform's.
    pub domain_id: Option<Uuid>,
    /// How it was decided.
    pub reason: AuditReason,
    /// Who: for example `user:<uuid>`, `node:<uuid>`, `system`.
    pub identity: String,
    /// What was asked for, for example `dispatch`.
    pub relation: String,
    /// The object's type, for example `project`.
    pub object_type: String,
    /// The object's id.
    pub object_id: String,
    /// The request's correlation id.
    pub correlation_id: String,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's own words.
    pub user_agent: Option<String>,
    /// The caveats that were evaluated, each with the names of its parameters.
    pub caveats: BTreeMap<String, Vec<String>>,
    /// How many equal decisions this stands for.
    pub count: u32,
    /// More, for example a digest over the events that committed together.
    pub details: Option<String>,
}

/// Appends an entry to its chain. `key` makes the pseudonyms, and seals the chain's head.
pub async fn append(tx: &mut Tx, key: &[u8; 32], record: Record) -> Result<(), Error> {
    append_all(tx, key, vec![record]).await
}

/// Appends entries to their chains, in their order. Whoever appends does not see them before the commit.
pub async fn append_all(tx: &mut Tx, key: &[u8; 32], records: Vec<Record>) -> Result<(), Error> {
    let occurred_at = tx.now();
    tx.records.extend(records.into_iter().map(|record| Unlinked {
        key: *key,
        occurred_at,
        record,
    }));
    Ok(())
}

/// What is to be recorded, and is not in its chain yet.
pub(crate) struct Unlinked {
    key: [u8; 32],
    /// The time of its job.
    occurred_at: Timestamp,
    record: Record,
}

/// Links what was recorded to the chains, and writes it.
pub(crate) async fn link(tx: &mut Tx) -> Result<(), Error> {
    let links = linked(tx).await?;
    links.write(tx).await
}

/// Entries as they hang on their chains, and where those end then.
pub(crate) struct Links {
    entries: Vec<Linked>,
    heads: Vec<SealedHead>,
}

/// Takes what was recorded, and looks for its places in the chains; each chain's end is looked up once.
pub(crate) async fn linked(tx: &mut Tx) -> Result<Links, Error> {
    let records = std::mem::take(&mut tx.records);
    let (mut entries, mut heads) = (Vec::with_capacity(records.len()), Vec::new());
    let Some(key) = records.first().map(|unlinked| unlinked.key) else {
        return Ok(Links { entries, heads });
    };
    tx.lock_chains();
    let sealer = Sealer::new(&key);
    let mut ends = BTreeMap::new();
    for unlinked in records {
        let chain = unlinked.record.domain_id;
        let end = match ends.entry(chain) {
            BTreeEntry::Occupied(known) => known.into_mut(),
            BTreeEntry::Vacant(room) => room.insert(head::end(tx, &sealer, chain).await?),
        };
        entries.push(Linked::after(end, unlinked));
    }
    let moved = ends.iter().filter(|(_, end)| end.holds);
    heads.extend(moved.map(|(chain, end)| SealedHead::new(&sealer, *chain, end.seq, end.hash)));
    Ok(Links { entries, heads })
}

impl Links {
    /// Appends the entries, and moves the heads on.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<(), Error> {
        insert(tx, &self.entries).await?;
        head::write(tx, &self.heads).await
    }
}

/// An entry with its place in the chain.
struct Linked {
    entry: audit::Entry,
    identity: String,
    canonical: Vec<u8>,
    prev_hash: [u8; 32],
    hash: [u8; 32],
    latest_at: Timestamp,
}

impl Linked {
    /// Hangs an entry on the end, and moves the end on.
    fn after(end: &mut End, unlinked: Unlinked) -> Self {
        let Unlinked {
            key,
            occurred_at: now,
            record,
        } = unlinked;
        let latest_at = end.latest_at.map_or(now, |latest| latest.max(now));
        let entry = audit::Entry {
            seq: end.seq + 1,
            chain: record.domain_id,
            occurred_at: now,
            reason: record.reason,
            subject_pseudonym: pseudonym(&key, record.domain_id, &record.identity),
            relation: record.relation,
            object_type: record.object_type,
            object_id: record.object_id,
            result: record.reason,
            caveats: record.caveats,
            correlation_id: record.correlation_id,
            ip: record.ip,
            user_agent: record.user_agent,
            count: record.count,
            details: record.details,
        };
        let canonical = canonical_bytes(&entry);
        let (prev_hash, hash) = (end.hash, entry_hash(&end.hash, &canonical));
        (end.seq, end.hash, end.latest_at) = (entry.seq, hash, Some(latest_at));
        Self {
            entry,
            identity: record.identity,
            canonical,
            prev_hash,
            hash,
            latest_at,
        }
    }
}

async fn insert(tx: &mut Tx, entries: &[Linked]) -> Result<(), Error> {
    let sets = entries.iter().map(|linked| {
        let entry = &linked.entry;
        values![
            entry.chain.unwrap_or(Uuid::nil()),
            entry.seq,
            entry.occurred_at,
            entry.reason.as_str(),
            &entry.subject_pseudonym,
            &linked.identity,
            &entry.relation,
            &entry.object_type,
            &entry.object_id,
            &entry.correlation_id,
            &linked.canonical,
            &linked.prev_hash,
            &linked.hash,
            linked.latest_at,
        ]
    });
    tx.execute_each(
        Sql::Each {
            sqlite: "insert into audit_entries (
                    chain, seq, occurred_at, reason, subject, identity, relation, object_type, object_id,
                    correlation_id, canonical, prev_hash, entry_hash, latest_at
                ) values (
                    $1, $2, $3, $4, $5,
                    case when exists (select 1 from erased_identities where identity = $6) then null else $6 end,
                    $7, $8, $9, $10, $11, $12, $13, $14
                )",
            postgres: "insert into audit_entries (
                    chain, seq, occurred_at, reason, subject, identity, relation, object_type, object_id,
                    correlation_id, canonical, prev_hash, entry_hash, latest_at
                )
                select
                    chain, seq, occurred_at, reason, subject,
                    case when exists (select 1 from erased_identities e where e.identity = r.identity)
                        then null else r.identity end,
                    relation, object_type, object_id, correlation_id, canonical, prev_hash, entry_hash, latest_at
                from unnest(
                    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::text[],
                    $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bigint[]
                ) as r (
                    chain, seq, occurred_at, reason, subject, identity, relation, object_type, object_id,
                    correlation_id, canonical, prev_hash, entry_hash, latest_at
                )",
        },
        sets,
    )
    .await
}

#[cfg(test)]
mod tests;
