//! Erasing an identity: from then on nothing here tells who it was.
//!
//! What it did stays, under its pseudonym, for the audit chain's hashes cover no identity. Erasing is one short
//! transaction; audit entries lose the name behind it in small steps, and show none meanwhile.

use crate::db::{Error, Tx};
use crate::{device_codes, principals, relations, sessions, sign_ins, tokens, values};
use jiff::Timestamp;
use plex_api::tokens::PrincipalType;
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

/// Takes the names of erased identities off at most `limit` audit entries. Returns whether there may be more.
pub async fn clear_some(tx: &mut Tx, limit: u32) -> Result<bool, Error> {
    let identity = tx
        .optional(
            "select identity
            from erased_identities
            where cleared_at is null
            limit 1",
            &[],
            |row| row.get::<String>(0),
        )
        .await?;
    let Some(identity) = identity else {
        return Ok(false);
    };
    let cleared = tx
        .execute(
            "update audit_entries
            set identity = null
            where (chain, seq) in (
                select chain, seq
                from audit_entries indexed by audit_entries_by_identity
                where identity = $1
                limit $2
            )",
            &values![&identity, limit],
        )
        .await?;
    if cleared == 0 {
        let now = tx.now();
        tx.execute(
            "update erased_identities
            set cleared_at = $2
            where identity = $1",
            &values![&identity, now],
        )
        .await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
