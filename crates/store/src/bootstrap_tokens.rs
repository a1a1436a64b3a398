//! Bootstrap tokens: what a machine redeems to become a node (decision 25).
//!
//! Only a keyed hash of the secret is kept, and it is what a redemption looks up.

use crate::db::{Error, Row, Tx};
use crate::values;
use jiff::{SignedDuration, Timestamp};
use plex_api::bootstrap_tokens::{BootstrapTokenMetadata, NodeKind};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A token about to be stored.
#[derive(Clone)]
pub struct NewToken {
    /// The project that nodes join.
    pub project_id: Uuid,
    /// Keyed hash of the secret.
    pub hash: [u8; 32],
    /// Who redeems it.
    pub kind: NodeKind,
    /// A segment of the token's text.
    pub env_prefix: String,
    /// Labels that a node gets.
    pub labels: BTreeMap<String, String>,
    /// How often it can be redeemed.
    pub max_uses: u32,
    /// How long it can be redeemed, in seconds.
    pub ttl_seconds: u32,
    /// Who issued it.
    pub issued_by: Uuid,
}

/// Where the list stands: newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the token before was issued.
    pub issued_at: Timestamp,
    /// Its id.
    pub id: Uuid,
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// It can no longer be redeemed.
    Done,
    /// It was already revoked, or all its uses were spent.
    Settled,
    /// The project has no such token.
    NotFound,
}

macro_rules! tokens_sql {
    ($rest:literal) => {
        concat!(
            "select
                id, project_id, kind, env_prefix, issued_at, expires_at, consumed_at, revoked_at, issued_by,
                max_uses, uses, labels
            from bootstrap_tokens
            ",
            $rest
        )
    };
}

/// Stores a token.
pub async fn insert(tx: &mut Tx, new: &NewToken) -> Result<BootstrapTokenMetadata, Error> {
    let id = tx.new_id();
    let now = tx.now();
    let expires_at = now
        .checked_add(SignedDuration::from_secs(new.ttl_seconds.into()))
        .map_err(|_| Error::Corrupt("an expiry beyond the calendar".to_owned()))?;
    let labels = serde_json::to_string(&new.labels).expect("strings are JSON");
    tx.execute(
        "insert into bootstrap_tokens (
            id, project_id, hash, kind, env_prefix, labels, max_uses, issued_by, issued_at, expires_at
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &values![
            id,
            new.project_id,
            &new.hash,
            new.kind.as_str(),
            &new.env_prefix,
            &labels,
            new.max_uses,
            new.issued_by,
            now,
            expires_at,
        ],
    )
    .await?;
    find(tx, new.project_id, id)
        .await?
        .ok_or_else(|| Error::Corrupt("a token just stored is missing".to_owned()))
}

/// One token of a project.
pub async fn find(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Option<BootstrapTokenMetadata>, Error> {
    tx.optional(
        tokens_sql!("where id = $1 and project_id = $2"),
        &values![id, project_id],
        read,
    )
    .await
}

/// The token with this hash, whatever its state.
pub async fn find_by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<BootstrapTokenMetadata>, Error> {
    tx.optional(tokens_sql!("where hash = $1"), &values![hash], read)
        .await
}

/// A page of a project's tokens, newest first.
pub async fn page(
    tx: &mut Tx,
    project_id: Uuid,
    after: Option<Position>,
    limit: u32,
) -> Result<Vec<BootstrapTokenMetadata>, Error> {
    let after = after.unwrap_or(Position {
        issued_at: Timestamp::MAX,
        id: Uuid::max(),
    });
    tx.all(
        tokens_sql!(
            "where project_id = $1 and (issued_at, id) < ($2, $3)
            order by issued_at desc, id desc
            limit $4"
        ),
        &values![project_id, after.issued_at, after.id, limit],
        read,
    )
    .await
}

/// Spends one use. Returns false, and spends nothing, when none is left or the token cannot be redeemed
/// any more.
pub async fn spend(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update bootstrap_tokens
            set uses = uses + 1, consumed_at = case when uses + 1 = max_uses then $2 end
            where id = $1 and uses < max_uses and revoked_at is null and expires_at > $2",
            &values![id, tx.now()],
        )
        .await?;
    Ok(changed > 0)
}

/// Revokes a token.
pub async fn revoke(tx: &mut Tx, project_id: Uuid, id: Uuid) -> Result<Revoked, Error> {
    let Some(token) = find(tx, project_id, id).await? else {
        return Ok(Revoked::NotFound);
    };
    if token.consumed_at.is_some() || token.revoked_at.is_some() {
        return Ok(Revoked::Settled);
    }
    tx.execute(
        "update bootstrap_tokens set revoked_at = $2 where id = $1",
        &values![id, tx.now()],
    )
    .await?;
    Ok(Revoked::Done)
}

fn read(row: &Row<'_>) -> Result<BootstrapTokenMetadata, Error> {
    let kind: String = row.get(2)?;
    let labels = serde_json::from_str(&row.get::<String>(11)?);
    Ok(BootstrapTokenMetadata {
        id: row.get(0)?,
        project_id: row.get(1)?,
        kind: NodeKind::parse(&kind).ok_or_else(|| Error::Corrupt(format!("node kind {kind}")))?,
        env_prefix: row.get(3)?,
        issued_at: row.get(4)?,
        expires_at: row.get(5)?,
        consumed_at: row.get(6)?,
        revoked_at: row.get(7)?,
        issued_by_user_id: row.get(8)?,
        max_uses: Some(row.get(9)?),
        uses: Some(row.get(10)?),
        labels: labels.map_err(|error| Error::Corrupt(error.to_string()))?,
    })
}

#[cfg(test)]
mod tests;
