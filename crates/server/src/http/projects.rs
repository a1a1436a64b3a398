//! `/v1/projects`: the inner level of tenancy.

pub mod delete;
pub mod patch;
pub mod retention;

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::created::Created;
use crate::http::tenancy;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::projects::{ProjectCreateRequest, ProjectList, ProjectResponse};
use plex_api::{codes, paths};
use plex_domain::cidr::Cidr;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::tenancy::is_slug;
use plex_store::Tx;
use plex_store::projects::{self, CreateError, NewProject, Position, Shown};

/// Make a project
#[utoipa::path(
    post,
    path = "/v1/projects",
    operation_id = "CreateProject",
    tag = "tenancy",
    request_body = ProjectCreateRequest,
    responses(
        (status = 201, description = "Made", body = ProjectResponse, headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Created<ProjectResponse>, Failure> {
    let wanted: ProjectCreateRequest = json(request, PLAIN_BODY).await?;
    authorize::domain_if_any(&app, &principal, Permission::CreateProject, wanted.domain_id)?;
    let new = new_project(wanted)?;
    let work = async move |tx: &mut Tx| {
        let made = projects::create(tx, &new).await.map_err(refused)?;
        let object = ObjectRef::of(ObjectKind::Project, made.id);
        let entry = Entry::of(Some(made.domain_id), "create_project", &object);
        Ok((made, [entry]))
    };
    let made = authorize::change(&app, &principal, work).await?;
    Ok(Created(paths::project(made.id), made))
}

fn new_project(request: ProjectCreateRequest) -> Result<NewProject, Failure> {
    if !is_slug(&request.slug) {
        return Err(Failure::bad_request(
            codes::INVALID_PROJECT,
            "slug takes a-z, 0-9 and single dashes, at most 64 characters",
        ));
    }
    Ok(NewProject {
        domain_id: request.domain_id,
        slug: request.slug,
        name: tenancy::name(&request.name, codes::INVALID_PROJECT)?,
        description: tenancy::description(request.description.unwrap_or_default(), codes::INVALID_PROJECT)?,
        sub_range: request.sub_range_cidr.as_deref().map(sub_range).transpose()?,
    })
}

fn sub_range(text: &str) -> Result<Cidr, Failure> {
    tenancy::range(
        text,
        codes::INVALID_PROJECT,
        "sub_range_cidr takes a prefix such as 10.0.16.0/20",
    )
}

fn refused(error: CreateError) -> Failure {
    match error {
        CreateError::ParentMissing => Failure::conflict(codes::PARENT_DOMAIN_MISSING, "no such domain"),
        CreateError::SlugTaken => Failure::conflict(
            codes::PROJECT_SLUG_CONFLICT,
            "another project of the domain has this slug",
        ),
        CreateError::OutsidePool => Failure::bad_request(
            codes::INVALID_PROJECT,
            "sub_range_cidr lies outside the domain's mesh_cidr",
        ),
        CreateError::SubRangeOverlap => Failure::conflict(
            codes::SUB_RANGE_OVERLAP,
            "sub_range_cidr overlaps another project's",
        ),
        CreateError::AddressTaken => Failure::conflict(
            codes::SUB_RANGE_OVERLAP,
            "a node of another project has an address in sub_range_cidr",
        ),
        CreateError::Store(error) => error.into(),
    }
}

/// List projects
///
/// By slug; only those that the caller may read.
#[utoipa::path(
    get,
    path = "/v1/projects",
    operation_id = "ListProjects",
    tag = "tenancy",
    params(
        ("domain_id" = Option<Uuid>, Query, description = "Only of this domain"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = ProjectList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<ProjectList>, Failure> {
    let domain_id = query.id("domain_id", codes::INVALID_DOMAIN_FILTER)?;
    let list = ["projects".to_owned(), paging::filter(domain_id)];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id_and_text)?;
    let after = after.map(|(id, slug)| Position { slug, id });
    let (is_first, after) = (after.is_none(), after.unwrap_or_default());
    let shown = shown(&app, &principal)?;
    let (mut items, any) = app
        .db
        .read(async move |tx| {
            let items = projects::page(tx, &shown, domain_id, &after, paging.limit + 1).await?;
            Ok::<_, plex_store::Error>((items, projects::any(tx).await?))
        })
        .await?;
    let next_cursor = paging.cut(&mut items, |last| paging::id_and_text_bytes(last.id, &last.slug));
    let empty_reason = (is_first && items.is_empty() && any && domain_id.is_none())
        .then(|| "no_rebac_membership".to_owned());
    Ok(Json(ProjectList {
        items,
        next_cursor,
        empty_reason,
    }))
}

/// The projects that the caller may see.
pub fn shown(app: &App, principal: &Principal) -> Result<Shown, Failure> {
    let kinds = [ObjectKind::Domain, ObjectKind::Project];
    let seen = authorize::seen(app, principal, Permission::ReadProject, kinds)?;
    Ok(seen.map_or(Shown::All, |[domains, projects]| Shown::Some {
        domains,
        projects,
    }))
}

/// Get a project
#[utoipa::path(
    get,
    path = "/v1/projects/{id}",
    operation_id = "GetProject",
    tag = "tenancy",
    params(("id" = Uuid, Path, description = "The project")),
    responses((status = 200, description = "The project", body = ProjectResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<ProjectResponse>, Failure> {
    let id = path_id(&id, codes::INVALID_PROJECT_ID)?;
    authorize::project(&app, &principal, Permission::ReadProject, id)?;
    let found = app.db.read(async move |tx| projects::find(tx, id).await).await?;
    found
        .map(Json)
        .ok_or_else(|| Failure::not_found(codes::PROJECT_NOT_FOUND, "project"))
}

#[cfg(test)]
mod tests;
