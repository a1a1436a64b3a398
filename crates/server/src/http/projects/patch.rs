//! `PATCH /v1/projects/{id}`.

use super::sub_range;
use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::tenancy;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::projects::{ProjectPatchRequest, ProjectResponse};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Tx;
use plex_store::projects::{self, Change, ChangeError, SubRange};

/// Change a project
///
/// Only what is given changes; the slug never does. A new `sub_range_cidr` must hold the addresses of all nodes of
/// the project, revoked ones too, and of no other. Addresses stay with their nodes when a reservation is released.
#[utoipa::path(
    patch,
    path = "/v1/projects/{id}",
    operation_id = "PatchProject",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The project")),
    request_body = ProjectPatchRequest,
    responses((status = 200, description = "Changed", body = ProjectResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn patch(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ProjectResponse>, Failure> {
    let id = path_id(&id, codes::INVALID_PROJECT_ID)?;
    let project = authorize::project(&app, &principal, Permission::ManageProject, id)?;
    let change = change(tenancy::patch(request).await?)?;
    let work = async move |tx: &mut Tx| {
        let changed = projects::change(tx, id, &change).await.map_err(refused)?;
        let changed = changed.ok_or_else(|| Failure::not_found(codes::PROJECT_NOT_FOUND, "project"))?;
        let object = ObjectRef::of(ObjectKind::Project, id);
        let entry = Entry::of(Some(project.domain_id), "patch_project", &object);
        Ok((changed, [entry]))
    };
    let changed = authorize::change(&app, &principal, work).await?;
    Ok(Json(changed))
}

fn change(wanted: ProjectPatchRequest) -> Result<Change, Failure> {
    let releases = wanted.release_sub_range.unwrap_or(false);
    let sub_range = match (wanted.sub_range_cidr, releases) {
        (Some(_), true) => {
            return Err(invalidates(
                "sub_range_cidr and release_sub_range contradict each other; give one of them",
            ));
        }
        (Some(text), false) => SubRange::Set(sub_range(&text)?),
        (None, true) => SubRange::Release,
        (None, false) => SubRange::Keep,
    };
    let description = wanted
        .description
        .map(|text| tenancy::description(text, codes::INVALID_PROJECT));
    let name = wanted
        .name
        .map(|text| tenancy::name(&text, codes::INVALID_PROJECT));
    Ok(Change {
        name: name.transpose()?,
        description: description.transpose()?,
        sub_range,
    })
}

fn invalidates(detail: &'static str) -> Failure {
    Failure::unprocessable(codes::SUB_RANGE_INVALIDATES_ALLOCATION, detail)
}

fn refused(error: ChangeError) -> Failure {
    match error {
        ChangeError::OutsidePool => Failure::bad_request(
            codes::INVALID_PROJECT,
            "sub_range_cidr lies outside the domain's mesh_cidr",
        ),
        ChangeError::SubRangeOverlap => Failure::conflict(
            codes::SUB_RANGE_OVERLAP,
            "sub_range_cidr overlaps another project's",
        ),
        ChangeError::AddressOutside => {
            invalidates("a node of the project has an address outside this sub_range_cidr")
        }
        ChangeError::AddressTaken => {
            invalidates("a node of another project has an address in this sub_range_cidr")
        }
        ChangeError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
