//! Deleting a domain that holds nothing any more.

use crate::db::{Error, Tx};
use crate::{labels, values};
use plex_api::problem::DomainChildCounts;
use uuid::Uuid;

/// Why a domain was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It still holds something.
    #[error("the domain is not empty")]
    NotEmpty(DomainChildCounts),
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Deletes a domain, what it defined, and who held what on it. Its audit chain stays. Returns whether there was
/// one.
///
/// What is counted is what the caller is told; what decides is the database, which keeps a domain that any row
/// refers to.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, DeleteError> {
    let counts = children(tx, id).await?;
    let is_empty = counts.projects == 0
        && counts.groups == 0
        && counts.identities == 0
        && counts.idp_bindings == 0
        && counts.nodes == 0;
    if !is_empty {
        return Err(DeleteError::NotEmpty(counts));
    }
    match tx.attempt(async |tx| remove(tx, id).await).await {
        Ok(removed) => Ok(removed),
        Err(error) if error.is_constraint() => Err(DeleteError::NotEmpty(children(tx, id).await?)),
        Err(error) => Err(error.into()),
    }
}

async fn remove(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    labels::definitions::forget_scope(tx, id).await?;
    tx.execute(
        "delete from relation_tuples
        where object_kind = 'domain' and object_id = $1",
        &values![id],
    )
    .await?;
    let removed = tx
        .execute("delete from domains where id = $1", &values![id])
        .await?;
    Ok(removed > 0)
}

/// What a domain holds. Identities and their providers belong to the platform here, to no domain.
pub async fn children(tx: &mut Tx, id: Uuid) -> Result<DomainChildCounts, Error> {
    let counts = tx
        .optional(
            "select
                (select count(*) from projects where domain_id = $1),
                (select count(*) from groups where domain_id = $1),
                (select count(*) from nodes where domain_id = $1)",
            &values![id],
            |row| {
                Ok(DomainChildCounts {
                    projects: row.get(0)?,
                    groups: row.get(1)?,
                    identities: 0,
                    idp_bindings: 0,
                    nodes: row.get(2)?,
                })
            },
        )
        .await?;
    counts.ok_or_else(|| Error::Corrupt("a count without a row".to_owned()))
}
