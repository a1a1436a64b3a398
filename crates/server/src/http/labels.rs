//! `/v1/objects/{kind}/{id}/labels`: labels on nodes and projects (`api.md` §6, decision 24).

use crate::app::App;
use crate::audit::granted;
use crate::authorize;
use crate::http::label_definitions::full;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{LABELS_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::labels::{LabelAssignment, LabelAssignmentList, LabelAssignmentRequest};
use plex_domain::label::is_reserved;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::selector::valid_local_key;
use plex_store::Tx;
use plex_store::audit::{self, Record};
use plex_store::labels::definitions::{self, CreateError};
use plex_store::labels::{self, AssignedBy, Definition, Holder, Object, Refused};
use uuid::Uuid;

/// A labelled object that the caller may act on.
#[derive(Debug, Clone, Copy)]
struct Target {
    object: Object,
    project_id: Uuid,
    domain_id: Uuid,
}

impl Target {
    fn record(&self, principal: &Principal, [node, project]: [&str; 2]) -> Record {
        let (kind, relation) = match self.object.kind {
            Holder::Node => (ObjectKind::Node, node),
            Holder::Project => (ObjectKind::Project, project),
        };
        let object = ObjectRef::of(kind, self.object.id);
        granted(principal, Some(self.domain_id), relation, &object)
    }
}

/// The object of a path; other kinds than nodes and projects have no labels here.
fn object(kind: &str, id: &str) -> Result<Object, Failure> {
    let kind = Holder::parse(kind).ok_or_else(|| {
        Failure::bad_request(
            codes::INVALID_ID,
            "labels are served for objects of kind node and project",
        )
    })?;
    let id = path_id(id, codes::INVALID_ID)?;
    Ok(Object { kind, id })
}

/// An object that the caller may label, or the answer of decision 3.
async fn labelled(app: &App, principal: &Principal, object: Object) -> Result<Target, Failure> {
    let (project_id, domain_id) = match object.kind {
        Holder::Node => {
            let node = authorize::node(app, principal, Permission::LabelNode, object.id).await?;
            (node.project_id, node.domain_id)
        }
        Holder::Project => {
            let project = authorize::project(app, principal, Permission::LabelProject, object.id)?;
            (project.id, project.domain_id)
        }
    };
    Ok(Target {
        object,
        project_id,
        domain_id,
    })
}

/// The project of an object whose labels the caller may see. The contract declares no 404 for that, so what is
/// missing is a denial (decision 3).
async fn seen(app: &App, principal: &Principal, object: Object) -> Result<Uuid, Failure> {
    let (kind, permission) = match object.kind {
        Holder::Node => (ObjectKind::Node, Permission::ReadNode),
        Holder::Project => (ObjectKind::Project, Permission::ReadProject),
    };
    let place = ObjectRef::of(kind, object.id);
    authorize::allow(app, principal, permission, &place, authorize::out_of_scope)?;
    match object.kind {
        Holder::Project => Ok(object.id),
        Holder::Node => {
            let project = app.authority.parent(&place).and_then(|project| project.id);
            project.ok_or_else(authorize::out_of_scope)
        }
    }
}

/// List an object's labels
///
/// Those that were put on it, orphaned ones too. With `effective=true` (*beyond*) those in effect: a node's own, its
/// project's where it has none of the same definition, and the defaults of required definitions.
#[utoipa::path(
    get,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "ListObjectLabels",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node` or `project`"),
        ("id" = Uuid, Path, description = "The object"),
        ("effective" = Option<bool>, Query, description = "Whether to list the labels in effect"),
    ),
    responses((status = 200, description = "All its labels", body = LabelAssignmentList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Result<Json<LabelAssignmentList>, Failure> {
    let object = object(&kind, &id)?;
    let effective = query.parsed("effective", codes::INVALID_QUERY, |text| {
        text.parse::<bool>().ok()
    })?;
    let project_id = seen(&app, &principal, object).await?;
    let read = async move |tx: &mut Tx| {
        if effective == Some(true) {
            labels::in_effect(tx, object, project_id).await
        } else {
            labels::of_object(tx, object).await
        }
    };
    let items = app.db.read(read).await?;
    Ok(Json(LabelAssignmentList { items }))
}

/// Put a label on an object
///
/// In place of the label of the same definition, unless that takes several values. `key` may name a key that nobody
/// has defined yet; it becomes a plain string key of the object's project, which has at most 1000 (409).
#[utoipa::path(
    put,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "PutObjectLabel",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node` or `project`"),
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
    let target = labelled(&app, &principal, object(&kind, &id)?).await?;
    let wanted: LabelAssignmentRequest = json(request, LABELS_BODY).await?;
    let label = Label::read(wanted.definition_id, wanted.key)?;
    let record = target.record(&principal, ["label_node", "label_project"]);
    let pseudonyms = app.keys.pseudonyms;
    let work = async move |tx: &mut Tx| {
        let definition = label.definition(tx, &target, (&pseudonyms, &record)).await?;
        let definition = definition.ok_or_else(unknown_label)?;
        let by = AssignedBy::User;
        let assigned = labels::assign(tx, target.object, &definition, &wanted.value, by).await?;
        let assigned = assigned.map_err(refused)?;
        audit::append(tx, &pseudonyms, naming(record, &definition.qualified_key)).await?;
        Ok(assigned)
    };
    let assigned = authorize::write(&app, &principal, work).await?;
    Ok(Json(assigned))
}

/// Which label a request means.
#[derive(Clone)]
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
            (None, Some(key)) if is_reserved(&key) => Err(Failure::unprocessable(
                codes::SCOPE_MISMATCH,
                "keys that begin with `plexsphere.` are the platform's own",
            )),
            (None, Some(key)) if valid_local_key(&key) => Ok(Self::Bare(key)),
            (None, Some(_)) => invalid("a key has 1 to 64 of a-z 0-9 . _ - and no separator at either end"),
            (Some(_), Some(_)) | (None, None) => invalid("give exactly one of definition_id and key"),
        }
    }

    async fn definition(
        &self,
        tx: &mut Tx,
        target: &Target,
        told: (&[u8; 32], &Record),
    ) -> Result<Option<Definition>, Failure> {
        let project_id = target.project_id;
        match self {
            Self::Id(id) => Ok(labels::definition(tx, project_id, *id).await?),
            Self::Qualified(key) => Ok(labels::resolve(tx, project_id, key).await?),
            Self::Bare(key) => {
                let found = resolve_or_define(tx, (project_id, key), AssignedBy::User, told).await;
                Ok(Some(found.map_err(undefined)?))
            }
        }
    }
}

/// The definition that a bare key means in a project. Where there is none, a plain one of the project is made, and
/// told of in the audit chain with what else is known of the request.
pub(super) async fn resolve_or_define(
    tx: &mut Tx,
    (project_id, key): (Uuid, &str),
    by: AssignedBy,
    (pseudonyms, request): (&[u8; 32], &Record),
) -> Result<Definition, CreateError> {
    if let Some(known) = labels::resolve(tx, project_id, key).await? {
        return Ok(known);
    }
    let definition = definitions::define(tx, project_id, key, by).await?;
    let record = Record {
        relation: "define_label".to_owned(),
        object_type: ObjectKind::Project.as_str().to_owned(),
        object_id: project_id.to_string(),
        ..naming(request.clone(), &definition.qualified_key)
    };
    audit::append(tx, pseudonyms, record).await?;
    Ok(definition)
}

fn undefined(error: CreateError) -> Failure {
    match error {
        CreateError::Full => full(),
        CreateError::Store(error) => error.into(),
        CreateError::ScopeMissing | CreateError::KeyTaken => {
            Failure::internal("a project without this key refused a definition of it")
        }
    }
}

fn naming(record: Record, qualified_key: &str) -> Record {
    Record {
        details: Some(format!("label:{qualified_key}")),
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
        Refused::Kind => Failure::unprocessable(
            codes::SCOPE_MISMATCH,
            "the label's definition is not for objects of this kind",
        ),
        Refused::Immutable => Failure::conflict(
            codes::IMMUTABLE_VIOLATION,
            "the label is immutable and the object has another value of it",
        ),
        Refused::Cardinality => Failure::conflict(
            codes::LABEL_LIMIT_REACHED,
            "the object has as many values of this label as its definition allows; remove them first",
        ),
        Refused::Limit => Failure::conflict(
            codes::LABEL_LIMIT_REACHED,
            "an object has at most 64 labels; remove one first",
        ),
    }
}

/// Take a label off an object
///
/// All its values, where it has several; also one whose definition is gone.
#[utoipa::path(
    delete,
    path = "/v1/objects/{kind}/{id}/labels",
    operation_id = "DeleteObjectLabel",
    tag = "labels",
    params(
        ("kind" = String, Path, description = "`node` or `project`"),
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
    let target = labelled(&app, &principal, object(&kind, &id)?).await?;
    let key = query
        .get("qualified_key")
        .filter(|key| !key.is_empty())
        .map(str::to_owned);
    let key = key.ok_or_else(|| Failure::bad_request(codes::INVALID_QUERY, "qualified_key is missing"))?;
    let record = target.record(&principal, ["unlabel_node", "unlabel_project"]);
    let pseudonyms = app.keys.pseudonyms;
    let work = async move |tx: &mut Tx| {
        if let Some(qualified_key) = take_off(tx, &target, key).await? {
            audit::append(tx, &pseudonyms, naming(record, &qualified_key)).await?;
        }
        Ok(())
    };
    authorize::write(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes off what the key means, with or without a definition. The qualified key of what there was.
async fn take_off(tx: &mut Tx, target: &Target, key: String) -> Result<Option<String>, Failure> {
    let orphaned = labels::remove_orphaned(tx, target.object, &key).await?;
    match labels::resolve(tx, target.project_id, &key).await? {
        Some(definition) => {
            let removed = labels::remove(tx, target.object, definition.id).await?;
            Ok((removed || orphaned).then_some(definition.qualified_key))
        }
        None if orphaned => Ok(Some(key)),
        None => Err(unknown_label()),
    }
}

#[cfg(test)]
mod tests;
