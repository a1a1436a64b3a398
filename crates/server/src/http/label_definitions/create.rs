//! `POST /v1/label-definitions`.

use super::{default_refused, description, entry, full, invalid, kinds, manage, out_of_scope, schema};
use crate::app::App;
use crate::authorize;
use crate::http::created::Created;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{LABELS_BODY, json};
use axum::extract::{Request, State};
use plex_api::labels::{LabelDefinition, LabelDefinitionRequest, OnDelete};
use plex_api::{codes, paths};
use plex_domain::label::{ScopeRef, is_reserved};
use plex_domain::selector::valid_local_key;
use plex_store::Tx;
use plex_store::labels::AssignedBy;
use plex_store::labels::definitions::{self, CreateError, NewDefinition};

/// Define a label
///
/// In the platform, a domain or a project that the caller manages. A pattern must match a value as a whole. Keys that
/// begin with `plexsphere.` are reserved (422). A scope has at most 1000 definitions (409).
#[utoipa::path(
    post,
    path = "/v1/label-definitions",
    operation_id = "CreateLabelDefinition",
    tag = "labels",
    request_body = LabelDefinitionRequest,
    responses(
        (status = 201, description = "Defined", body = LabelDefinition, headers(("Location" = String))),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Created<LabelDefinition>, Failure> {
    let wanted: LabelDefinitionRequest = json(request, LABELS_BODY).await?;
    let scope = ScopeRef::new(wanted.scope, wanted.scope_id)
        .ok_or_else(|| invalid("a domain or project needs its id as scope_id, the platform has none"))?;
    let chain = manage(&app, &principal, scope, out_of_scope).await?;
    let new = new_definition(wanted, scope)?;
    let work = async move |tx: &mut Tx| {
        let made = definitions::create(tx, &new).await.map_err(refused)?;
        let entry = entry(chain, "create_label_definition", &made);
        Ok((made, [entry]))
    };
    let made = authorize::change(&app, &principal, work).await?;
    Ok(Created(paths::label_definition(made.id), made))
}

fn new_definition(wanted: LabelDefinitionRequest, scope: ScopeRef) -> Result<NewDefinition, Failure> {
    if !valid_local_key(&wanted.local_key) {
        return Err(invalid(
            "local_key has 1 to 64 of a-z 0-9 . _ - and no separator at either end",
        ));
    }
    if is_reserved(&wanted.local_key) {
        return Err(Failure::unprocessable(
            codes::LABEL_KEY_RESERVED,
            "keys that begin with `plexsphere.` are the platform's own",
        ));
    }
    let schema = schema(&wanted.value_schema)?;
    let default_value = wanted.default_value.filter(|value| !value.is_null());
    if default_value.as_ref().is_some_and(|value| !schema.accepts(value)) {
        return Err(default_refused());
    }
    Ok(NewDefinition {
        scope,
        local_key: wanted.local_key,
        description: description(wanted.description.unwrap_or_default())?,
        schema,
        kinds: first_kinds(wanted.applicable_kinds)?,
        required: wanted.required.unwrap_or(false),
        default_value,
        immutable: wanted.immutable.unwrap_or(false),
        cloud_tag_propagation: wanted.cloud_tag_propagation.unwrap_or(false),
        on_delete: wanted.on_delete.unwrap_or(OnDelete::Block),
        cardinality: wanted.cardinality.unwrap_or(1),
        created_by: AssignedBy::User,
    })
}

/// Only a change may leave a definition without any kind.
fn first_kinds(wanted: Vec<String>) -> Result<Vec<String>, Failure> {
    if wanted.is_empty() {
        return Err(invalid("applicable_kinds takes at least one kind"));
    }
    kinds(wanted)
}

fn refused(error: CreateError) -> Failure {
    match error {
        // It went since the caller was allowed to define labels in it.
        CreateError::ScopeMissing => out_of_scope(),
        CreateError::KeyTaken => Failure::conflict(
            codes::LABEL_DEFINITION_CONFLICT,
            "the scope has a definition of this key",
        ),
        CreateError::Full => full(),
        CreateError::Store(error) => error.into(),
    }
}
