//! `GET /v1/label-definitions/{id}`.

use super::{missing, read, scope_of};
use crate::app::App;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::labels::LabelDefinition;
use plex_store::labels::definitions;

/// Get a label definition
///
/// One that the caller may not see is answered as none, whatever the reason.
#[utoipa::path(
    get,
    path = "/v1/label-definitions/{id}",
    operation_id = "GetLabelDefinition",
    tag = "labels",
    params(("id" = uuid::Uuid, Path, description = "The definition")),
    responses((status = 200, description = "The definition", body = LabelDefinition), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<LabelDefinition>, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let found = app
        .db
        .read(async move |tx| definitions::find(tx, id).await)
        .await?;
    let definition = found.ok_or_else(missing)?;
    let seen = read(&app, &principal, scope_of(&definition), missing).await;
    // The contract has no 403 here.
    seen.map_err(|failure| match failure.status() {
        StatusCode::FORBIDDEN => missing(),
        _ => failure,
    })?;
    Ok(Json(definition))
}
