//! Erasing an identity: from then on nothing here tells who it was.
//!
//! What it did stays, under its pseudonym, for the audit chain's hashes cover no identity. Erasing is one short
//! transaction; audit entries lose the name behind it in small steps, and show none meanwhile.

use crate::db::{Error, Tx};
use crate::{device_codes, principals, relations, sessions, sign_ins, tokens, values};
use jiff::Timestamp;
use plex_api::tokens::PrincipalType;
use plex_domain::audit::pseudonym;
use uuid::Uuid;

/// An identity that is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Person or service.
    pub kind: PrincipalType,
    /// Since when.
    pub erased_at: Timestamp,
    /// Whether it was erased before this call.
    pub is_repeated: bool,
}

/// Erases an identity: its e-mail address, who it is at the identity provider, its tokens, sessions and logins, its
/// relations, and its name in the audit chains. Who signs in anew is somebody new.
/// `None` for one that was never known.
pub async fn erase(tx: &mut Tx, id: Uuid) -> Result<Option<Erased>, Error> {
    let Some(kind) = principals::kind_of(tx, id).await? else {
        return Ok(None);
    };
    let subject = principals::subject(kind, id);
    if let Some(erased_at) = erased_at(tx, id).await? {
        return Ok(Some(Erased {
            kind,
            erased_at,
            is_repeated: true,
        }));
    }
    let now = tx.now();
    tx.execute(
        "insert into erased_identities (identity, principal_id, erased_at)
        values ($1, $2, $3)",
        &values![&subject.to_string(), id, now],
    )
    .await?;
    tx.execute(
        "update principals
        set email = null
        where id = $1",
        &values![id],
    )
    .await?;
    tokens::revoke_all(tx, id).await?;
    sessions::end_all(tx, id).await?;
    sign_ins::forget(tx, id).await?;
    device_codes::forget(tx, id).await?;
    relations::delete_all_of(tx, subject).await?;
    Ok(Some(Erased {
        kind,
        erased_at: now,
        is_repeated: false,
    }))
}

/// Whether an identity was erased.
pub async fn is_erased(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    Ok(erased_at(tx, id).await?.is_some())
}

async fn erased_at(tx: &mut Tx, id: Uuid) -> Result<Option<Timestamp>, Error> {
    tx.optional(
        "select erased_at
        from erased_identities
        where principal_id = $1",
        &values![id],
        |row| row.get(0),
    )
    .await
}

/// How far clearing has come: what was written about whom is found chain by chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    identity: String,
    chain: Uuid,
    seq: u64,
}

/// Takes the names of erased identities off at most `limit` audit entries, after those that were cleared in the step
/// before. `key` makes the pseudonyms. Returns how far it came; `None` when no name is left.
pub async fn clear_some(
    tx: &mut Tx,
    key: &[u8; 32],
    before: Option<Cleared>,
    limit: u32,
) -> Result<Option<Cleared>, Error> {
    let Some(place) = place(tx, before).await? else {
        return Ok(None);
    };
    let chain = (!place.chain.is_nil()).then_some(place.chain);
    let subject = pseudonym(key, chain, &place.identity);
    let found = tx
        .all(
            "select seq
            from audit_entries indexed by audit_entries_by_subject
            where chain = $1 and subject = $2 and seq > $3
            order by seq
            limit $4",
            &values![place.chain, &subject, place.seq, limit],
            |row| row.get::<u64>(0),
        )
        .await?;
    for seq in &found {
        tx.execute(
            "update audit_entries
            set identity = null
            where chain = $1 and seq = $2 and identity = $3",
            &values![place.chain, *seq, &place.identity],
        )
        .await?;
    }
    if let (Some(last), true) = (found.last(), found.len() == limit as usize) {
        return Ok(Some(Cleared { seq: *last, ..place }));
    }
    if let Some(chain) = chain_after(tx, place.chain).await? {
        return Ok(Some(Cleared {
            chain,
            seq: 0,
            ..place
        }));
    }
    let now = tx.now();
    tx.execute(
        "update erased_identities
        set cleared_at = $2
        where identity = $1",
        &values![&place.identity, now],
    )
    .await?;
    Ok(Some(place))
}

/// Where to go on: in the middle of an identity, or at the first place of the next one.
async fn place(tx: &mut Tx, before: Option<Cleared>) -> Result<Option<Cleared>, Error> {
    let left = tx
        .all(
            "select identity
            from erased_identities
            where cleared_at is null
            order by identity",
            &[],
            |row| row.get::<String>(0),
        )
        .await?;
    if let Some(before) = before.filter(|before| left.contains(&before.identity)) {
        return Ok(Some(before));
    }
    Ok(left.into_iter().next().map(|identity| Cleared {
        identity,
        chain: Uuid::nil(),
        seq: 0,
    }))
}

async fn chain_after(tx: &mut Tx, chain: Uuid) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select chain
        from audit_entries
        where chain > $1
        order by chain
        limit 1",
        &values![chain],
        |row| row.get(0),
    )
    .await
}

#[cfg(test)]
mod tests;
