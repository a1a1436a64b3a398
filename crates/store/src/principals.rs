//! Principals: the identities that hold relations and tokens. One comes to be when it is first named.

use crate::db::{Error, Row, Tx};
use crate::values;
use plex_api::tokens::PrincipalType;
use plex_domain::relation::{ObjectKind, ObjectRef};
use uuid::Uuid;

/// An identity as the subject of relation tuples: `user:<uuid>` or `service-identity:<uuid>`.
pub fn subject(kind: PrincipalType, id: Uuid) -> ObjectRef {
    match kind {
        PrincipalType::User => ObjectRef::of(ObjectKind::User, id),
        PrincipalType::Service => ObjectRef::of(ObjectKind::ServiceIdentity, id),
    }
}

/// What kind of identity an id is, where it is known.
pub async fn kind_of(tx: &mut Tx, id: Uuid) -> Result<Option<PrincipalType>, Error> {
    tx.optional(
        "select kind
        from principals
        where id = $1",
        &values![id],
        |row| kind(row, 0),
    )
    .await
}

/// Makes an identity known, and says of what kind it is: an id that was known before keeps its kind.
pub async fn ensure(tx: &mut Tx, kind: PrincipalType, id: Uuid) -> Result<PrincipalType, Error> {
    let known = kind_of(tx, id).await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let now = tx.now();
    tx.execute(
        "insert into principals (id, kind, created_at)
        values ($1, $2, $3)",
        &values![id, word(kind), now],
    )
    .await?;
    Ok(kind)
}

/// The first user there was: the admin made with the installation.
pub async fn first_user(tx: &mut Tx) -> Result<Option<Uuid>, Error> {
    tx.optional(
        "select id
        from principals
        where kind = 'user'
            and id not in (select principal_id from erased_identities)
        order by created_at, id
        limit 1",
        &[],
        |row| row.get(0),
    )
    .await
}

/// Reads a column that holds a kind.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> Result<PrincipalType, Error> {
    match row.get::<String>(column)?.as_str() {
        "user" => Ok(PrincipalType::User),
        "service" => Ok(PrincipalType::Service),
        other => Err(Error::Corrupt(format!("a principal of kind {other:?}"))),
    }
}

fn word(kind: PrincipalType) -> &'static str {
    match kind {
        PrincipalType::User => "user",
        PrincipalType::Service => "service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn an_identity_keeps_its_kind_and_the_first_user_stays_the_first() {
        let (_dir, db) = testing::db();
        let (robot, anna, bert) = (Uuid::from_u128(1), Uuid::from_u128(9), Uuid::from_u128(8));
        db.write(async move |tx| {
            assert_eq!(first_user(tx).await?, None);
            assert_eq!(
                ensure(tx, PrincipalType::Service, robot).await?,
                PrincipalType::Service
            );
            assert_eq!(
                ensure(tx, PrincipalType::User, robot).await?,
                PrincipalType::Service
            );
            ensure(tx, PrincipalType::User, anna).await
        })
        .await
        .unwrap();
        db.write(async move |tx| {
            ensure(tx, PrincipalType::User, anna).await?;
            assert_eq!(kind_of(tx, bert).await?, None);
            assert_eq!(kind_of(tx, robot).await?, Some(PrincipalType::Service));
            assert_eq!(first_user(tx).await?, Some(anna));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
