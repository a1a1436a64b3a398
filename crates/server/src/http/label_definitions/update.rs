//! `PATCH /v1/label-definitions/{id}`.

use super::{default_refused, description, entry, invalid, kinds, managed, missing, schema};
use crate::app::App;
use crate::authorize;
use crate::http::tenancy::empty_patch;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{LABELS_BODY, parse_json, path_id, read_body};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::labels::{LabelDefinition, LabelDefinitionUpdateRequest};
use plex_store::Tx;
use plex_store::labels::definitions::{self, Change, ChangeError};
use serde_json::{Map, Value};

/// What a definition is for good.
const FIXED: [&str; 5] = ["scope", "scope_id", "local_key", "immutable", "cardinality"];

/// Change a label definition
///
/// Only what is given changes. Labels that there are must satisfy a new schema and be on objects of the new kinds
/// (422), so that it can be left without any kind once it has no labels; the schema of an immutable definition never changes (409).
#[utoipa::path(
    patch,
    path = "/v1/label-definitions/{id}",
    operation_id = "UpdateLabelDefinition",
    tag = "labels",
    params(("id" = uuid::Uuid, Path, description = "The definition")),
    request_body = LabelDefinitionUpdateRequest,
    responses((status = 200, description = "Changed", body = LabelDefinition), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn update(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<LabelDefinition>, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let (_, chain) = managed(&app, &principal, id).await?;
    let change = change(read(request).await?)?;
    let work = async move |tx: &mut Tx| {
        let changed = definitions::change(tx, id, &change).await.map_err(refused)?;
        let changed = changed.ok_or_else(missing)?;
        let entry = entry(chain, "update_label_definition", &changed);
        Ok((changed, [entry]))
    };
    let changed = authorize::change(&app, &principal, work).await?;
    Ok(Json(changed))
}

/// A body that names something to change, and nothing that is fixed.
async fn read(request: Request) -> Result<LabelDefinitionUpdateRequest, Failure> {
    let body = read_body(request, LABELS_BODY).await?;
    let members: Map<String, Value> = parse_json(&body, LABELS_BODY.malformed)?;
    if FIXED.iter().any(|fixed| members.contains_key(*fixed)) {
        return Err(invalid(
            "scope, scope_id, local_key, immutable and cardinality never change; leave them out",
        ));
    }
    let wanted: LabelDefinitionUpdateRequest = parse_json(&body, LABELS_BODY.malformed)?;
    let changes = wanted.description.is_some()
        || wanted.value_schema.is_some()
        || wanted.applicable_kinds.is_some()
        || wanted.required.is_some()
        || wanted.default_value.is_some()
        || wanted.cloud_tag_propagation.is_some()
        || wanted.on_delete.is_some();
    if changes { Ok(wanted) } else { Err(empty_patch()) }
}

fn change(wanted: LabelDefinitionUpdateRequest) -> Result<Change, Failure> {
    Ok(Change {
        description: wanted.description.map(description).transpose()?,
        schema: wanted.value_schema.as_ref().map(schema).transpose()?,
        kinds: wanted.applicable_kinds.map(kinds).transpose()?,
        required: wanted.required,
        default_value: wanted.default_value,
        cloud_tag_propagation: wanted.cloud_tag_propagation,
        on_delete: wanted.on_delete,
    })
}

fn refused(error: ChangeError) -> Failure {
    match error {
        ChangeError::Immutable => Failure::conflict(
            codes::IMMUTABLE_VIOLATION,
            "the definition is immutable; its value_schema never changes",
        ),
        ChangeError::LabelRefused => Failure::unprocessable(
            codes::INVALID_VALUE_SCHEMA,
            "a label that there is does not satisfy this value_schema",
        ),
        ChangeError::DefaultRefused => default_refused(),
        ChangeError::KindInUse => Failure::unprocessable(
            codes::SCOPE_MISMATCH,
            "an object of a kind that is left out of applicable_kinds has such a label",
        ),
        ChangeError::Store(error) => error.into(),
    }
}
