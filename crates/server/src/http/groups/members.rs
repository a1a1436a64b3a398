//! `/v1/groups/{id}/members`: who is in a group.

use super::{allowed, missing};
use crate::app::App;
use crate::audit::Entry;
use crate::authorize::{self, out_of_scope};
use crate::http::authz::relation_tuples::{create, details, require_authority, triple};
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::groups::{GroupMemberList, GroupMemberRequest};
use plex_api::relations::{RelationTuple, RelationTupleCreateRequest};
use plex_domain::relation::Permission;
use plex_store::{Tx, relations};

/// The relation of a member.
const MEMBER: &str = "member";

/// Make somebody a member of a group
///
/// The caller must manage the group and be admin over all that its members hold: nobody gives away what they do
/// not hold. The answer is the membership, a relation tuple.
#[utoipa::path(
    post,
    path = "/v1/groups/{id}/members",
    operation_id = "AddGroupMember",
    tag = "authz",
    params(("id" = Uuid, Path, description = "The group")),
    request_body = GroupMemberRequest,
    responses((status = 201, description = "A member", body = RelationTuple), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn add(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<RelationTuple>), Failure> {
    let group = allowed(&app, &principal, Permission::ManageGroup, &id).await?;
    let wanted: GroupMemberRequest = json(request, PLAIN_BODY).await?;
    let wanted = RelationTupleCreateRequest {
        subject: wanted.subject,
        relation: MEMBER.to_owned(),
        resource: group.object().to_string(),
        caveat_name: wanted.caveat_name,
        caveat_context: wanted.caveat_context,
    };
    let new = triple::read(&app, &principal, wanted)?;
    let domain_id = require_authority(&app, &principal, &new, out_of_scope)?;
    let tuple = create::grant(&app, &principal, new, domain_id).await?;
    Ok((StatusCode::CREATED, Json(tuple.into())))
}

/// List the members of a group
#[utoipa::path(
    get,
    path = "/v1/groups/{id}/members",
    operation_id = "ListGroupMembers",
    tag = "authz",
    params(
        ("id" = Uuid, Path, description = "The group"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = GroupMemberList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<GroupMemberList>, Failure> {
    let group = allowed(&app, &principal, Permission::ReadGroup, &id).await?;
    let paging = Paging::of(&app, &query, ["group-members", &id], &principal.subject())?;
    let after = paging.after(paging::id)?.unwrap_or_default();
    let object = group.object();
    let read = async move |tx: &mut Tx| relations::page(tx, &[object], None, (after, paging.limit + 1)).await;
    let mut found = app.db.read(read).await?;
    let next_cursor = paging.cut(&mut found, |last| last.id.into_bytes());
    Ok(Json(GroupMemberList {
        items: found.into_iter().map(RelationTuple::from).collect(),
        next_cursor,
    }))
}

/// End a membership
#[utoipa::path(
    delete,
    path = "/v1/groups/{id}/members/{membership_id}",
    operation_id = "RemoveGroupMember",
    tag = "authz",
    params(
        ("id" = Uuid, Path, description = "The group"),
        ("membership_id" = Uuid, Path, description = "The membership: a relation tuple's id"),
    ),
    responses((status = 204, description = "Ended"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path((id, membership)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let group = allowed(&app, &principal, Permission::ManageGroup, &id).await?;
    let membership = path_id(&membership, codes::INVALID_RELATION_TUPLE_ID)?;
    let work = async move |tx: &mut Tx| {
        let tuple = relations::find(tx, membership).await?;
        let tuple = tuple
            .filter(|tuple| tuple.object == group.object())
            .ok_or_else(missing)?;
        relations::delete(tx, membership).await?;
        let entry = Entry::of(group.domain_id, "withdraw", &tuple.object).about(details(&tuple));
        Ok(((), [entry]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}
