//! Walking a chain from entry to entry, and naming the first that is not what it was.
//!
//! The database, an exported file and whoever else keeps entries are walked by the same rules. An entry is judged
//! by what it says of itself and by the entry before it, so a single change is found where it was made: an entry
//! that is whole in itself but hangs on another hash than that of the entry before it accuses the latter.

use super::{Entry, GENESIS, entry_hash, read_canonical};
use plex_api::audit::AuditFinding;
use uuid::Uuid;

/// An entry as it was kept, unbelieved.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its place.
    pub seq: u64,
    /// The hash it says it hangs on; `None` when that is no hash.
    pub prev_hash: Option<[u8; 32]>,
    /// The hash it says it has; `None` when that is no hash.
    pub entry_hash: Option<[u8; 32]>,
    /// The bytes that stand for it.
    pub canonical: &'a [u8],
}

/// The first entry that is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// Its place.
    pub seq: u64,
    /// What is wrong with it.
    pub finding: AuditFinding,
    /// The hash it should have, as far as the others tell.
    pub expected: Option<[u8; 32]>,
    /// The hash it has, if it is there and has one.
    pub observed: Option<[u8; 32]>,
}

/// A walk through a segment of a chain.
#[derive(Debug, Clone)]
pub struct Walk {
    chain: Option<Uuid>,
    first: u64,
    next: u64,
    /// The hash of the entry before; `None` at the start of a segment whose predecessor is not known.
    hash: Option<[u8; 32]>,
}

impl Walk {
    /// Starts at `first`. `before` is the hash of the entry before it; where nobody knows it, what the first entry
    /// says is taken as given. A chain's first entry always hangs on [`GENESIS`].
    pub fn starting(chain: Option<Uuid>, first: u64, before: Option<[u8; 32]>) -> Self {
        let hash = if first <= 1 { Some(GENESIS) } else { before };
        Self {
            chain,
            first,
            next: first,
            hash,
        }
    }

    /// The place of the entry that must come next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The hash of the last entry walked over.
    pub fn hash(&self) -> Option<[u8; 32]> {
        self.hash
    }

    /// Goes on by one entry. `agrees` compares what else is kept of it with what its bytes say.
    ///
    /// # Errors
    /// The divergence, which may be that of the entry before.
    pub fn step(
        &mut self,
        stored: &Stored<'_>,
        agrees: impl FnOnce(&Entry) -> bool,
    ) -> Result<(), Divergence> {
        if stored.seq != self.next {
            return Err(self.out_of_place(stored));
        }
        let own = own_hash(stored);
        let before = self.hash.or(stored.prev_hash);
        let altered = Divergence {
            seq: stored.seq,
            finding: AuditFinding::Altered,
            expected: before.map(|before| entry_hash(&before, stored.canonical)),
            observed: stored.entry_hash,
        };
        if own.is_none() || own != stored.entry_hash {
            return Err(altered);
        }
        let entry = read_canonical(stored.canonical).ok_or(altered)?;
        if stored.prev_hash != before {
            return Err(self.unlinked(stored, entry.seq, altered));
        }
        if entry.seq != stored.seq || entry.chain != self.chain {
            return Err(altered);
        }
        if !agrees(&entry) {
            let finding = AuditFinding::FieldsDiffer;
            return Err(Divergence { finding, ..altered });
        }
        self.hash = own;
        self.next += 1;
        Ok(())
    }

    /// Looks at the entry after the segment: whole in itself, it vouches for the last one walked over.
    ///
    /// # Errors
    /// The divergence of the last entry.
    pub fn close(&self, after: &Stored<'_>) -> Result<(), Divergence> {
        let is_whole = after.seq == self.next
            && own_hash(after).is_some_and(|own| Some(own) == after.entry_hash)
            && read_canonical(after.canonical).is_some_and(|entry| entry.seq == after.seq);
        if self.next > self.first && is_whole && after.prev_hash != self.hash {
            return Err(self.last(AuditFinding::Altered, after.prev_hash));
        }
        Ok(())
    }

    /// Compares the end of the walk with the place and hash at which the chain is known to end.
    ///
    /// # Errors
    /// The first missing entry, or the last one.
    pub fn end(&self, seq: u64, hash: &[u8; 32]) -> Result<(), Divergence> {
        if self.next <= seq {
            return Err(Divergence {
                seq: self.next,
                finding: AuditFinding::Missing,
                expected: (self.next == seq).then_some(*hash),
                observed: None,
            });
        }
        if self.next == seq + 1 && self.next > self.first && self.hash != Some(*hash) {
            return Err(self.last(AuditFinding::Altered, Some(*hash)));
        }
        Ok(())
    }

    /// The divergence of a chain whose end nothing vouches for.
    pub fn unsealed(&self) -> Divergence {
        self.last(AuditFinding::Unsealed, None)
    }

    fn last(&self, finding: AuditFinding, expected: Option<[u8; 32]>) -> Divergence {
        Divergence {
            seq: (self.next - 1).max(1),
            finding,
            expected,
            observed: self.hash.filter(|_| self.next > 1),
        }
    }

    /// An entry is missing; or, in a file, one stands where it does not belong.
    fn out_of_place(&self, stored: &Stored<'_>) -> Divergence {
        let follows = stored.seq == self.next + 1;
        Divergence {
            seq: self.next,
            finding: AuditFinding::Missing,
            expected: stored.prev_hash.filter(|_| follows),
            observed: None,
        }
    }

    /// An entry that is whole, but hangs on another than the one before it.
    fn unlinked(&self, stored: &Stored<'_>, own_seq: u64, here: Divergence) -> Divergence {
        let finding = AuditFinding::Unlinked;
        if own_seq > stored.seq || stored.seq == self.first {
            // It comes from further on: those before it are gone.
            return Divergence { finding, ..here };
        }
        if own_seq == stored.seq {
            return self.last(AuditFinding::Altered, stored.prev_hash);
        }
        // It was moved on by others, which took its place.
        let seq = own_seq.max(self.first);
        Divergence {
            seq,
            finding,
            expected: stored.entry_hash.filter(|_| seq == own_seq),
            observed: self.hash.filter(|_| seq + 1 == stored.seq),
        }
    }
}

fn own_hash(stored: &Stored<'_>) -> Option<[u8; 32]> {
    stored
        .prev_hash
        .map(|before| entry_hash(&before, stored.canonical))
}

#[cfg(test)]
mod tests;
