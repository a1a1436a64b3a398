//! `GET /v1/authz/relation-tuples`: what is granted on a project and around it.

use crate::app::App;
use crate::authorize::{self, Project, holds, out_of_scope};
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::relations::{RelationTuple, RelationTupleList};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::relations;
use uuid::Uuid;

/// List relation tuples
///
/// Those on the project and its nodes and, for who may see them, on its domain and on the platform; oldest first.
#[utoipa::path(
    get,
    path = "/v1/authz/relation-tuples",
    operation_id = "ListRelationTuples",
    tag = "authz",
    params(
        ("project_id" = Uuid, Query, description = "The project"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = RelationTupleList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<RelationTupleList>, Failure> {
    let id = project_id(&query)?;
    let project = authorize::project_or(&app, &principal, Permission::ReadGrants, id, out_of_scope)?;
    let list = ["relation-tuples", &id.to_string()];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id)?.unwrap_or_default();
    let objects = listed(&app, &principal, &project);
    let read = async move |tx: &mut plex_store::Tx| {
        relations::page(tx, &objects, Some(id), (after, paging.limit + 1)).await
    };
    let mut tuples = app.db.read(read).await?;
    let next_cursor = paging.cut(&mut tuples, |last| last.id.into_bytes());
    Ok(Json(RelationTupleList {
        items: tuples.into_iter().map(RelationTuple::from).collect(),
        next_cursor,
    }))
}

/// The objects of which a caller that may see the project's grants may see them: those that contain it, too, if
/// it reads grants there.
fn listed(app: &App, principal: &Principal, project: &Project) -> Vec<ObjectRef> {
    let mut objects = vec![ObjectRef::of(ObjectKind::Project, project.id)];
    let around = [
        ObjectRef::of(ObjectKind::Domain, project.domain_id),
        ObjectRef::PLATFORM,
    ];
    let seen = |object: &ObjectRef| holds(app, principal, Permission::ReadGrants, object);
    objects.extend(around.into_iter().filter(seen));
    objects
}

/// The project that the query names.
pub(super) fn project_id(query: &Query) -> Result<Uuid, Failure> {
    let missing = || {
        Failure::bad_request(
            codes::INVALID_PROJECT_ID,
            "name the project in ?project_id=<uuid>",
        )
    };
    query
        .id("project_id", codes::INVALID_PROJECT_ID)?
        .ok_or_else(missing)
}
