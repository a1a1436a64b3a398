//! `DELETE /v1/domains/{id}`.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Tx;
use plex_store::domains::{self, DeleteError};

/// Delete a domain
///
/// Only an empty one. Its label definitions and the relations on it go with it, its signing key too; its audit chain
/// stays, and the platform's chain tells of the deletion. Identities and their providers belong to the platform and to
/// no domain, so `child_counts` has none of them.
#[utoipa::path(
    delete,
    path = "/v1/domains/{id}",
    operation_id = "DeleteDomain",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The domain")),
    responses((status = 204, description = "Deleted"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_DOMAIN_ID)?;
    authorize::domain(&app, &principal, Permission::ManageDomain, id)?;
    let work = async move |tx: &mut Tx| {
        if !domains::delete(tx, id).await.map_err(refused)? {
            return Err(Failure::not_found(codes::DOMAIN_NOT_FOUND, "domain"));
        }
        let object = ObjectRef::of(ObjectKind::Domain, id);
        Ok(((), [Entry::of(None, "delete_domain", &object)]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: DeleteError) -> Failure {
    match error {
        DeleteError::NotEmpty(counts) => Failure::conflict(
            codes::DOMAIN_NOT_EMPTY,
            "the domain still holds what child_counts says; delete that first",
        )
        .with_domain_children(counts),
        DeleteError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
