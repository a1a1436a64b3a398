//! Where a chain ends.
//!
//! Entries are hashed without a key, so anybody who can write the database could end a chain earlier, or go on
//! with it. Where it ends therefore stands in a row of its own, sealed under a key that is not in the database. A
//! head that does not hold is evidence: it is never replaced, so that no later entry hides what was done.

use crate::db::{Error, Lock, Tx};
use crate::values;
use jiff::Timestamp;
use plex_domain::audit::{GENESIS, Sealer};
use uuid::Uuid;

/// Where the next entry hangs on.
pub(super) struct End {
    /// The last entry's place; 0 when there is none.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) hash: [u8; 32],
    /// The latest time in the chain.
    pub(super) latest_at: Option<Timestamp>,
    /// Whether the sealed head agrees, and so may be moved on.
    pub(super) holds: bool,
}

/// What the database says of a chain's end.
pub(super) enum Head {
    /// The seal holds: the chain ends here.
    Sealed {
        /// The last entry's place.
        seq: u64,
        /// Its hash.
        hash: [u8; 32],
    },
    /// There is no head.
    Missing,
    /// There is one, and its seal does not hold.
    Broken {
        /// Where it says that the chain ends.
        seq: u64,
    },
}

/// The last row of a chain, unbelieved.
pub(super) struct Last {
    /// Its place.
    pub(super) seq: u64,
    /// Its hash; nothing else than a hash is one.
    pub(super) hash: Option<[u8; 32]>,
    /// The latest time in the chain.
    pub(super) latest_at: Option<Timestamp>,
}

/// Reads the head and tries its seal.
pub(super) async fn read(tx: &mut Tx, sealer: &Sealer, chain: Option<Uuid>) -> Result<Head, Error> {
    let row = tx
        .optional(
            "select seq, entry_hash, seal
            from audit_heads
            where chain = $1",
            &values![chain.unwrap_or(Uuid::nil())],
            |row| Ok((row.get(0).unwrap_or(0), row.get(1).ok(), row.get::<Vec<u8>>(2)?)),
        )
        .await?;
    Ok(match row {
        None => Head::Missing,
        Some((seq, Some(hash), seal)) if seal == sealer.seal(chain, seq, &hash) => Head::Sealed { seq, hash },
        Some((seq, _, _)) => Head::Broken { seq },
    })
}

/// Reads the last row.
pub(super) async fn last(tx: &mut Tx, chain: Option<Uuid>) -> Result<Option<Last>, Error> {
    tx.optional(
        "select seq, entry_hash, latest_at
        from audit_entries
        where chain = $1
        order by seq desc
        limit 1",
        &values![chain.unwrap_or(Uuid::nil())],
        |row| {
            Ok(Last {
                seq: row.get(0).unwrap_or(0),
                hash: row.get(1).ok(),
                latest_at: row.get(2).ok(),
            })
        },
    )
    .await
}

/// Where the next entry hangs on: the head where it holds, else whatever is there.
pub(super) async fn end(tx: &mut Tx, sealer: &Sealer, chain: Option<Uuid>) -> Result<End, Error> {
    let head = read(tx, sealer, chain).await?;
    let last = last(tx, chain).await?;
    let latest_at = last.as_ref().and_then(|last| last.latest_at);
    let (last_seq, last_hash) = last.map_or((0, None), |last| (last.seq, last.hash));
    let (seq, hash, holds) = match head {
        Head::Sealed { seq, hash } if seq >= last_seq => (seq, hash, true),
        Head::Sealed { seq, .. } | Head::Broken { seq } => {
            (seq.max(last_seq), last_hash.unwrap_or(GENESIS), false)
        }
        Head::Missing => (last_seq, last_hash.unwrap_or(GENESIS), false),
    };
    if !holds {
        tracing::error!(
            ?chain,
            "an audit chain does not end where its sealed head says; verify it"
        );
    }
    Ok(End {
        seq,
        hash,
        latest_at,
        holds,
    })
}

/// Moves the head on.
pub(super) async fn seal(
    tx: &mut Tx,
    sealer: &Sealer,
    chain: Option<Uuid>,
    (seq, hash): (u64, &[u8; 32]),
) -> Result<(), Error> {
    let seal = sealer.seal(chain, seq, hash);
    tx.execute(
        "insert into audit_heads (chain, seq, entry_hash, seal)
        values ($1, $2, $3, $4)
        on conflict (chain) do update set seq = excluded.seq, entry_hash = excluded.entry_hash, seal = excluded.seal",
        &values![chain.unwrap_or(Uuid::nil()), seq, hash, &seal],
    )
    .await?;
    Ok(())
}

/// Opens a chain, in the transaction that makes what it is about. An entry for a chain that was never opened, or whose
/// head is gone, stays unsealed: who takes a chain away altogether does not get a new one.
pub async fn open(tx: &mut Tx, key: &[u8; 32], chain: Option<Uuid>) -> Result<(), Error> {
    tx.lock(Lock::AuditChains).await?;
    let sealer = Sealer::new(key);
    let is_new = matches!(read(tx, &sealer, chain).await?, Head::Missing) && last(tx, chain).await?.is_none();
    if is_new {
        seal(tx, &sealer, chain, (0, &GENESIS)).await?;
    }
    Ok(())
}

/// Seals the heads of chains that were written before heads were sealed. Only right after the schema was brought up
/// to date: at any other time an empty seal is a broken one.
pub async fn adopt(tx: &mut Tx, key: &[u8; 32]) -> Result<(), Error> {
    let unsealed = tx
        .all(
            "select chain, seq, entry_hash
            from audit_heads
            where length(seal) = 0",
            &[],
            |row| Ok((row.get::<Uuid>(0)?, row.get::<u64>(1)?, row.get::<[u8; 32]>(2)?)),
        )
        .await?;
    let sealer = Sealer::new(key);
    for (chain, seq, hash) in unsealed {
        seal(tx, &sealer, (!chain.is_nil()).then_some(chain), (seq, &hash)).await?;
    }
    Ok(())
}
