//! `PATCH /v1/authz/relation-tuples/{id}`: putting another relation in the place of one.

use super::delete::{find, missing};
use super::{chain_of, details, refused, require_authority, triple};
use crate::app::App;
use crate::audit::granted;
use crate::authorize::{self, out_of_scope};
use crate::http::authz::BODY;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::relations::{RelationTuple, RelationTuplePatchRequest};
use plex_domain::relation::Permission;
use plex_store::{Tx, audit, relations};

/// Change a relation
///
/// The old one ends and the new one begins in one step, under the same id; what is refused changes nothing. The
/// caller must be admin over both resources.
#[utoipa::path(
    patch,
    path = "/v1/authz/relation-tuples/{id}",
    operation_id = "PatchRelationTuple",
    tag = "authz",
    params(("id" = Uuid, Path, description = "The tuple")),
    request_body = RelationTuplePatchRequest,
    responses((status = 200, description = "Changed", body = RelationTuple), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn patch(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<RelationTuple>, Failure> {
    let id = path_id(&id, codes::INVALID_RELATION_TUPLE_ID)?;
    let old = find(&app, id).await?;
    authorize::allow(&app, &principal, Permission::Grant, &old.object, missing)?;
    let wanted: RelationTuplePatchRequest = json(request, BODY).await?;
    let new = triple::read(&app, &principal, wanted.into())?;
    require_authority(&app, &principal, &new, out_of_scope)?;
    let chains = (chain_of(&app, &old.object), chain_of(&app, &new.object));
    let (by, shared) = (principal.clone(), app.clone());
    let work = async move |tx: &mut Tx| {
        // Somebody may have put another relation in its place, about which nothing was decided.
        if relations::find(tx, id).await?.as_ref() != Some(&old) {
            return Err(missing());
        }
        let tuple = relations::replace(tx, id, &new).await.map_err(refused)?;
        let tuple = tuple.ok_or_else(missing)?;
        for (chain, word, told) in [(chains.0, "withdraw", &old), (chains.1, "grant", &tuple)] {
            let mut record = granted(&by, chain, word, &told.object);
            record.details = Some(details(told));
            audit::append(tx, &shared.keys.pseudonyms, record).await?;
        }
        authorize::end_outgrown(tx, &shared, &by, &new).await?;
        Ok(tuple)
    };
    let tuple = authorize::write(&app, &principal, work).await?;
    Ok(Json(tuple.into()))
}
