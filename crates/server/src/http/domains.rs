//! `/v1/domains`: the outer level of tenancy.

pub mod delete;
pub mod patch;

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::created::Created;
use crate::http::tenancy;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use crate::signing::SEAL_PURPOSE;
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::domains::{DomainCreateRequest, DomainList, DomainReachabilityPolicy, DomainResponse};
use plex_api::{codes, paths};
use plex_domain::cidr::Cidr;
use plex_domain::reachability::Policy;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::tenancy::is_slug;
use plex_store::domains::{self, CreateError, NewDomain};
use plex_store::{Tx, audit};

/// Make a domain
#[utoipa::path(
    post,
    path = "/v1/domains",
    operation_id = "CreateDomain",
    tag = "tenancy",
    request_body = DomainCreateRequest,
    responses(
        (status = 201, description = "Made", body = DomainResponse, headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Created<DomainResponse>, Failure> {
    authorize::platform(&app, &principal, Permission::CreateDomain)?;
    let new = new_domain(json(request, PLAIN_BODY).await?)?;
    let shared = app.clone();
    let work = async move |tx: &mut Tx| {
        let seal = |seed: &[u8; 32], rng: &dyn plex_domain::env::Rng| {
            shared.keys.master.seal(SEAL_PURPOSE, seed, rng)
        };
        let made = domains::create(tx, &new, seal).await.map_err(refused)?;
        audit::open(tx, &shared.keys.pseudonyms, Some(made.id)).await?;
        let object = ObjectRef::of(ObjectKind::Domain, made.id);
        let entry = Entry::of(Some(made.id), "create_domain", &object);
        Ok((made, [entry]))
    };
    let made = authorize::change(&app, &principal, work).await?;
    Ok(Created(paths::domain(made.id), made))
}

fn new_domain(request: DomainCreateRequest) -> Result<NewDomain, Failure> {
    // Qualified keys of the platform's own labels begin with this word.
    if !is_slug(&request.slug) || request.slug == "platform" {
        return Err(Failure::bad_request(
            codes::INVALID_DOMAIN,
            "slug takes a-z, 0-9 and single dashes, at most 64 characters, and is not `platform`",
        ));
    }
    Ok(NewDomain {
        slug: request.slug,
        name: tenancy::name(&request.name, codes::INVALID_DOMAIN)?,
        description: tenancy::description(request.description.unwrap_or_default(), codes::INVALID_DOMAIN)?,
        region: region(request.region.unwrap_or_default())?,
        mesh_cidr: request.mesh_cidr.as_deref().map(mesh_cidr).transpose()?,
        reachability: request
            .reachability
            .as_ref()
            .map(reachability)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// Where a domain's data belongs; an empty text is nowhere in particular.
fn region(text: String) -> Result<Option<String>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let region = Some(text).filter(|text| is_slug(text)).ok_or_else(|| {
        Failure::bad_request(
            codes::INVALID_DOMAIN,
            "region takes a-z, 0-9 and single dashes, at most 64 characters",
        )
    });
    region.map(Some)
}

fn mesh_cidr(text: &str) -> Result<Cidr, Failure> {
    tenancy::range(
        text,
        codes::INVALID_DOMAIN,
        "mesh_cidr takes a prefix such as 10.1.0.0/16",
    )
}

fn reachability(policy: &DomainReachabilityPolicy) -> Result<Policy, Failure> {
    Policy::parse(policy).map_err(|text| Failure::bad_request(codes::INVALID_REACHABILITY_POLICY, text))
}

fn refused(error: CreateError) -> Failure {
    match error {
        CreateError::SlugTaken => {
            Failure::conflict(codes::DOMAIN_SLUG_CONFLICT, "another domain has this slug")
        }
        CreateError::MeshOverlap => Failure::conflict(
            codes::MESH_CIDR_OVERLAP,
            "the mesh_cidr overlaps another domain's; leave it out for a free one",
        ),
        CreateError::NoFreePool => Failure::conflict(
            codes::MESH_CIDR_OVERLAP,
            "no 10.n.0.0/16 is free; give a mesh_cidr",
        ),
        CreateError::Store(error) => error.into(),
    }
}

/// List domains
///
/// By slug; only those that the caller may read.
#[utoipa::path(
    get,
    path = "/v1/domains",
    operation_id = "ListDomains",
    tag = "tenancy",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = DomainList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<DomainList>, Failure> {
    let paging = Paging::of(&app, &query, ["domains"], &principal.subject())?;
    let after = paging.after(paging::text)?.unwrap_or_default();
    let only =
        authorize::seen(&app, &principal, Permission::ReadDomain, [ObjectKind::Domain])?.map(|[ids]| ids);
    let is_first = after.is_empty();
    let (mut items, any) = app
        .db
        .read(async move |tx| {
            let items = domains::page(tx, only.as_deref(), &after, paging.limit + 1).await?;
            Ok::<_, plex_store::Error>((items, domains::any(tx).await?))
        })
        .await?;
    let next_cursor = paging.cut(&mut items, |last| last.slug.clone());
    let empty_reason = (is_first && items.is_empty() && any).then(|| "no_rebac_membership".to_owned());
    Ok(Json(DomainList {
        items,
        next_cursor,
        empty_reason,
    }))
}

/// Get a domain
#[utoipa::path(
    get,
    path = "/v1/domains/{id}",
    operation_id = "GetDomain",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The domain")),
    responses((status = 200, description = "The domain", body = DomainResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<DomainResponse>, Failure> {
    let id = path_id(&id, codes::INVALID_DOMAIN_ID)?;
    authorize::domain(&app, &principal, Permission::ReadDomain, id)?;
    let found = app.db.read(async move |tx| domains::find(tx, id).await).await?;
    found
        .map(Json)
        .ok_or_else(|| Failure::not_found(codes::DOMAIN_NOT_FOUND, "domain"))
}

#[cfg(test)]
mod tests;
