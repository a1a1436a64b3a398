//! `POST /v1/authz/relation-tuples`: granting a relation.

use super::{details, refused, require_authority, triple};
use crate::app::App;
use crate::audit::granted;
use crate::authorize::{self, out_of_scope};
use crate::http::authz::BODY;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{Query, json};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use plex_api::relations::{RelationTuple, RelationTupleCreateRequest};
use plex_domain::relation::Permission;
use plex_store::relations::{self, Granted, NewTuple, Tuple};
use plex_store::{Tx, audit};
use uuid::Uuid;

/// Grant a relation
///
/// On the project, on a node or the domain of it, on a group, or on the platform; the caller must be admin there.
/// Authority that rests on a caveat grants only on the same caveat, and a membership takes admin over all that
/// the group's members hold. An unknown subject becomes known.
/// Tokens of the subject end that somebody else issued who is not admin over the object. Granting what is held already
/// changes nothing.
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
    let project_id = super::list::project_id(&query)?;
    let project = authorize::project(&app, &principal, Permission::Grant, project_id)?;
    let wanted: RelationTupleCreateRequest = json(request, BODY).await?;
    let new = triple::read(&app, &principal, wanted)?;
    // First what the caller may, so that nobody learns which objects there are elsewhere.
    let domain_id = require_authority(&app, &principal, &new, out_of_scope)?;
    triple::require_of_project(&app, &project, &new.object)?;
    let tuple = grant(&app, &principal, new, domain_id).await?;
    Ok((StatusCode::CREATED, Json(tuple.into())))
}

/// States a tuple for which the caller was found to have the authority.
pub(in crate::http) async fn grant(
    app: &App,
    principal: &Principal,
    new: NewTuple,
    domain_id: Option<Uuid>,
) -> Result<Tuple, Failure> {
    let (by, shared) = (principal.clone(), app.clone());
    let work = async move |tx: &mut Tx| match relations::create(tx, &new).await.map_err(refused)? {
        Granted::Held(tuple) => Ok(tuple),
        Granted::New(tuple) => {
            let mut record = granted(&by, domain_id, "grant", &tuple.object);
            record.details = Some(details(&tuple));
            audit::append(tx, &shared.keys.pseudonyms, record).await?;
            authorize::end_outgrown(tx, &shared, &by, &new).await?;
            Ok(tuple)
        }
    };
    authorize::write(app, principal, work).await
}
