//! Browser sessions: a random cookie in place of a token (decision 27). Only keyed hashes are kept.

use crate::assurance::Assurance;
use crate::db::{Error, Tx};
use crate::tokens::{self, Caller, Presented, Standing};
use crate::{principals, values};
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// The longest life of a session (decision 27).
pub const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it is.
    pub principal_id: Uuid,
    /// The keyed hash of the session cookie.
    pub hash: [u8; 32],
    /// The keyed hash of the cookie that scripts repeat.
    pub csrf_hash: [u8; 32],
    /// How its person proved who they are.
    pub assurance: Assurance,
}

/// The caller with a session cookie of that hash; `None` when it is unknown or over. Like
/// [`tokens::authenticate`], one statement reads the session and the revision of the relations (decision 28).
pub async fn authenticate(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Caller>, Error> {
    let now = tx.now();
    tx.optional(
        "select
            session.id, session.principal_id, principal.kind, principal.email, session.csrf_hash,
            session.acr, session.amr,
            (select max(revision) from relation_changes)
        from sessions as session
        join principals as principal on principal.id = session.principal_id
        where session.hash = $1
            and session.ended_at is null
            and session.expires_at > $2",
        &values![hash, now],
        |row| {
            Ok(Caller {
                presented: Presented::Session {
                    id: row.get(0)?,
                    csrf_hash: row.get(4)?,
                },
                principal_id: row.get(1)?,
                kind: principals::kind(row, 2)?,
                email: row.get(3)?,
                assurance: Assurance::read(row, 5)?,
                revision: row.get::<Option<u64>>(7)?.unwrap_or(0),
            })
        },
    )
    .await
}

/// How a session stands, with the revision of the relations at which it does; `None` when it is over.
pub async fn standing(tx: &mut Tx, id: Uuid) -> Result<(u64, Option<Standing>), Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select newest.revision, s.expires_at, s.principal_id
            from (select coalesce(max(revision), 0) as revision from relation_changes) as newest
                left join sessions s on s.id = $1 and s.ended_at is null and s.expires_at > $2",
            &values![id, now],
            |row| {
                let Some(expires_at) = row.get(1)? else {
                    return Ok((row.get(0)?, None));
                };
                let standing = Standing {
                    is_current: true,
                    is_login: true,
                    expires_at,
                    issued_by: row.get(2)?,
                };
                Ok((row.get(0)?, Some(standing)))
            },
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// Begins a session; returns when it ends.
pub async fn begin(tx: &mut Tx, new: &NewSession) -> Result<Timestamp, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let expires_at = tokens::after(now, LIFE)?;
    tx.execute(
        "insert into sessions (id, hash, csrf_hash, principal_id, created_at, expires_at, acr, amr)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &values![
            id,
            &new.hash,
            &new.csrf_hash,
            new.principal_id,
            now,
            expires_at,
            new.assurance.acr.as_ref(),
            new.assurance.methods().as_ref(),
        ],
    )
    .await?;
    Ok(expires_at)
}

/// Ends a session at once. What its person approved before stays approved: one approves a login, and closes the
/// browser.
pub async fn end(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "update sessions set ended_at = $2 where id = $1 and ended_at is null",
        &values![id, now],
    )
    .await?;
    Ok(())
}

/// Ends the session of a cookie of that hash, if there is one.
pub async fn end_by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "update sessions set ended_at = $2 where hash = $1 and ended_at is null",
        &values![hash, now],
    )
    .await?;
    Ok(())
}

/// Ends all sessions of an identity at once, and with them what was approved in them. Returns how many, those signed
/// out of too.
pub async fn end_all(tx: &mut Tx, principal_id: Uuid) -> Result<usize, Error> {
    tx.execute(
        "delete from sessions where principal_id = $1",
        &values![principal_id],
    )
    .await
}

/// Forgets sessions that are over.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let now = tx.now();
    tx.execute("delete from sessions where expires_at <= $1", &values![now])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{relations, testing};
    use plex_api::tokens::PrincipalType;

    const ANNA: Uuid = Uuid::from_u128(7);

    fn session(hash: u8) -> NewSession {
        NewSession {
            principal_id: ANNA,
            hash: [hash; 32],
            csrf_hash: [hash + 100; 32],
            assurance: Assurance {
                acr: Some("mfa".to_owned()),
                amr: vec!["pwd".to_owned(), "otp".to_owned()],
            },
        }
    }

    #[tokio::test]
    async fn a_session_is_its_person_with_all_they_hold_until_it_is_over() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        db.write(async |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            testing::domain(tx, "acme").await?;
            begin(tx, &session(1)).await
        })
        .await
        .unwrap();
        let found = async |hash: u8| {
            db.read(async move |tx| authenticate(tx, &[hash; 32]).await)
                .await
                .unwrap()
        };
        clock.advance(LIFE - Duration::from_micros(1));
        let caller = found(1).await.unwrap();
        let newest = db.read(relations::revision).await.unwrap();
        assert_eq!((caller.principal_id, caller.revision), (ANNA, newest));
        assert!(newest > 0);
        assert_eq!(caller.assurance, session(1).assurance);
        assert!(matches!(caller.presented, Presented::Session { csrf_hash, .. } if csrf_hash == [101; 32]));
        assert_eq!(found(2).await, None);
        clock.advance(Duration::from_micros(1));
        assert_eq!(found(1).await, None);
        assert_eq!(db.write(async |tx| sweep(tx).await).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_ended_session_is_nobodys() {
        let (_dir, db) = testing::db();
        db.write(async |tx| {
            principals::ensure(tx, PrincipalType::User, ANNA).await?;
            for hash in 1..=3 {
                begin(tx, &session(hash)).await?;
            }
            let caller = authenticate(tx, &[1; 32]).await?.unwrap();
            let Presented::Session { id, .. } = caller.presented else {
                panic!("a session")
            };
            assert!(standing(tx, id).await?.1.is_some());
            end(tx, id).await?;
            assert_eq!(standing(tx, id).await?.1, None);
            assert_eq!(authenticate(tx, &[1; 32]).await?, None);
            assert!(authenticate(tx, &[2; 32]).await?.is_some());
            assert_eq!(end_all(tx, ANNA).await?, 3);
            assert_eq!(authenticate(tx, &[2; 32]).await?, None);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
