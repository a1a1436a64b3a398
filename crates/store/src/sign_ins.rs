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
    /// Where they go afterwards.
    pub return_to: String,
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

/// Notes that somebody sets out; `None` when too many are on their way.
pub async fn begin(tx: &mut Tx, new: &NewSignIn) -> Result<Option<Uuid>, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let open = tx
        .optional(
            "select count(*) from sign_ins where expires_at > $1",
            &values![now],
            |row| row.get::<u64>(0),
        )
        .await?;
    if open.unwrap_or_default() >= OPEN {
        return Ok(None);
    }
    tx.execute(
        "insert into sign_ins (id, state_hash, browser_hash, return_to, expires_at)
        values ($1, $2, $3, $4, $5)",
        &values![
            id,
            &new.state_hash,
            &new.browser_hash,
            &new.return_to,
            tokens::after(now, LIFE)?
        ],
    )
    .await?;
    Ok(Some(id))
}

/// Takes somebody's return: where they wanted to go. `None` when nobody set out with that state from that browser,
/// or too long ago. Whoever returns does so once.
pub async fn finish(
    tx: &mut Tx,
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<Option<String>, Error> {
    let now = tx.now();
    let found = tx
        .optional(
            "select id, return_to
            from sign_ins
            where state_hash = $1 and browser_hash = $2 and expires_at > $3",
            &values![state_hash, browser_hash, now],
            |row| Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?)),
        )
        .await?;
    let Some((id, return_to)) = found else {
        return Ok(None);
    };
    tx.execute("delete from sign_ins where id = $1", &values![id])
        .await?;
    Ok(Some(return_to))
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
                .unwrap()
                .unwrap();
        }
        assert_eq!(back(1, 8).await, None, "another browser");
        assert_eq!(back(1, 9).await.as_deref(), Some("/v1/auth/device"));
        assert_eq!(back(1, 9).await, None, "a second time");
        clock.advance(LIFE);
        assert_eq!(back(2, 9).await, None, "too late");
        assert_eq!(db.write(async |tx| sweep(tx).await).await.unwrap(), 1);
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
