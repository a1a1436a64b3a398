//! People on their way to the identity provider, and who they turn out to be here.

use crate::db::{Error, Tx};
use crate::{principals, tokens, values};
use plex_api::tokens::PrincipalType;
use std::time::Duration;
use uuid::Uuid;

/// How long one may take at the provider.
pub const LIFE: Duration = Duration::from_secs(600);
/// Most people on their way at once.
pub const OPEN: u64 = 10_000;

/// Somebody who sets out.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// The keyed hash of the state that travels with them.
    pub state_hash: [u8; 32],
    /// The keyed hash of their browser's cookie.
    pub browser_hash: [u8; 32],
    /// The keyed hash of the session cookie that their browser has.
    pub session_hash: Option<[u8; 32]>,
    /// Where they go afterwards.
    pub return_to: String,
}

/// Somebody who is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Where they wanted to go.
    pub return_to: String,
    /// The keyed hash of the session cookie that their browser had.
    pub session_hash: Option<[u8; 32]>,
}

/// Somebody the provider vouches for.
#[derive(Debug, Clone)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// Their name for the person, which never changes.
    pub subject: String,
    /// Their address, where the provider has verified it.
    pub email: Option<String>,
}

/// Notes that somebody sets out. When too many are on their way, who set out first gives way.
pub async fn begin(tx: &mut Tx, new: &NewSignIn) -> Result<Uuid, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let open = tx
        .optional(
            "select count(*) from sign_ins where expires_at > $1",
            &values![now],
            |row| row.get::<u64>(0),
        )
        .await?;
    if open.unwrap_or_default() >= OPEN {
        tx.execute(
            "delete from sign_ins
            where id = (select id from sign_ins where expires_at > $1 order by expires_at limit 1)",
            &values![now],
        )
        .await?;
    }
    tx.execute(
        "insert into sign_ins (id, state_hash, browser_hash, session_hash, return_to, expires_at)
        values ($1, $2, $3, $4, $5, $6)",
        &values![
            id,
            &new.state_hash,
            &new.browser_hash,
            new.session_hash.as_ref(),
            &new.return_to,
            tokens::after(now, LIFE)?
        ],
    )
    .await?;
    Ok(id)
}

/// Whether somebody is on their way with that state from that browser: asked before [`finish`], which writes.
pub async fn is_under_way(
    tx: &mut Tx,
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<bool, Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select 1 from sign_ins where state_hash = $1 and browser_hash = $2 and expires_at > $3",
            &values![state_hash, browser_hash, now],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// Takes somebody's return. `None` when nobody set out with that state from that browser,
/// or too long ago. Whoever returns does so once.
pub async fn finish(
    tx: &mut Tx,
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<Option<Returned>, Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select id, return_to, session_hash
            from sign_ins
            where state_hash = $1 and browser_hash = $2 and expires_at > $3",
            &values![state_hash, browser_hash, now],
            |row| {
                let returned = Returned {
                    return_to: row.get(1)?,
                    session_hash: row.get(2)?,
                };
                Ok((row.get::<Uuid>(0)?, returned))
            },
        )
        .await?;
    let Some((id, returned)) = found else {
        return Ok(None);
    };
    tx.execute("delete from sign_ins where id = $1", &values![id])
        .await?;
    Ok(Some(returned))
}

/// The user whom the provider vouches for, made at their first sign-in. Their address is kept as the provider says
/// it now.
pub async fn identify(tx: &mut Tx, person: &Person) -> Result<Uuid, Error> {
    let known = tx
        .optional(
            "select principal_id
            from provider_identities
            where issuer = $1 and subject = $2",
            &values![&person.issuer, &person.subject],
            |row| row.get::<Uuid>(0),
        )
        .await?;
    let id = match known {
        Some(id) => id,
        None => {
            let (id, now) = (tx.new_id(), tx.now());
            principals::ensure(tx, PrincipalType::User, id).await?;
            tx.execute(
                "insert into provider_identities (issuer, subject, principal_id, created_at)
                values ($1, $2, $3, $4)",
                &values![&person.issuer, &person.subject, id, now],
            )
            .await?;
            id
        }
    };
    tx.execute(
        "update principals
        set email = $2
        where id = $1 and email is not $2",
        &values![id, person.email.as_ref()],
    )
    .await?;
    Ok(id)
}

/// Forgets who an identity is at the provider.
pub async fn forget(tx: &mut Tx, principal_id: Uuid) -> Result<(), Error> {
    tx.execute(
        "delete from provider_identities where principal_id = $1",
        &values![principal_id],
    )
    .await?;
    Ok(())
}

/// Forgets those who did not return in time.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let now = tx.now();
    tx.execute("delete from sign_ins where expires_at <= $1", &values![now])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn sign_in(state: u8) -> NewSignIn {
        NewSignIn {
            state_hash: [state; 32],
            browser_hash: [9; 32],
            session_hash: Some([8; 32]),
            return_to: "/v1/auth/device".to_owned(),
        }
    }

    #[tokio::test]
    async fn one_returns_once_from_the_same_browser_and_in_time() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        let back = async |state: u8, browser: u8| {
            db.write(async move |tx| finish(tx, &[state; 32], &[browser; 32]).await)
                .await
                .unwrap()
        };
        for state in 1..=2 {
            db.write(async move |tx| begin(tx, &sign_in(state)).await)
                .await
                .unwrap();
        }
        let under_way = async |state: u8, browser: u8| {
            db.read(async move |tx| is_under_way(tx, &[state; 32], &[browser; 32]).await)
                .await
                .unwrap()
        };
        assert!(under_way(1, 9).await && !under_way(1, 8).await);
        assert_eq!(back(1, 8).await, None, "another browser");
        let returned = Returned {
            return_to: "/v1/auth/device".to_owned(),
            session_hash: Some([8; 32]),
        };
        assert_eq!(back(1, 9).await, Some(returned));
        assert!(!under_way(1, 9).await);
        assert_eq!(back(1, 9).await, None, "a second time");
        clock.advance(LIFE);
        assert_eq!(back(2, 9).await, None, "too late");
        assert_eq!(db.write(async |tx| sweep(tx).await).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn who_set_out_first_gives_way_when_too_many_are_on_their_way() {
        let clock = testing::TestClock::new();
        let (_dir, db) = testing::db_at(clock.clone());
        db.write(async |tx| {
            let expires_at = tokens::after(tx.now(), LIFE)?;
            let ids: Vec<Uuid> = (0..OPEN).map(|_| tx.new_id()).collect();
            tx.execute_each(
                "insert into sign_ins (id, state_hash, browser_hash, return_to, expires_at)
                values ($1, $2, $2, '/', $3)",
                ids.iter()
                    .map(|id| values![*id, id.as_bytes().as_slice(), expires_at]),
            )
            .await
        })
        .await
        .unwrap();
        clock.advance(Duration::from_secs(1));
        db.write(async |tx| begin(tx, &sign_in(1)).await).await.unwrap();
        let left = db
            .write(async |tx| {
                let count = tx
                    .optional("select count(*) from sign_ins", &[], |row| row.get::<u64>(0))
                    .await?;
                Ok::<_, Error>((count, is_under_way(tx, &[1; 32], &[9; 32]).await?))
            })
            .await
            .unwrap();
        assert_eq!(left, (Some(OPEN), true));
    }

    #[tokio::test]
    async fn a_person_stays_the_same_user_and_their_address_is_todays() {
        let (_dir, db) = testing::db();
        db.write(async |tx| {
            let mut person = Person {
                issuer: "https://id.example".to_owned(),
                subject: "anna".to_owned(),
                email: Some("anna@example.org".to_owned()),
            };
            let anna = identify(tx, &person).await?;
            person.email = None;
            assert_eq!(identify(tx, &person).await?, anna);
            let email = tx
                .optional(
                    "select email from principals where id = $1",
                    &values![anna],
                    |row| row.get::<Option<String>>(0),
                )
                .await?;
            assert_eq!(email, Some(None), "no longer verified");
            person.issuer = "https://other.example".to_owned();
            assert_ne!(identify(tx, &person).await?, anna, "another provider's anna");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
