//! `PATCH /v1/domains/{id}`.

use super::{mesh_cidr, reachability, region};
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
use plex_api::domains::{DomainPatchRequest, DomainResponse};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Tx;
use plex_store::domains::{self, Change, ChangeError};

/// Change a domain
///
/// Only what is given changes; the slug never does. A new `mesh_cidr` must hold every reservation of a project
/// (422 names one that it does not hold) and every address that a node has or had.
#[utoipa::path(
    patch,
    path = "/v1/domains/{id}",
    operation_id = "PatchDomain",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The domain")),
    request_body = DomainPatchRequest,
    responses((status = 200, description = "Changed", body = DomainResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn patch(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<DomainResponse>, Failure> {
    let id = path_id(&id, codes::INVALID_DOMAIN_ID)?;
    authorize::domain(&app, &principal, Permission::ManageDomain, id)?;
    let change = change(tenancy::patch(request).await?)?;
    let work = async move |tx: &mut Tx| {
        let changed = domains::change(tx, id, &change).await.map_err(refused)?;
        let changed = changed.ok_or_else(|| Failure::not_found(codes::DOMAIN_NOT_FOUND, "domain"))?;
        let object = ObjectRef::of(ObjectKind::Domain, id);
        let entry = Entry::of(Some(id), "patch_domain", &object);
        Ok((changed, [entry]))
    };
    let changed = authorize::change(&app, &principal, work).await?;
    Ok(Json(changed))
}

fn change(wanted: DomainPatchRequest) -> Result<Change, Failure> {
    let description = wanted
        .description
        .map(|text| tenancy::description(text, codes::INVALID_DOMAIN));
    let name = wanted
        .name
        .map(|text| tenancy::name(&text, codes::INVALID_DOMAIN));
    Ok(Change {
        name: name.transpose()?,
        description: description.transpose()?,
        region: wanted.region.map(region).transpose()?,
        mesh_cidr: wanted.mesh_cidr.as_deref().map(mesh_cidr).transpose()?,
        reachability: wanted.reachability.as_ref().map(reachability).transpose()?,
    })
}

fn refused(error: ChangeError) -> Failure {
    let invalidates = |detail: String| Failure::unprocessable(codes::MESH_CIDR_INVALIDATES_SUBRANGE, detail);
    match error {
        ChangeError::MeshOverlap => Failure::conflict(
            codes::MESH_CIDR_OVERLAP,
            "the mesh_cidr overlaps another domain's",
        ),
        ChangeError::SubRangeOutside(project_id) => invalidates(format!(
            "the sub_range_cidr of project {project_id} lies outside this mesh_cidr"
        )),
        ChangeError::AddressOutside(project_id) => invalidates(format!(
            "a node of project {project_id} has an address outside this mesh_cidr"
        )),
        ChangeError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
