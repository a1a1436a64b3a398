//! `DELETE /v1/label-definitions/{id}`.

use super::{entry, managed, missing};
use crate::app::App;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_store::Tx;
use plex_store::labels::definitions::{self, DeleteError};

/// Delete a label definition
///
/// What becomes of its labels its `on_delete` says: `block` refuses while there are any, `cascade` deletes them,
/// `orphan` leaves them, never to be selected again.
#[utoipa::path(
    delete,
    path = "/v1/label-definitions/{id}",
    operation_id = "DeleteLabelDefinition",
    tag = "labels",
    params(("id" = uuid::Uuid, Path, description = "The definition")),
    responses((status = 204, description = "Deleted"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let (definition, chain) = managed(&app, &principal, id).await?;
    let work = async move |tx: &mut Tx| {
        if !definitions::delete(tx, id).await.map_err(refused)? {
            return Err(missing());
        }
        Ok(((), [entry(chain, "delete_label_definition", &definition)]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: DeleteError) -> Failure {
    match error {
        DeleteError::Seeded => Failure::unprocessable(
            codes::LABEL_KEY_RESERVED,
            "the platform came with this definition; it stays",
        ),
        DeleteError::Assigned => Failure::conflict(
            codes::ASSIGNMENTS_EXIST,
            "objects have labels of this definition; remove them, or change its on_delete",
        ),
        DeleteError::Store(error) => error.into(),
    }
}
