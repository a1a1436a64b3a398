//! `DELETE /v1/projects/{id}`.

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
use plex_store::projects::{self, DeleteError};

/// Delete a project
///
/// Only an empty one: without relations on it, and without nodes. A node that ever registered counts, although it
/// was revoked, because executions tell of it: a project with a history is kept. Its labels, its label definitions
/// and its bootstrap tokens go with it.
#[utoipa::path(
    delete,
    path = "/v1/projects/{id}",
    operation_id = "DeleteProject",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The project")),
    responses((status = 204, description = "Deleted"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_PROJECT_ID)?;
    let project = authorize::project(&app, &principal, Permission::ManageProject, id)?;
    let work = async move |tx: &mut Tx| {
        if !projects::delete(tx, id).await.map_err(refused)? {
            return Err(Failure::not_found(codes::PROJECT_NOT_FOUND, "project"));
        }
        let object = ObjectRef::of(ObjectKind::Project, id);
        Ok((
            (),
            [Entry::of(Some(project.domain_id), "delete_project", &object)],
        ))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: DeleteError) -> Failure {
    match error {
        DeleteError::NotEmpty(counts) => Failure::conflict(
            codes::PROJECT_NOT_EMPTY,
            "the project still holds what project_child_counts says, or an execution log",
        )
        .with_project_children(counts),
        DeleteError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
