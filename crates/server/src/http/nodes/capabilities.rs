//! `PUT /v1/nodes/{id}/capabilities` and `GET /v1/projects/{project_id}/capabilities`: what nodes can run.

use super::own_record;
use crate::app::App;
use crate::authorize;
use crate::paging::{self, Paging};
use crate::principal::{Node, Principal};
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::limits::CAPABILITIES_BODY_BYTES;
use plex_api::nodes::{
    CapabilityManifestRequest, CapabilityManifestResponse, CapabilityRowList, CapabilityStatus,
};
use plex_api::problem::DenialReason;
use plex_domain::manifest::{self, ManifestError};
use plex_domain::relation::Permission;
use plex_store::capabilities::{self, Filter};
use plex_store::{Error, audit};

const BODY: BodyRules = BodyRules {
    ceiling: CAPABILITIES_BODY_BYTES,
    too_large: codes::CAPABILITIES_BODY_TOO_LARGE,
    malformed: codes::MALFORMED_CAPABILITIES_REQUEST,
};

/// Replace the node's capability manifest
#[utoipa::path(
    put,
    path = "/v1/nodes/{id}/capabilities",
    operation_id = "PutNodeCapabilities",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    request_body = CapabilityManifestRequest,
    responses((status = 200, description = "Stored", body = CapabilityManifestResponse), Problems),
    security(("nskBearer" = [])),
)]
pub async fn put(
    State(app): State<App>,
    node: Node,
    request: Request,
) -> Result<Json<CapabilityManifestResponse>, Failure> {
    let sent: CapabilityManifestRequest = json(request, BODY).await?;
    manifest::validate(&sent).map_err(invalid)?;
    let record = own_record(&node, "put_capabilities");
    let pseudonyms = app.keys.pseudonyms;
    let stored = app
        .db
        .write(async move |tx| {
            let stored = capabilities::put(tx, node.id, &sent).await?;
            if stored.as_ref().is_some_and(|stored| stored.changed) {
                audit::append(tx, &pseudonyms, record).await?;
            }
            Ok::<_, Error>(stored.map(|stored| (tx.now(), stored)))
        })
        .await?;
    let (accepted_at, stored) = stored.ok_or_else(no_node)?;
    let (fields_changed, host_key_changed) = (stored.fields, stored.host_key_changed);
    Ok(Json(CapabilityManifestResponse {
        accepted_at,
        fields_changed,
        host_key_changed,
    }))
}

/// The key ended between its check and the write.
fn no_node() -> Failure {
    Failure::not_found(codes::CAPABILITIES_NODE_NOT_FOUND, "node")
}

/// Faults of discovered hooks and built-ins are 422, all others 400 (`api.md` §7.1).
fn invalid(error: ManifestError) -> Failure {
    const UNPROCESSABLE: [&str; 6] = [
        codes::PLEXD_HOOK_INVALID,
        codes::PLEXD_HOOK_DUPLICATE,
        codes::PLEXD_HOOKS_TOO_MANY,
        codes::BUILTIN_ACTION_INVALID,
        codes::BUILTIN_ACTION_DUPLICATE,
        codes::BUILTIN_ACTIONS_TOO_MANY,
    ];
    let status = if UNPROCESSABLE.contains(&error.code) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::BAD_REQUEST
    };
    Failure::new(status, error.code, error.detail)
}

/// List the capability manifests of a project's nodes
///
/// `drift` while a declared hook differs from its pinned digest, a discovered hook's image from the catalogued one, or
/// the binary of the last heartbeat from the declared one; `unknown` for a node that declares nothing to compare.
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/capabilities",
    operation_id = "ListCapabilities",
    tag = "nodes",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("node_id" = Option<Uuid>, Query, description = "Only of this node"),
        ("status" = Option<CapabilityStatus>, Query, description = "Only with this verdict"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = CapabilityRowList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    query: Query,
) -> Result<Json<CapabilityRowList>, Failure> {
    let id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    // The contract declares no 404 here, so what is missing is a denial (decision 3).
    let hidden = || authorize::denied(DenialReason::OutOfScope, Vec::new());
    authorize::project_or(&app, &principal, Permission::ReadCapabilities, id, hidden)?;
    let filter = Filter {
        node_id: query.id("node_id", codes::INVALID_QUERY)?,
        status: query.parsed("status", codes::INVALID_QUERY, parse_status)?,
    };
    let list = [
        "capabilities".to_owned(),
        id.to_string(),
        paging::filter(filter.node_id),
        paging::filter(query.get("status")),
    ];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id)?;
    let (items, more) = app
        .db
        .read(async move |tx| capabilities::page(tx, id, filter, after, paging.limit).await)
        .await?;
    let last = items.last().filter(|_| more).map(|row| row.node_id);
    let next_cursor = last.map(|id| paging.cursor(id.as_bytes()));
    Ok(Json(CapabilityRowList { items, next_cursor }))
}

fn parse_status(word: &str) -> Option<CapabilityStatus> {
    match word {
        "match" => Some(CapabilityStatus::Match),
        "drift" => Some(CapabilityStatus::Drift),
        "unknown" => Some(CapabilityStatus::Unknown),
        _ => None,
    }
}
