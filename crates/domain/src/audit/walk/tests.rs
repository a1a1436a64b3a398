use super::{Stored, Walk};
use crate::audit::{Entry, GENESIS, canonical_bytes, entry_hash};
use plex_api::audit::{AuditFinding, AuditReason};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const CHAIN: Option<Uuid> = Some(Uuid::from_u128(5));

#[derive(Debug, Clone, PartialEq)]
struct Row {
    seq: u64,
    prev: [u8; 32],
    hash: [u8; 32],
    canonical: Vec<u8>,
    relation: String,
}

impl Row {
    fn new(seq: u64, prev: [u8; 32], relation: &str) -> Self {
        let canonical = canonical_bytes(&Entry {
            seq,
            chain: CHAIN,
            occurred_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            reason: AuditReason::Granted,
            subject_pseudonym: [1; 32],
            relation: relation.to_owned(),
            object_type: "node".into(),
            object_id: "n".into(),
            result: AuditReason::Granted,
            caveats: BTreeMap::new(),
            correlation_id: seq.to_string(),
            ip: None,
            user_agent: None,
            count: 1,
            details: None,
        });
        Self {
            seq,
            prev,
            hash: entry_hash(&prev, &canonical),
            canonical,
            relation: relation.to_owned(),
        }
    }

    fn rehash(&mut self) {
        self.hash = entry_hash(&self.prev, &self.canonical);
    }

    fn stored(&self) -> Stored<'_> {
        Stored {
            seq: self.seq,
            prev_hash: Some(self.prev),
            entry_hash: Some(self.hash),
            canonical: &self.canonical,
        }
    }
}

fn chain(length: u64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for seq in 1..=length {
        let prev = rows.last().map_or(GENESIS, |row| row.hash);
        rows.push(Row::new(seq, prev, "dispatch"));
    }
    rows
}

/// The place that a walk over the rows names, the chain being known to end as `head` says.
fn diverges(rows: &[Row], head: (u64, [u8; 32])) -> Option<(u64, AuditFinding)> {
    let walk = || {
        let mut walk = Walk::starting(CHAIN, 1, None);
        for row in rows {
            walk.step(&row.stored(), |entry| entry.relation == row.relation)?;
        }
        walk.end(head.0, &head.1)
    };
    walk()
        .err()
        .map(|divergence| (divergence.seq, divergence.finding))
}

/// What is done to the row at that index.
#[derive(Debug, Clone, Copy)]
enum Tamper {
    Canonical,
    CanonicalRehashed,
    Hash,
    Prev,
    Field,
    Delete,
    DeleteRenumbered,
    Insert,
    Swap,
    Truncate,
}

fn renumber(rows: &mut [Row]) {
    for (seq, row) in (1..).zip(rows) {
        row.seq = seq;
    }
}

fn tamper(rows: &mut Vec<Row>, at: usize, how: Tamper) {
    use Tamper::*;
    match how {
        Canonical | CanonicalRehashed => {
            let text = String::from_utf8(rows[at].canonical.clone()).unwrap();
            rows[at].canonical = text.replace("dispatch", "despatch").into_bytes();
            rows[at].relation = "despatch".into();
            if matches!(how, CanonicalRehashed) {
                rows[at].rehash();
            }
        }
        Hash => rows[at].hash[3] ^= 1,
        Prev => rows[at].prev[3] ^= 1,
        Field => rows[at].relation.push('x'),
        Delete => drop(rows.remove(at)),
        DeleteRenumbered => {
            rows.remove(at);
            renumber(rows);
        }
        Insert => {
            let prev = rows[at].prev;
            rows.insert(at, Row::new(at as u64 + 1, prev, "forged"));
            renumber(rows);
        }
        Swap => {
            let other = if at + 1 < rows.len() { at + 1 } else { 0 };
            rows.swap(at, other);
            renumber(rows);
        }
        Truncate => rows.truncate(at),
    }
}

fn any_tamper() -> impl Strategy<Value = Tamper> {
    use Tamper::*;
    prop::sample::select(vec![
        Canonical,
        CanonicalRehashed,
        Hash,
        Prev,
        Field,
        Delete,
        DeleteRenumbered,
        Insert,
        Swap,
        Truncate,
    ])
}

proptest! {
    #[test]
    fn one_change_is_found_where_it_was_made(length in 2..12_u64, at in any::<prop::sample::Index>(), how in any_tamper()) {
        let whole = chain(length);
        let last = whole.last().unwrap();
        let head = (length, last.hash);
        prop_assert_eq!(diverges(&whole, head), None);
        let at = at.index(whole.len());
        let mut rows = whole.clone();
        tamper(&mut rows, at, how);
        let first = match how {
            Tamper::Swap if at + 1 == whole.len() => 1,
            _ => at as u64 + 1,
        };
        prop_assert_eq!(diverges(&rows, head).map(|(seq, _)| seq), Some(first), "{:?}", how);
    }

    #[test]
    fn a_segment_vouches_for_itself_and_the_next_entry_for_its_end(length in 3..10_u64, from in 2..9_u64) {
        prop_assume!(from < length);
        let rows = chain(length);
        let mut walk = Walk::starting(CHAIN, from, None);
        for row in &rows[from as usize - 1..length as usize - 1] {
            walk.step(&row.stored(), |_| true).unwrap();
        }
        let after = rows.last().unwrap();
        walk.close(&after.stored()).unwrap();
        let other = Row::new(length, [9; 32], "dispatch");
        prop_assert_eq!(walk.close(&other.stored()).unwrap_err().seq, length - 1);
    }
}

#[test]
fn a_foreign_chain_is_not_this_one() {
    let rows = chain(2);
    let mut walk = Walk::starting(None, 1, None);
    let divergence = walk.step(&rows[0].stored(), |_| true).unwrap_err();
    assert_eq!((divergence.seq, divergence.finding), (1, AuditFinding::Altered));
}

#[test]
fn what_is_no_hash_is_altered() {
    let rows = chain(1);
    let broken = Stored {
        entry_hash: None,
        ..rows[0].stored()
    };
    let divergence = Walk::starting(CHAIN, 1, None)
        .step(&broken, |_| true)
        .unwrap_err();
    assert_eq!(divergence.expected, Some(rows[0].hash));
    assert_eq!(divergence.observed, None);
}
