//! API tokens: who a caller is, and for how long. Only keyed hashes of them are kept.

mod rotation;
mod standing;

pub use rotation::{ROTATION_GRACE, Rotatable, Rotated, rotatable, rotate};
pub use standing::{Delegated, Standing, delegated, standing};

use crate::assurance::Assurance;
use crate::db::{Error, Row, Tx};
use crate::{principals, values};
use jiff::Timestamp;
use plex_api::tokens::{APITokenSummary, PrincipalType, TokenEnvironment};
use std::time::Duration;
use uuid::Uuid;

/// `last_used_at` is written at most this often.
pub const USE_PRECISION: Duration = Duration::from_secs(60);

/// Most living tokens of an identity. What a login makes is counted, but takes the place of an earlier login's.
pub const MOST: u64 = 200;
/// How long a token is remembered after its end.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Who came with a token or a session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The identity.
    pub principal_id: Uuid,
    /// Person or service.
    pub kind: PrincipalType,
    /// What it came with.
    pub presented: Presented,
    /// From the identity provider, if any.
    pub email: Option<String>,
    /// How it proved who it is.
    pub assurance: Assurance,
    /// The revision of the relations at the look-up.
    pub revision: u64,
}

/// What a caller came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// An API token.
    Token {
        /// The token's id.
        id: Uuid,
        /// The keyed hash of the secret: it may have an older one besides.
        hash: [u8; 32],
        /// When it was last used, as far as that was written down.
        last_used_at: Option<Timestamp>,
    },
    /// A browser's session.
    Session {
        /// The session's id.
        id: Uuid,
        /// The keyed hash of the cookie that goes with it.
        csrf_hash: [u8; 32],
    },
}

/// A token about to be kept.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whom it acts as.
    pub principal_id: Uuid,
    /// A segment of its text.
    pub env: TokenEnvironment,
    /// The keyed hash of its text.
    pub hash: [u8; 32],
    /// How long it lives, in seconds.
    pub ttl_seconds: u32,
    /// When it ends at the latest: with what it comes of.
    pub not_after: Option<Timestamp>,
    /// Who stands behind it.
    pub issued_by: Uuid,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was issued.
    Issued,
    /// A login made it, for somebody who had proved who they are in this way. No rotation lengthens its life.
    Login(Assurance),
}

/// A token that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// Its id.
    pub id: Uuid,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The caller with a token of that hash; `None` when it is unknown, revoked or expired.
///
/// One statement finds the token and reads the revision of the relations, so that no check relies on anything
/// older than the token's own validity (decision 28).
pub async fn authenticate(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Caller>, Error> {
    let now = tx.now();
    tx.optional(
        "select
            token.id, token.principal_id, principal.kind, principal.email, token.last_used_at,
            token.acr, token.amr,
            (select max(revision) from relation_changes)
        from api_tokens as token
        join principals as principal on principal.id = token.principal_id
        where token.id = (
                select id from api_tokens where hash = $1
                union all
                select id from api_tokens where previous_hash = $1 and previous_until > $2
                limit 1
            )
            and token.revoked_at is null
            and token.expires_at > $2",
        &values![hash, now],
        |row| read_caller(row, hash),
    )
    .await
}

fn read_caller(row: &Row<'_>, hash: &[u8; 32]) -> Result<Caller, Error> {
    Ok(Caller {
        presented: Presented::Token {
            id: row.get(0)?,
            hash: *hash,
            last_used_at: row.get(4)?,
        },
        principal_id: row.get(1)?,
        kind: principals::kind(row, 2)?,
        email: row.get(3)?,
        assurance: Assurance::read(row, 5)?,
        revision: row.get::<Option<u64>>(7)?.unwrap_or(0),
    })
}

/// Keeps a token of a known identity.
pub async fn issue(tx: &mut Tx, new: &NewToken) -> Result<Issued, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let expires_at = after(now, Duration::from_secs(new.ttl_seconds.into()))?;
    let expires_at = new.not_after.map_or(expires_at, |end| expires_at.min(end));
    let (from_login, assurance) = match &new.origin {
        Origin::Issued => (false, Assurance::default()),
        Origin::Login(assurance) => (true, assurance.clone()),
    };
    tx.execute(
        "insert into api_tokens (id, principal_id, hash, env, created_at, expires_at, issued_by, from_login, acr, amr)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &values![
            id,
            new.principal_id,
            &new.hash,
            new.env.as_str(),
            now,
            expires_at,
            new.issued_by,
            from_login,
            assurance.acr.as_ref(),
            assurance.methods().as_ref(),
        ],
    )
    .await?;
    Ok(Issued { id, expires_at })
}

/// A time after another.
pub(crate) fn after(time: Timestamp, span: Duration) -> Result<Timestamp, Error> {
    time.checked_add(span)
        .map_err(|_| Error::Corrupt("a time beyond the calendar".to_owned()))
}

fn env(row: &Row<'_>, column: usize) -> Result<TokenEnvironment, Error> {
    let env: String = row.get(column)?;
    TokenEnvironment::parse(&env).ok_or_else(|| Error::Corrupt(format!("a token of environment {env:?}")))
}

/// The tokens of an identity that were not revoked, oldest first.
pub async fn list(tx: &mut Tx, principal_id: Uuid) -> Result<Vec<APITokenSummary>, Error> {
    tx.all(
        "select id, env, last_used_at, created_at, expires_at, rotated_at
        from api_tokens
        where principal_id = $1 and revoked_at is null
        order by id",
        &values![principal_id],
        |row| {
            Ok(APITokenSummary {
                id: row.get(0)?,
                env_prefix: env(row, 1)?,
                last_used_at: row.get(2)?,
                created_at: row.get(3)?,
                expires_at: row.get(4)?,
                rotated_at: row.get(5)?,
            })
        },
    )
    .await
}

/// Ends a token of an identity at once. Returns whether it had such a token.
pub async fn revoke(tx: &mut Tx, principal_id: Uuid, id: Uuid) -> Result<bool, Error> {
    let now = tx.now();
    let revoked = tx
        .execute(
            "update api_tokens
            set revoked_at = $3
            where id = $1 and principal_id = $2 and revoked_at is null",
            &values![id, principal_id, now],
        )
        .await?;
    Ok(revoked > 0)
}

/// Ends all tokens of an identity at once. Returns how many.
pub async fn revoke_all(tx: &mut Tx, principal_id: Uuid) -> Result<usize, Error> {
    let now = tx.now();
    tx.execute(
        "update api_tokens
        set revoked_at = $2
        where principal_id = $1 and revoked_at is null",
        &values![principal_id, now],
    )
    .await
}

/// How many living tokens an identity has.
pub async fn living(tx: &mut Tx, principal_id: Uuid) -> Result<u64, Error> {
    let now = tx.now();
    let count = tx
        .optional(
            "select count(*)
            from api_tokens
            where principal_id = $1 and revoked_at is null and expires_at > $2",
            &values![principal_id, now],
            |row| row.get::<u64>(0),
        )
        .await?;
    Ok(count.unwrap_or_default())
}

/// Ends the oldest living token of an identity that a login made.
pub async fn end_oldest_login(tx: &mut Tx, principal_id: Uuid) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "update api_tokens
        set revoked_at = $2
        where id = (
            select id
            from api_tokens
            where principal_id = $1 and from_login = 1 and revoked_at is null and expires_at > $2
            order by id
            limit 1
        )",
        &values![principal_id, now],
    )
    .await?;
    Ok(())
}

/// Forgets some tokens that ended a while ago. Returns how many.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let over = tx.now().checked_sub(MEMORY).unwrap_or_default();
    tx.execute(
        "delete from api_tokens
        where id in (
            select id from api_tokens where coalesce(revoked_at, expires_at) <= $1 limit 1000
        )",
        &values![over],
    )
    .await
}

/// Writes down that tokens were used, for those that were not marked within [`USE_PRECISION`].
pub async fn note_uses(tx: &mut Tx, tokens: &[Uuid]) -> Result<(), Error> {
    let now = tx.now();
    let marked_before = now.checked_sub(USE_PRECISION).unwrap_or_default();
    tx.execute_each(
        "update api_tokens
        set last_used_at = $2
        where id = $1 and (last_used_at is null or last_used_at <= $3)",
        tokens.iter().map(|id| values![*id, now, marked_before]),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{relations, testing};

    const ANNA: Uuid = Uuid::from_u128(7);
    const ROBOT: Uuid = Uuid::from_u128(8);

    fn token(principal_id: Uuid, hash: u8) -> NewToken {
        NewToken {
            principal_id,
            env: TokenEnvironment::Prod,
            hash: [hash; 32],
            ttl_seconds: 3600,
            not_after: None,
            issued_by: principal_id,
            origin: Origin::Issued,
        }
    }

    fn last_use(caller: &Caller) -> Option<Timestamp> {
        let Presented::Token { last_used_at, .. } = caller.presented else {
            panic!("a token")
        };
        last_used_at
    }

    #[tokio::test]
    async fn a_caller_comes_with_the_revision_of_the_relations() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            principals::ensure(tx, PrincipalType::Service, ROBOT).await?;
            let issued = issue(tx, &token(ANNA, 1)).await?;
            issue(tx, &token(ROBOT, 2)).await?;
            let anna = authenticate(tx, &[1; 32]).await?.unwrap();
            assert_eq!((anna.principal_id, anna.kind), (ANNA, PrincipalType::User));
            let came_with = Presented::Token {
                id: issued.id,
                hash: [1; 32],
                last_used_at: None,
            };
            assert_eq!(anna.presented, came_with);
            assert_eq!(anna.revision, 0, "nothing was granted yet");
            testing::domain(tx, "acme").await?;
            let robot = authenticate(tx, &[2; 32]).await?.unwrap();
            assert_eq!(robot.kind, PrincipalType::Service);
            assert_eq!(robot.revision, relations::revision(tx).await?);
            assert!(robot.revision > anna.revision);
            assert_eq!(authenticate(tx, &[3; 32]).await?, None);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn revoked_and_expired_tokens_are_nobodys() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        let (first, second) = db
            .write(async move |tx| {
                principals::ensure(tx, PrincipalType::User, ANNA).await?;
                principals::ensure(tx, PrincipalType::User, ROBOT).await?;
                let issued = (
                    issue(tx, &token(ANNA, 1)).await?,
                    issue(tx, &token(ANNA, 2)).await?,
                );
                assert!(!revoke(tx, ROBOT, issued.0.id).await?, "another's token");
                assert!(revoke(tx, ANNA, issued.0.id).await?);
                assert!(!revoke(tx, ANNA, issued.0.id).await?, "revoked before");
                assert_eq!(authenticate(tx, &[1; 32]).await?, None);
                assert!(authenticate(tx, &[2; 32]).await?.is_some());
                Ok::<_, Error>(issued)
            })
            .await
            .unwrap();
        assert_ne!(first.id, second.id);
        clock.advance(Duration::from_secs(3600) - Duration::from_micros(1));
        let last_moment = db
            .read(async |tx| authenticate(tx, &[2; 32]).await)
            .await
            .unwrap();
        assert!(last_moment.is_some());
        clock.advance(Duration::from_micros(1));
        let over = db
            .read(async |tx| authenticate(tx, &[2; 32]).await)
            .await
            .unwrap();
        assert_eq!(over, None);
        let listed = db.read(async |tx| list(tx, ANNA).await).await.unwrap();
        assert_eq!(
            listed.iter().map(|token| token.id).collect::<Vec<_>>(),
            [second.id]
        );
        assert_eq!(listed[0].expires_at, second.expires_at);
        let revoked = db.write(async |tx| revoke_all(tx, ANNA).await).await.unwrap();
        assert_eq!(revoked, 1);
    }

    #[tokio::test]
    async fn a_login_takes_the_place_of_the_oldest_login_alone() {
        let (_dir, db) = testing::db();
        db.write(async move |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            issue(tx, &token(ANNA, 1)).await?;
            for hash in 2..=3 {
                let login = NewToken {
                    origin: Origin::Login(Assurance::default()),
                    ..token(ANNA, hash)
                };
                issue(tx, &login).await?;
            }
            assert_eq!(living(tx, ANNA).await?, 3);
            end_oldest_login(tx, ANNA).await?;
            assert_eq!(living(tx, ANNA).await?, 2);
            assert_eq!(authenticate(tx, &[2; 32]).await?, None);
            for hash in [1, 3] {
                assert!(authenticate(tx, &[hash; 32]).await?.is_some());
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_token_is_forgotten_a_month_after_its_end() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        db.write(async move |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            let revoked = issue(tx, &token(ANNA, 1)).await?;
            issue(tx, &token(ANNA, 2)).await?;
            revoke(tx, ANNA, revoked.id).await
        })
        .await
        .unwrap();
        let swept = async || db.write(async |tx| sweep(tx).await).await.unwrap();
        clock.advance(MEMORY - Duration::from_micros(1));
        assert_eq!(swept().await, 0);
        clock.advance(Duration::from_micros(1));
        assert_eq!(swept().await, 1, "the revoked one");
        clock.advance(Duration::from_secs(3600));
        assert_eq!(swept().await, 1, "the expired one");
    }

    #[tokio::test]
    async fn a_use_is_written_once_a_minute() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        let id = db
            .write(async |tx| {
                principals::ensure(tx, PrincipalType::User, ANNA).await?;
                issue(tx, &token(ANNA, 1)).await
            })
            .await
            .unwrap()
            .id;
        let mut marks = Vec::new();
        for _ in 0..3 {
            let used = db
                .write(async move |tx| {
                    note_uses(tx, &[id]).await?;
                    authenticate(tx, &[1; 32]).await
                })
                .await
                .unwrap();
            marks.push(last_use(&used.unwrap()).unwrap());
            clock.advance(Duration::from_secs(30));
        }
        assert_eq!(marks[0], marks[1]);
        assert_eq!(marks[2].duration_since(marks[0]).as_secs(), 60);
    }
}
