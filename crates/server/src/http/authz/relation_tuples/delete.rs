//! `DELETE /v1/authz/relation-tuples/{id}`: withdrawing a relation.

use super::{chain_of, details};
use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_domain::relation::Permission;
use plex_store::Tx;
use plex_store::relations::{self, Tuple};
use uuid::Uuid;

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
    let tuple = find(&app, id).await?;
    authorize::allow(&app, &principal, Permission::Grant, &tuple.object, missing)?;
    let chain = chain_of(&app, &tuple.object);
    let work = async move |tx: &mut Tx| {
        // Somebody may have put another relation in its place, about which nothing was decided.
        if relations::find(tx, id).await?.as_ref() != Some(&tuple) {
            return Err(missing());
        }
        relations::delete(tx, id).await?;
        let entry = Entry::of(chain, "withdraw", &tuple.object).about(details(&tuple));
        Ok(((), [entry]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A tuple by its id, or the answer for none.
pub(super) async fn find(app: &App, id: Uuid) -> Result<Tuple, Failure> {
    let found = app.db.read(async move |tx| relations::find(tx, id).await).await?;
    found.ok_or_else(missing)
}

/// The answer for a tuple that is not there, and for one on what the caller has no relation to.
pub(super) fn missing() -> Failure {
    Failure::not_found(codes::RELATION_TUPLE_NOT_FOUND, "relation tuple")
}
