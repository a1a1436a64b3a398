//! Where a chain ends.
//!
//! Entries are hashed without a key, so anybody who can write the database could end a chain earlier, or go on
//! with it. Where it ends therefore stands in a row of its own, sealed under a key that is not in the database. A
//! head that does not hold is evidence: it is never replaced, so that no later entry hides what was done.

use crate::db::{Error, Row, Sql, Tx};
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

/// Reads the head, and tries its seal, together with the last row. No column is required to be what it should.
pub(super) async fn read(
    tx: &mut Tx,
    sealer: &Sealer,
    chain: Option<Uuid>,
) -> Result<(Head, Option<Last>), Error> {
    let found = tx
        .optional(
            "select h.seq, h.entry_hash, h.seal, l.seq, l.entry_hash, l.latest_at, h.chain, l.chain
            from (select 1) as one_row
                left join audit_heads h on h.chain = $1
                left join (
                    select chain, seq, entry_hash, latest_at
                    from audit_entries
                    where chain = $1
                    order by seq desc
                    limit 1
                ) as l on true",
            &values![chain.unwrap_or(Uuid::nil())],
            |row| {
                let has_head = row.get::<Option<Uuid>>(6)?.is_some();
                let has_last = row.get::<Option<Uuid>>(7)?.is_some();
                Ok((
                    if has_head {
                        head_of(row, sealer, chain)?
                    } else {
                        Head::Missing
                    },
                    has_last.then(|| last_of(row, 3)),
                ))
            },
        )
        .await?;
    Ok(found.unwrap_or((Head::Missing, None)))
}

fn head_of(row: &Row<'_>, sealer: &Sealer, chain: Option<Uuid>) -> Result<Head, Error> {
    let seq = row.get(0).unwrap_or(0);
    let seal: Vec<u8> = row.get(2)?;
    Ok(match row.get(1).ok() {
        Some(hash) if seal == sealer.seal(chain, seq, &hash) => Head::Sealed { seq, hash },
        Some(_) | None => Head::Broken { seq },
    })
}

/// The columns of the last row, from one on.
fn last_of(row: &Row<'_>, first: usize) -> Last {
    Last {
        seq: row.get(first).unwrap_or(0),
        hash: row.get(first + 1).ok(),
        latest_at: row.get(first + 2).ok(),
    }
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
        |row| Ok(last_of(row, 0)),
    )
    .await
}

/// Where the next entry hangs on: the head where it holds, else whatever is there.
pub(super) async fn end(tx: &mut Tx, sealer: &Sealer, chain: Option<Uuid>) -> Result<End, Error> {
    let (head, last) = read(tx, sealer, chain).await?;
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

/// A chain's head, under its seal.
pub(super) struct SealedHead {
    chain: Uuid,
    seq: u64,
    hash: [u8; 32],
    seal: [u8; 32],
}

impl SealedHead {
    pub(super) fn new(sealer: &Sealer, chain: Option<Uuid>, seq: u64, hash: [u8; 32]) -> Self {
        Self {
            chain: chain.unwrap_or(Uuid::nil()),
            seq,
            hash,
            seal: sealer.seal(chain, seq, &hash),
        }
    }
}

/// Makes the heads of chains, or moves them on.
pub(super) async fn write(tx: &mut Tx, heads: &[SealedHead]) -> Result<(), Error> {
    tx.execute_each(
        Sql::Each {
            sqlite: "insert into audit_heads (chain, seq, entry_hash, seal)
                values ($1, $2, $3, $4)
                on conflict (chain) do update
                    set seq = excluded.seq, entry_hash = excluded.entry_hash, seal = excluded.seal",
            postgres: "insert into audit_heads (chain, seq, entry_hash, seal)
                select * from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[])
                on conflict (chain) do update
                    set seq = excluded.seq, entry_hash = excluded.entry_hash, seal = excluded.seal",
        },
        heads
            .iter()
            .map(|head| values![head.chain, head.seq, &head.hash, &head.seal]),
    )
    .await
}

/// Opens a chain, in the transaction that makes what it is about. An entry for a chain that was never opened, or whose
/// head is gone, stays unsealed: who takes a chain away altogether does not get a new one. Only one opens chains at a
/// time, in [`crate::Db::write`], and nobody else makes a head.
pub async fn open(tx: &mut Tx, key: &[u8; 32], chain: Option<Uuid>) -> Result<(), Error> {
    let sealer = Sealer::new(key);
    if let (Head::Missing, None) = read(tx, &sealer, chain).await? {
        write(tx, &[SealedHead::new(&sealer, chain, 0, GENESIS)]).await?;
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
    let heads: Vec<SealedHead> = unsealed
        .into_iter()
        .map(|(chain, seq, hash)| SealedHead::new(&sealer, (!chain.is_nil()).then_some(chain), seq, hash))
        .collect();
    write(tx, &heads).await
}
