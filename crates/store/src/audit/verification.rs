//! Verifying a chain, batch by batch, so that no snapshot is held for longer than one batch takes. Entries never
//! change, so the batches together see what one snapshot would.

use super::ERASURE;
use super::entries::range;
use super::head::{self, Head};
use super::stored_entry::StoredEntry;
use crate::db::{Error, Tx};
use crate::values;
use plex_api::audit::AuditFinding;
use plex_domain::audit::{Divergence, Sealer, Walk, hash_text, pseudonym};
use std::collections::HashSet;
use uuid::Uuid;

/// A verification on its way.
pub struct Verification {
    key: [u8; 32],
    chain: Option<Uuid>,
    from: u64,
    to: u64,
    end: End,
    walk: Walk,
    latest_at: Option<i64>,
    /// The erased identities' pseudonyms in this chain: nobody else's name may be missing.
    erased: HashSet<[u8; 32]>,
}

/// What a verification began with.
pub enum Begun {
    /// It may go on.
    Walking(Box<Verification>),
    /// The segment begins after the chain's end, which is here.
    BeyondTheEnd(u64),
}

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Where it began.
    pub from: u64,
    /// Where it ended.
    pub to: u64,
    /// The last entry's hash, when all is well.
    pub hash: Option<[u8; 32]>,
    /// The first entry that is not what it was.
    pub divergence: Option<Divergence>,
}

/// Where the chain ended when the verification began.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Where the sealed head says.
    Sealed { seq: u64, hash: [u8; 32], last: u64 },
    /// Where the rows end; no seal vouches for it.
    Unsealed { last: u64 },
}

impl End {
    fn seq(self) -> u64 {
        match self {
            Self::Sealed { seq, .. } => seq,
            Self::Unsealed { last } => last,
        }
    }
}

impl Verification {
    /// Begins at `from`, which is at least 1, and ends at `to` or at the chain's end.
    pub async fn begin(
        tx: &mut Tx,
        key: &[u8; 32],
        chain: Option<Uuid>,
        (from, to): (u64, Option<u64>),
    ) -> Result<Begun, Error> {
        let (head, last) = head::read(tx, &Sealer::new(key), chain).await?;
        let last = last.map_or(0, |last| last.seq);
        let end = match head {
            Head::Sealed { seq, hash } => End::Sealed { seq, hash, last },
            Head::Missing | Head::Broken { .. } => End::Unsealed { last },
        };
        if from > end.seq().max(1) {
            return Ok(Begun::BeyondTheEnd(end.seq()));
        }
        let before = match from {
            0 | 1 => None,
            _ => range(tx, chain, (from - 1, from - 1), 1).await?.pop(),
        };
        Ok(Begun::Walking(Box::new(Self {
            key: *key,
            chain,
            from,
            to: to.map_or(end.seq(), |to| to.min(end.seq())).max(1),
            end,
            walk: Walk::starting(
                chain,
                from,
                before.as_ref().and_then(|row| row.stored().entry_hash),
            ),
            latest_at: before.map(|row| row.latest_at),
            erased: HashSet::new(),
        })))
    }

    /// Goes on by at most `rows` entries; an outcome once it is over.
    pub async fn go_on(&mut self, tx: &mut Tx, rows: u32) -> Result<Option<Outcome>, Error> {
        if self.walk.next() == 1 && has_row_before_the_first(tx, self.chain).await? {
            return Ok(Some(self.outcome(Some(Divergence {
                seq: 1,
                finding: AuditFinding::Unlinked,
                expected: None,
                observed: None,
            }))));
        }
        let batch = range(tx, self.chain, (self.walk.next(), self.to), rows).await?;
        if batch.iter().any(|row| row.is_nameless_but_for(&self.erased)) {
            self.erased = erased(tx, &self.key, self.chain).await?;
        }
        for row in &batch {
            if let Err(divergence) = self.step(row) {
                return Ok(Some(self.outcome(Some(divergence))));
            }
        }
        if batch.len() == rows as usize && self.walk.next() <= self.to {
            return Ok(None);
        }
        let divergence = self.close(tx).await?;
        Ok(Some(self.outcome(divergence)))
    }

    fn step(&mut self, row: &StoredEntry) -> Result<(), Divergence> {
        let latest_at = self
            .latest_at
            .map_or(row.occurred_at(), |latest| latest.max(row.occurred_at()));
        // Where a segment begins in the middle, its first row may know of a later time before it.
        let is_known = self.latest_at.is_some() || self.walk.next() == 1;
        let (key, erased) = (&self.key, &self.erased);
        self.walk.step(&row.stored(), |entry| {
            row.agrees(key, erased, entry) && (row.latest_at == latest_at || !is_known)
        })?;
        self.latest_at = Some(row.latest_at);
        Ok(())
    }

    /// Looks at what comes after the last entry.
    async fn close(&self, tx: &mut Tx) -> Result<Option<Divergence>, Error> {
        let missing = Divergence {
            seq: self.walk.next(),
            finding: AuditFinding::Missing,
            expected: None,
            observed: None,
        };
        if self.to < self.end.seq() {
            if self.walk.next() <= self.to {
                return Ok(Some(missing));
            }
            let after = range(tx, self.chain, (self.to + 1, self.to + 1), 1).await?.pop();
            return Ok(after.and_then(|after| self.walk.close(&after.stored()).err()));
        }
        match self.end {
            End::Unsealed { last: 0 } => Ok(Some(missing)),
            End::Unsealed { .. } => Ok(Some(self.walk.unsealed())),
            End::Sealed { seq, hash, last } => {
                let ended = self.walk.end(seq, &hash).err();
                if ended.is_some() || last <= seq {
                    return Ok(ended);
                }
                // What stands after the sealed end was put there.
                let put = range(tx, self.chain, (seq + 1, last), 1).await?.pop();
                Ok(put.map(|put| Divergence {
                    seq: seq + 1,
                    finding: AuditFinding::Unlinked,
                    expected: None,
                    observed: put.stored().entry_hash,
                }))
            }
        }
    }

    fn outcome(&self, divergence: Option<Divergence>) -> Outcome {
        Outcome {
            from: self.from,
            to: self.to,
            hash: self.walk.hash().filter(|_| divergence.is_none()),
            divergence,
        }
    }
}

/// What the erased identities are called in a chain. A row that says that one was erased counts only where the
/// platform's chain, which is sealed, says so, too.
async fn erased(tx: &mut Tx, key: &[u8; 32], chain: Option<Uuid>) -> Result<HashSet<[u8; 32]>, Error> {
    let said = tx
        .all("select identity from erased_identities", &[], |row| {
            row.get::<String>(0)
        })
        .await?;
    let mut erased = HashSet::new();
    for identity in said {
        let name = hash_text(&pseudonym(key, None, &identity));
        let told = tx
            .optional(
                "select 1
                from audit_entries indexed by audit_entries_by_object
                where chain = $1 and object_id = $2 and relation = $3
                limit 1",
                &values![Uuid::nil(), &name, ERASURE],
                |_| Ok(()),
            )
            .await?;
        if told.is_some() {
            erased.insert(pseudonym(key, chain, &identity));
        }
    }
    Ok(erased)
}

/// Whether a row stands before the first place.
async fn has_row_before_the_first(tx: &mut Tx, chain: Option<Uuid>) -> Result<bool, Error> {
    let found = tx
        .optional(
            "select 1
            from audit_entries
            where chain = $1 and seq < 1
            limit 1",
            &values![chain.unwrap_or(Uuid::nil())],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}
