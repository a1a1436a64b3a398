//! `/v1/objects/{kind}/{id}/labels`: labels on nodes (`api.md` §6, decision 24).

use crate::app::App;
use crate::audit::granted;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::labels::{LabelAssignment, LabelAssignmentList, LabelAssignmentRequest};
use plex_api::problem::DenialReason;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::selector::valid_local_key;
use plex_store::audit::{self, Record};
use plex_store::labels::{self, AssignedBy, Definition, Refused};
use plex_store::nodes::{self, NodeKey};
use plex_store::{Error, Tx};
use uuid::Uuid;

/// The id of the labelled node; other kinds of objects have no labels here.
fn node_id(kind: &str, id: &str) -> Result<Uuid, Failure> {
    if kind != "node" {
        return Err(Failure::bad_request(
            codes::INVALID_ID,
            "labels are served for objects of kind node",
        ));
    }
    path_id(id, codes::INVALID_ID)
}

fn record(principal: &Principal, node: &NodeKey, relation: &str) -> Record {
    granted(
        principal,
        Some(node.domain_id),
        relation,
        &ObjectRef::of(ObjectKind::Node, node.id),
    )
}

/// List an object's labels
#[utoipa::path(
    get,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "ListObjectLabels",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node`"),
        ("id" = Uuid, Path, description = "The object"),
    ),
    responses((status = 200, description = "All its labels", body = LabelAssignmentList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<LabelAssignmentList>, Failure> {
    let id = node_id(&kind, &id)?;
    // The contract declares no 404 here, so what is missing is a denial (decision 3).
    let hidden = || authorize::denied(DenialReason::OutOfScope, Vec::new());
    let Some(node) = app
        .db
        .read(async move |tx| nodes::authenticate(tx, id).await)
        .await?
    else {
        let object = ObjectRef::of(ObjectKind::Node, id);
        app.denials.note(
            &principal,
            Permission::ReadNode,
            &object,
            DenialReason::OutOfScope,
        );
        return Err(hidden());
    };
    authorize::project_or(&app, &principal, Permission::ReadNode, node.project_id, hidden).await?;
    let items = app.db.read(async move |tx| labels::of_node(tx, id).await).await?;
    Ok(Json(LabelAssignmentList { items }))
}

/// Put a label on an object
///
/// `key` may name a key that nobody has defined yet; it becomes a plain string key of the node's project.
#[utoipa::path(
    put,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "PutObjectLabel",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node`"),
        ("id" = Uuid, Path, description = "The object"),
    ),
    request_body = LabelAssignmentRequest,
    responses((status = 200, description = "Assigned", body = LabelAssignment), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn put(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    request: Request,
) -> Result<Json<LabelAssignment>, Failure> {
    let id = node_id(&kind, &id)?;
    let node = authorize::node(&app, &principal, Permission::LabelNode, id).await?;
    let wanted: LabelAssignmentRequest = json(request, PLAIN_BODY).await?;
    let label = Label::read(wanted.definition_id, wanted.key)?;
    let record = record(&principal, &node, "label_node");
    let pseudonyms = app.keys.pseudonyms;
    let assigned = app
        .db
        .write(async move |tx| {
            let definition = label
                .definition(tx, node.project_id)
                .await?
                .ok_or_else(unknown_label)?;
            let assigned = labels::assign(tx, id, &definition, &wanted.value, AssignedBy::User).await?;
            let assigned = assigned.map_err(refused)?;
            audit::append(tx, &pseudonyms, naming(record, &definition)).await?;
            Ok::<_, Failure>(assigned)
        })
        .await?;
    Ok(Json(assigned))
}

/// Which label a request means.
enum Label {
    Id(Uuid),
    Qualified(String),
    Bare(String),
}

impl Label {
    fn read(definition_id: Option<Uuid>, key: Option<String>) -> Result<Self, Failure> {
        let invalid = |detail: &'static str| Err(Failure::bad_request(codes::INVALID_BODY, detail));
        match (definition_id, key) {
            (Some(id), None) => Ok(Self::Id(id)),
            (None, Some(key)) if key.contains('/') => Ok(Self::Qualified(key)),
            (None, Some(key)) if valid_local_key(&key) => Ok(Self::Bare(key)),
            (None, Some(_)) => invalid("a key has 1 to 64 of a-z 0-9 . _ - and no separator at either end"),
            (Some(_), Some(_)) | (None, None) => invalid("give exactly one of definition_id and key"),
        }
    }

    async fn definition(&self, tx: &mut Tx, project_id: Uuid) -> Result<Option<Definition>, Error> {
        match self {
            Self::Id(id) => labels::definition(tx, project_id, *id).await,
            Self::Qualified(key) => labels::resolve(tx, project_id, key).await,
            Self::Bare(key) => labels::resolve_or_define(tx, project_id, key, AssignedBy::User)
                .await
                .map(Some),
        }
    }
}

fn naming(record: Record, definition: &Definition) -> Record {
    Record {
        details: Some(format!("label:{}", definition.qualified_key)),
        ..record
    }
}

fn unknown_label() -> Failure {
    Failure::not_found(codes::LABEL_DEFINITION_NOT_FOUND, "label definition")
}

fn refused(refused: Refused) -> Failure {
    match refused {
        Refused::Value => Failure::unprocessable(
            codes::SCOPE_MISMATCH,
            "the value does not satisfy the label's definition",
        ),
        Refused::Limit => Failure::conflict(
            codes::LABEL_LIMIT_REACHED,
            "a node has at most 64 labels; remove one first",
        ),
    }
}

/// Take a label off an object
#[utoipa::path(
    delete,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "DeleteObjectLabel",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node`"),
        ("id" = Uuid, Path, description = "The object"),
        ("qualified_key" = String, Query, description = "The label's qualified key, or its bare key"),
    ),
    responses((status = 204, description = "The object does not have it, or no longer"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Result<StatusCode, Failure> {
    let id = node_id(&kind, &id)?;
    let node = authorize::node(&app, &principal, Permission::LabelNode, id).await?;
    let key = query
        .get("qualified_key")
        .filter(|key| !key.is_empty())
        .map(str::to_owned);
    let key = key.ok_or_else(|| Failure::bad_request(codes::INVALID_QUERY, "qualified_key is missing"))?;
    let record = record(&principal, &node, "unlabel_node");
    let pseudonyms = app.keys.pseudonyms;
    app.db
        .write(async move |tx| {
            let definition = labels::resolve(tx, node.project_id, &key)
                .await?
                .ok_or_else(unknown_label)?;
            if labels::remove(tx, id, definition.id).await? {
                audit::append(tx, &pseudonyms, naming(record, &definition)).await?;
            }
            Ok::<_, Failure>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
