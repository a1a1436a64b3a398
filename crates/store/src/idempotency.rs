//! Idempotency keys of dispatches (decision 9): kept for 24 hours.

use crate::db::{Error, Tx};
use crate::values;
use std::time::Duration;
use uuid::Uuid;

/// How long a key is remembered.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Who used which key where.
#[derive(Debug, Clone)]
pub struct Key {
    /// For example `user:<uuid>`.
    pub principal: String,
    /// The project dispatched in.
    pub project_id: Uuid,
    /// The header's value.
    pub key: String,
}

/// The execution that a key made, with the digest of the body it came with.
pub async fn find(tx: &mut Tx, key: &Key) -> Result<Option<(Uuid, [u8; 32])>, Error> {
    let since = tx.now().checked_sub(KEPT).unwrap_or_default();
    tx.optional(
        "select execution_id, body_digest
        from idempotency_keys
        where principal = $1 and project_id = $2 and key = $3 and created_at >= $4",
        &values![&key.principal, key.project_id, &key.key, since],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .await
}

/// Remembers what a key made; an older use that has lapsed is replaced.
pub async fn remember(
    tx: &mut Tx,
    key: &Key,
    body_digest: &[u8; 32],
    execution_id: Uuid,
) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "insert into idempotency_keys (principal, project_id, key, body_digest, execution_id, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (principal, project_id, key) do update
        set body_digest = excluded.body_digest, execution_id = excluded.execution_id,
            created_at = excluded.created_at",
        &values![
            &key.principal,
            key.project_id,
            &key.key,
            body_digest,
            execution_id,
            now
        ],
    )
    .await?;
    Ok(())
}

/// Forgets lapsed keys, a few at a time. Returns how many.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let before = tx.now().checked_sub(KEPT).unwrap_or_default();
    tx.execute(
        "delete from idempotency_keys
        where (principal, project_id, key) in (
            select principal, project_id, key from idempotency_keys where created_at < $1 limit 1000
        )",
        &values![before],
    )
    .await
}
