//! `/v1/authz/relation-tuples`: who holds which relation on what.

use crate::app::App;
use crate::audit::granted;
use crate::authorize::{self, Project, holds, out_of_scope};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::relations::{RelationTuple, RelationTupleCreateRequest, RelationTupleList};
use plex_api::tokens::PrincipalType;
use plex_domain::cursor;
use plex_domain::relation::{Binding, ObjectKind, ObjectRef, Permission, Relation, Scope};
use plex_store::audit;
use plex_store::relations::{self, CreateError, Granted, NewTuple};
use uuid::Uuid;

/// Grant a relation
///
/// On the project, on its domain, or on the platform; the caller must be admin there. An unknown subject
/// becomes known. Granting what is held already changes nothing.
#[utoipa::path(
    post,
    path = "/v1/authz/relation-tuples",
    operation_id = "CreateRelationTuple",
    tag = "authz",
    params(("project_id" = Uuid, Query, description = "The project that the grant concerns")),
    request_body = RelationTupleCreateRequest,
    responses((status = 201, description = "Granted", body = RelationTuple), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    query: Query,
    request: Request,
) -> Result<(StatusCode, Json<RelationTuple>), Failure> {
    let project = authorize::project(&app, &principal, Permission::Grant, project_id(&query)?).await?;
    let (subject, binding) = triple(json(request, PLAIN_BODY).await?)?;
    let domain_id = require_admin(&app, &principal, &project, &binding.object).await?;
    let new = NewTuple {
        subject,
        binding,
        created_by: principal.subject(),
    };
    let mut record = granted(&principal, domain_id, "grant", &binding.object);
    let pseudonyms = app.keys.pseudonyms;
    let tuple = app
        .db
        .write(
            async move |tx| match relations::create(tx, &new).await.map_err(refused)? {
                Granted::Held(tuple) => Ok(tuple),
                Granted::New(tuple) => {
                    record.details = Some(format!("{} {}", tuple.binding.relation.as_str(), tuple.subject));
                    audit::append(tx, &pseudonyms, record).await?;
                    Ok::<_, Failure>(tuple)
                }
            },
        )
        .await?;
    Ok((StatusCode::CREATED, Json(tuple.into())))
}

fn project_id(query: &Query) -> Result<Uuid, Failure> {
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

fn triple(request: RelationTupleCreateRequest) -> Result<((PrincipalType, Uuid), Binding), Failure> {
    let invalid = |detail: &'static str| Failure::bad_request(codes::INVALID_TRIPLE, detail);
    if request.caveat_name.is_some() || request.caveat_context.is_some() {
        return Err(invalid(
            "caveats cannot be attached here yet; grant the relation without one",
        ));
    }
    let subject = ObjectRef::parse(&request.subject).and_then(|subject| match subject.kind {
        ObjectKind::User => Some((PrincipalType::User, subject.id?)),
        ObjectKind::ServiceIdentity => Some((PrincipalType::Service, subject.id?)),
        ObjectKind::Platform
        | ObjectKind::Domain
        | ObjectKind::Project
        | ObjectKind::Node
        | ObjectKind::Group => None,
    });
    let relation = Relation::parse(&request.relation);
    let object = ObjectRef::parse(&request.resource);
    let is_of_nodes = relation == Some(Relation::NodeAgent);
    if object.is_some_and(|object| is_of_nodes != (object.kind == ObjectKind::Node)) {
        return Err(invalid("node-agent is held on nodes, and nothing else is"));
    }
    Ok((
        subject.ok_or_else(|| invalid("subject takes user:<uuid> or service-identity:<uuid>"))?,
        Binding {
            relation: relation.ok_or_else(|| invalid("relation takes admin, operator, viewer or auditor"))?,
            object: object.ok_or_else(|| {
                invalid("resource takes project:<uuid>, domain:<uuid> or platform:platform")
            })?,
        },
    ))
}

/// Nobody grants where they are not admin. Returns the domain whose audit chain records it.
async fn require_admin(
    app: &App,
    principal: &Principal,
    project: &Project,
    object: &ObjectRef,
) -> Result<Option<Uuid>, Failure> {
    match object.kind {
        ObjectKind::Project if object.id == Some(project.id) => Ok(Some(project.domain_id)),
        ObjectKind::Domain if object.id == Some(project.domain_id) => {
            authorize::domain_or(app, principal, Permission::Grant, project.domain_id, out_of_scope).await?;
            Ok(Some(project.domain_id))
        }
        ObjectKind::Platform => {
            authorize::platform(app, principal, Permission::ManagePlatform).map(|()| None)
        }
        ObjectKind::Node if is_node_of(app, project, object).await? => Ok(Some(project.domain_id)),
        ObjectKind::Project
        | ObjectKind::Domain
        | ObjectKind::Node
        | ObjectKind::User
        | ObjectKind::ServiceIdentity
        | ObjectKind::Group => {
            let detail = "resource must be the project of ?project_id=, its domain, or the platform";
            Err(Failure::bad_request(codes::INVALID_TRIPLE, detail))
        }
    }
}

async fn is_node_of(app: &App, project: &Project, object: &ObjectRef) -> Result<bool, Failure> {
    let Some(id) = object.id else { return Ok(false) };
    let found = app
        .db
        .look_up(async move |tx| plex_store::nodes::authenticate(tx, id).await)
        .await?;
    Ok(found.is_some_and(|node| node.project_id == project.id))
}

fn refused(error: CreateError) -> Failure {
    match error {
        CreateError::OtherKind => Failure::bad_request(
            codes::INVALID_TRIPLE,
            "the subject's id belongs to an identity of the other kind",
        ),
        CreateError::Store(error) => error.into(),
    }
}

/// List relation tuples
///
/// Those on the project and, for who may see them, on its domain and on the platform; oldest first.
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
    let project = authorize::project_or(&app, &principal, Permission::ReadGrants, id, out_of_scope).await?;
    let limit = query.limit()?;
    let (id_text, caller) = (id.to_string(), principal.subject());
    let context = ["relation-tuples", id_text.as_str()];
    let after = query
        .cursor(&app.keys.cursors, &context, &caller)?
        .map(|bytes| position(&bytes))
        .transpose()?;
    let objects = listed(&principal, &project);
    let read = async move |tx: &mut plex_store::Tx| {
        relations::page(tx, &objects, after.unwrap_or_default(), limit + 1).await
    };
    let mut tuples = app.db.read(read).await?;
    let next_cursor = (tuples.len() > limit as usize).then(|| {
        tuples.truncate(limit as usize);
        let last = tuples.last().expect("a limit is at least 1");
        cursor::seal(&app.keys.cursors, &context, &caller, last.id.as_bytes())
    });
    Ok(Json(RelationTupleList {
        items: tuples.into_iter().map(RelationTuple::from).collect(),
        next_cursor,
    }))
}

/// The objects of which a caller that may see the project's grants may see them: those that contain it, too, if
/// it reads grants there.
fn listed(principal: &Principal, project: &Project) -> Vec<ObjectRef> {
    let domain = Scope {
        domain_id: Some(project.domain_id),
        project_id: None,
    };
    let mut objects = vec![ObjectRef::of(ObjectKind::Project, project.id)];
    if holds(principal, Permission::ReadGrants, &domain) {
        objects.push(ObjectRef::of(ObjectKind::Domain, project.domain_id));
    }
    if holds(principal, Permission::ReadGrants, &Scope::default()) {
        objects.push(ObjectRef::PLATFORM);
    }
    objects
}

fn position(bytes: &[u8]) -> Result<Uuid, Failure> {
    let invalid = |_| Failure::bad_request(codes::INVALID_CURSOR, "the cursor is not one this list gave");
    Uuid::from_slice(bytes).map_err(invalid)
}

/// Withdraw a relation
///
/// It ends at once. Doing it again is a 404.
#[utoipa::path(
    delete,
    path = "/v1/authz/relation-tuples/{id}",
    operation_id = "DeleteRelationTuple",
    tag = "authz",
    params(("id" = Uuid, Path, description = "The tuple")),
    responses((status = 204, description = "Withdrawn"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_RELATION_TUPLE_ID)?;
    let missing = || Failure::not_found(codes::RELATION_TUPLE_NOT_FOUND, "relation tuple");
    let tuple = app
        .db
        .read(async move |tx| relations::find(tx, id).await)
        .await?
        .ok_or_else(missing)?;
    let object = tuple.binding.object;
    let domain_id = admin_of(&app, &principal, &object, missing).await?;
    let mut record = granted(&principal, domain_id, "withdraw", &object);
    record.details = Some(format!("{} {}", tuple.binding.relation.as_str(), tuple.subject));
    let pseudonyms = app.keys.pseudonyms;
    app.db
        .write(async move |tx| {
            if !relations::delete(tx, id).await? {
                return Err(missing());
            }
            Ok(audit::append(tx, &pseudonyms, record).await?)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Requires admin on a tuple's object. Returns the domain whose audit chain records what is done.
async fn admin_of(
    app: &App,
    principal: &Principal,
    object: &ObjectRef,
    missing: impl Fn() -> Failure,
) -> Result<Option<Uuid>, Failure> {
    match (object.kind, object.id) {
        (ObjectKind::Project, Some(id)) => {
            let project = authorize::project_or(app, principal, Permission::Grant, id, missing).await?;
            Ok(Some(project.domain_id))
        }
        (ObjectKind::Domain, Some(id)) => {
            authorize::domain_or(app, principal, Permission::Grant, id, missing).await?;
            Ok(Some(id))
        }
        (ObjectKind::Platform, _)
        | (ObjectKind::Project | ObjectKind::Domain, None)
        | (ObjectKind::Node | ObjectKind::Group | ObjectKind::User | ObjectKind::ServiceIdentity, _) => {
            authorize::platform_or(app, principal, Permission::ManagePlatform, missing).map(|()| None)
        }
    }
}

#[cfg(test)]
mod tests;
