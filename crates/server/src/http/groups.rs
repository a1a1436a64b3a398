//! `/v1/groups`: groups of identities (beyond the published contract, which only names them as subjects).

pub mod members;

use crate::app::App;
use crate::audit::Entry;
use crate::authority;
use crate::authorize::{self, out_of_scope};
use crate::http::authz::relation_tuples::{chain_of, details};
use crate::http::created::Created;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::groups::{GroupCreateRequest, GroupList, GroupResponse};
use plex_api::{codes, paths};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::tenancy;
use plex_store::groups::{self, Group};
use plex_store::{Tx, relations};
use uuid::Uuid;

fn shown(group: Group) -> GroupResponse {
    GroupResponse {
        id: group.id,
        domain_id: group.domain_id,
        slug: group.slug,
        name: group.name,
        created_at: group.created_at,
    }
}

fn missing() -> Failure {
    Failure::not_found(codes::GROUP_NOT_FOUND, "group")
}

/// Make a group
///
/// In a domain, by its admin, or for the whole platform, by the platform's. What is granted to
/// `group:<id>#member` is held by its members.
#[utoipa::path(
    post,
    path = "/v1/groups",
    operation_id = "CreateGroup",
    tag = "authz",
    request_body = GroupCreateRequest,
    responses(
        (status = 201, description = "Made", body = GroupResponse, headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Created<GroupResponse>, Failure> {
    let wanted: GroupCreateRequest = json(request, PLAIN_BODY).await?;
    let owner = match wanted.domain_id {
        Some(id) => ObjectRef::of(ObjectKind::Domain, id),
        None => ObjectRef::PLATFORM,
    };
    authorize::allow(&app, &principal, Permission::CreateGroup, &owner, out_of_scope)?;
    let invalid = |detail: &'static str| Failure::bad_request(codes::INVALID_BODY, detail);
    if !tenancy::is_slug(&wanted.slug) {
        return Err(invalid(
            "slug takes a-z, 0-9 and single dashes, at most 64 characters",
        ));
    }
    let name = wanted.name.as_deref().unwrap_or(&wanted.slug);
    let name = tenancy::name(name)
        .ok_or_else(|| invalid("name takes 1 to 255 characters and is not blank"))?
        .to_owned();
    let work = async move |tx: &mut Tx| {
        let made = groups::create(tx, wanted.domain_id, &wanted.slug, &name).await?;
        let made = made.ok_or_else(|| {
            Failure::conflict(codes::GROUP_SLUG_CONFLICT, "another group there has this slug")
        })?;
        let entry = Entry::of(made.domain_id, "create_group", &made.object());
        Ok((made, [entry]))
    };
    let made = authorize::change(&app, &principal, work).await?;
    Ok(Created(paths::group(made.id), shown(made)))
}

/// List groups
///
/// Those that the caller may see: of a domain whose viewer it is, or of which it is a member. Oldest first.
#[utoipa::path(
    get,
    path = "/v1/groups",
    operation_id = "ListGroups",
    tag = "authz",
    params(
        ("domain_id" = Option<Uuid>, Query, description = "Only of this domain"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = GroupList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<GroupList>, Failure> {
    let domain_id = query.id("domain_id", codes::INVALID_DOMAIN_FILTER)?;
    let list = ["groups".to_owned(), paging::filter(domain_id)];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id)?.unwrap_or_default();
    let name = app.authority.rules().name_of(Permission::ReadGroup);
    let request = principal.request(&app);
    let mut seen = authority::resources(&app, principal.object(), (name, ObjectKind::Group), request).await?;
    if let Some(domain) = domain_id {
        let domain = ObjectRef::of(ObjectKind::Domain, domain);
        seen.retain(|group| app.authority.parent(group) == Some(domain));
    }
    let seen: Vec<Uuid> = seen.into_iter().filter_map(|group| group.id).collect();
    let read = async move |tx: &mut Tx| groups::page(tx, &seen, after, paging.limit + 1).await;
    let mut found = app.db.read(read).await?;
    let next_cursor = paging.cut(&mut found, |last| last.id.into_bytes());
    Ok(Json(GroupList {
        items: found.into_iter().map(shown).collect(),
        next_cursor,
    }))
}

/// Allows `permission` on a group and finds it, or answers 404 `group_not_found` or 403 `rebac_denied`.
async fn allowed(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: &str,
) -> Result<Group, Failure> {
    let id = path_id(id, codes::INVALID_ID)?;
    let object = ObjectRef::of(ObjectKind::Group, id);
    authorize::allow(app, principal, permission, &object, missing)?;
    let found = app.db.read(async move |tx| groups::find(tx, id).await).await?;
    found.ok_or_else(missing)
}

/// Get a group
#[utoipa::path(
    get,
    path = "/v1/groups/{id}",
    operation_id = "GetGroup",
    tag = "authz",
    params(("id" = Uuid, Path, description = "The group")),
    responses((status = 200, description = "The group", body = GroupResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<GroupResponse>, Failure> {
    let group = allowed(&app, &principal, Permission::ReadGroup, &id).await?;
    Ok(Json(shown(group)))
}

/// End a group
///
/// With its memberships, and with all that was granted to its members.
#[utoipa::path(
    delete,
    path = "/v1/groups/{id}",
    operation_id = "DeleteGroup",
    tag = "authz",
    params(("id" = Uuid, Path, description = "The group")),
    responses((status = 204, description = "Ended"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let group = allowed(&app, &principal, Permission::ManageGroup, &id).await?;
    let shared = app.clone();
    let work = async move |tx: &mut Tx| {
        let object = group.object();
        let held = relations::held_by(tx, &object).await?;
        if !groups::delete(tx, group.id).await? {
            return Err(missing());
        }
        let mut entries = vec![Entry::of(group.domain_id, "delete_group", &object).about(group.slug)];
        entries.extend(held.into_iter().map(|tuple| {
            let chain = chain_of(&shared, &tuple.object);
            Entry::of(chain, "withdraw", &tuple.object).about(details(&tuple))
        }));
        Ok(((), entries))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
