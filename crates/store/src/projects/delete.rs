//! Deleting a project that holds nothing any more.

use super::domain_of;
use crate::db::{Error, Tx};
use crate::{domains, labels, values};
use plex_api::problem::ProjectChildCounts;
use uuid::Uuid;

/// Why a project was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It still holds something.
    #[error("the project is not empty")]
    NotEmpty(ProjectChildCounts),
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Deletes a project, its labels and what it defined, and its bootstrap tokens, with which nothing can be joined
/// any more. Returns whether there was one.
///
/// A node that ever registered counts, although it was revoked: executions tell of it, and are not lost. What is
/// counted is what the caller is told; what decides is the database, which keeps a project that any other row
/// refers to.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, DeleteError> {
    let Some(domain_id) = domain_of(tx, id).await? else {
        return Ok(false);
    };
    let counts = children(tx, id).await?;
    if counts.resources > 0 || counts.nodes > 0 || counts.relation_tuples > 0 {
        return Err(DeleteError::NotEmpty(counts));
    }
    match tx.attempt(async |tx| remove(tx, id).await).await {
        Ok(()) => {}
        Err(error) if error.is_constraint() => return Err(DeleteError::NotEmpty(children(tx, id).await?)),
        Err(error) => return Err(error.into()),
    }
    domains::search_again(tx, domain_id).await?;
    Ok(true)
}

async fn remove(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    labels::definitions::forget_scope(tx, id).await?;
    for sql in [
        "delete from bootstrap_tokens where project_id = $1",
        "delete from registration_nonces where project_id = $1",
        "delete from retention where project_id = $1",
        "delete from projects where id = $1",
    ] {
        tx.execute(sql, &values![id]).await?;
    }
    Ok(())
}

/// What a project holds.
pub async fn children(tx: &mut Tx, id: Uuid) -> Result<ProjectChildCounts, Error> {
    let counts = tx
        .optional(
            "select
                (select count(*) from nodes where project_id = $1),
                (select count(*) from relation_tuples where object_kind = 'project' and object_id = $1)",
            &values![id],
            |row| {
                Ok(ProjectChildCounts {
                    resources: 0,
                    nodes: row.get(0)?,
                    relation_tuples: row.get(1)?,
                })
            },
        )
        .await?;
    counts.ok_or_else(|| Error::Corrupt("a count without a row".to_owned()))
}
