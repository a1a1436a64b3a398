//! What a credential is worth at this moment, and which tokens act for somebody at another's wish.

use crate::db::{Error, Tx};
use crate::{principals, values};
use jiff::Timestamp;
use plex_domain::relation::ObjectRef;
use uuid::Uuid;

/// A credential that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is the newest secret, and not one that goes on for a while after a rotation.
    pub is_current: bool,
    /// Whether a person's login made it: nothing that comes of it outlives it.
    pub is_login: bool,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who is behind it: who issued it, or let it be issued by what they had been issued.
    pub issued_by: Uuid,
}

/// A token that somebody else has issued for an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delegated {
    /// The token.
    pub id: Uuid,
    /// Who issued it.
    pub issuer: ObjectRef,
}

/// How a token stands for who came with the secret of that hash, with the revision of the relations at which it does;
/// `None` when it opens nothing.
pub async fn standing(tx: &mut Tx, id: Uuid, hash: &[u8; 32]) -> Result<(u64, Option<Standing>), Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select newest.revision, t.expires_at, t.hash = $2, t.from_login, coalesce(t.issued_by, t.principal_id)
            from (select coalesce(max(revision), 0) as revision from relation_changes) as newest
                left join api_tokens t on t.id = $1
                    and (t.hash = $2 or (t.previous_hash = $2 and t.previous_until > $3))
                    and t.revoked_at is null
                    and t.expires_at > $3",
            &values![id, hash, now],
            |row| {
                let Some(expires_at) = row.get(1)? else {
                    return Ok((row.get(0)?, None));
                };
                let standing = Standing {
                    is_current: row.get(2)?,
                    is_login: row.get(3)?,
                    expires_at,
                    issued_by: row.get(4)?,
                };
                Ok((row.get(0)?, Some(standing)))
            },
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// The living tokens of an identity that others have issued.
pub async fn delegated(tx: &mut Tx, principal_id: Uuid) -> Result<Vec<Delegated>, Error> {
    let now = tx.now();
    tx.all(
        "select token.id, token.issued_by, issuer.kind
        from api_tokens as token
        join principals as issuer on issuer.id = token.issued_by
        where token.principal_id = $1
            and token.issued_by <> $1
            and token.revoked_at is null
            and token.expires_at > $2
        order by token.id",
        &values![principal_id, now],
        |row| {
            Ok(Delegated {
                id: row.get(0)?,
                issuer: principals::subject(principals::kind(row, 2)?, row.get(1)?),
            })
        },
    )
    .await
}
