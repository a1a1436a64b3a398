//! Rotation: a token gets a new secret, and the one before goes on for a while.

use super::{after, env};
use crate::db::{Error, Tx};
use crate::values;
use jiff::Timestamp;
use plex_api::tokens::TokenEnvironment;
use std::time::Duration;
use uuid::Uuid;

/// How long the secret before a rotation goes on, unless the token ends sooner.
pub const ROTATION_GRACE: Duration = Duration::from_secs(60 * 60);

/// A token before its secret is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotatable {
    /// A segment of its text.
    pub env: TokenEnvironment,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When the new secret expires: it lives as long as the one before was given. What a login made ends when it
    /// would have ended anyway.
    pub new_expires_at: Timestamp,
}

/// A token whose secret was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// When the new secret expires.
    pub expires_at: Timestamp,
    /// When the old one does, in whole seconds.
    pub rotation_deadline: Timestamp,
}

/// A living token of an identity, to be rotated.
pub async fn rotatable(tx: &mut Tx, principal_id: Uuid, id: Uuid) -> Result<Option<Rotatable>, Error> {
    let now = tx.now();
    tx.optional(
        "select env, expires_at, coalesce(rotated_at, created_at), from_login
        from api_tokens
        where id = $1 and principal_id = $2 and revoked_at is null and expires_at > $3",
        &values![id, principal_id, now],
        |row| {
            let expires_at: Timestamp = row.get(1)?;
            let given = expires_at.duration_since(row.get(2)?);
            let given = Duration::try_from(given)
                .map_err(|_| Error::Corrupt("a token that ended before it began".to_owned()))?;
            let is_from_login: bool = row.get(3)?;
            Ok(Rotatable {
                env: env(row, 0)?,
                expires_at,
                new_expires_at: if is_from_login {
                    expires_at
                } else {
                    after(now, given)?
                },
            })
        },
    )
    .await
}

/// Replaces a token's secret. The one before goes on for [`ROTATION_GRACE`] and no longer than it would have lived; one
/// that was still going on from an earlier rotation ends now.
pub async fn rotate(tx: &mut Tx, id: Uuid, token: Rotatable, hash: &[u8; 32]) -> Result<Rotated, Error> {
    let now = tx.now();
    let deadline = after(now, ROTATION_GRACE)?.min(token.expires_at);
    // The answer's header tells whole seconds, and both tell the same.
    let rotation_deadline = Timestamp::from_second(deadline.as_second())
        .map_err(|_| Error::Corrupt("a time beyond the calendar".to_owned()))?;
    tx.execute(
        "update api_tokens
        set previous_hash = hash, previous_until = $3, hash = $2, rotated_at = $4, expires_at = $5
        where id = $1",
        &values![id, hash, rotation_deadline, now, token.new_expires_at],
    )
    .await?;
    Ok(Rotated {
        expires_at: token.new_expires_at,
        rotation_deadline,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assurance::Assurance;
    use crate::tokens::{NewToken, Origin, authenticate, issue, revoke};
    use crate::{principals, testing};
    use plex_api::tokens::PrincipalType;

    const ANNA: Uuid = Uuid::from_u128(7);

    /// Anna's one token, whose secrets have the hashes 1, 2, 3 in their order.
    struct Rotating {
        clock: std::sync::Arc<testing::TestClock>,
        db: crate::Db,
        id: Uuid,
        _dir: tempfile::TempDir,
    }

    impl Rotating {
        async fn with(origin: Origin) -> Self {
            let clock = testing::TestClock::new();
            let (dir, db) = testing::db_at(clock.clone());
            let new = NewToken {
                principal_id: ANNA,
                env: TokenEnvironment::Prod,
                hash: [1; 32],
                ttl_seconds: 7200,
                not_after: None,
                issued_by: ANNA,
                origin,
            };
            let issued = db.write(async move |tx| {
                principals::ensure(tx, PrincipalType::User, ANNA).await?;
                issue(tx, &new).await
            });
            let id = issued.await.unwrap().id;
            Self {
                clock,
                db,
                id,
                _dir: dir,
            }
        }

        async fn rotate(&self, hash: u8) -> Option<Rotated> {
            let id = self.id;
            let rotated = self.db.write(async move |tx| {
                let Some(token) = rotatable(tx, ANNA, id).await? else {
                    return Ok(None);
                };
                rotate(tx, id, token, &[hash; 32]).await.map(Some)
            });
            let rotated: Result<_, Error> = rotated.await;
            rotated.unwrap()
        }

        /// Which of the three secrets open a door now.
        async fn living(&self) -> Vec<u8> {
            let living = self.db.write(async |tx| {
                let mut living = Vec::new();
                for hash in 1..=3 {
                    living.extend(authenticate(tx, &[hash; 32]).await?.map(|_| hash));
                }
                Ok::<_, Error>(living)
            });
            living.await.unwrap()
        }

        fn wait(&self, seconds: u64) {
            self.clock.advance(Duration::from_secs(seconds));
        }
    }

    #[tokio::test]
    async fn an_old_secret_goes_on_for_its_grace_and_no_longer() {
        let token = Rotating::with(Origin::Issued).await;
        let rotated = token.rotate(2).await.unwrap();
        assert_eq!(token.living().await, [1, 2]);
        token.wait(3599);
        assert_eq!(token.living().await, [1, 2]);
        token.wait(1);
        assert_eq!(token.living().await, [2]);
        assert_eq!(
            rotated
                .expires_at
                .duration_since(rotated.rotation_deadline)
                .as_secs(),
            3600
        );
        token.wait(3599);
        assert_eq!(token.living().await, [2]);
        token.wait(1);
        assert_eq!(token.living().await, [] as [u8; 0]);
        assert_eq!(token.rotate(3).await, None, "what has expired does not come back");
    }

    #[tokio::test]
    async fn a_second_rotation_ends_the_oldest_secret_and_a_revocation_ends_both() {
        let token = Rotating::with(Origin::Issued).await;
        token.rotate(2).await.unwrap();
        token.wait(60);
        token.rotate(3).await.unwrap();
        assert_eq!(token.living().await, [2, 3]);
        let id = token.id;
        assert!(
            token
                .db
                .write(async move |tx| revoke(tx, ANNA, id).await)
                .await
                .unwrap()
        );
        assert_eq!(token.living().await, [] as [u8; 0]);
        assert_eq!(token.rotate(4).await, None, "nor does what was revoked");
    }

    #[tokio::test]
    async fn an_old_secret_never_outlives_itself() {
        let token = Rotating::with(Origin::Issued).await;
        token.wait(7000);
        let rotated = token.rotate(2).await.unwrap();
        assert_eq!(
            rotated
                .expires_at
                .duration_since(rotated.rotation_deadline)
                .as_secs(),
            7000
        );
        token.wait(199);
        assert_eq!(token.living().await, [1, 2]);
        token.wait(1);
        assert_eq!(token.living().await, [2]);
    }

    #[tokio::test]
    async fn a_rotation_does_not_make_a_login_longer() {
        let assurance = Assurance {
            acr: Some("mfa".to_owned()),
            amr: Vec::new(),
        };
        let token = Rotating::with(Origin::Login(assurance.clone())).await;
        token.wait(3600);
        let rotated = token.rotate(2).await.unwrap();
        assert_eq!(rotated.expires_at, rotated.rotation_deadline);
        let caller = token
            .db
            .read(async |tx| authenticate(tx, &[2; 32]).await)
            .await
            .unwrap();
        assert_eq!(caller.unwrap().assurance, assurance);
        token.wait(3600);
        assert_eq!(token.living().await, [] as [u8; 0]);
    }
}
