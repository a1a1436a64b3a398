//! `/v1/nodes`: the fleet as operators see it, and below it what nodes themselves ask and tell.

pub mod callback;
pub mod capabilities;
pub mod events;
pub mod heartbeat;
pub mod integrity_violations;
pub mod key;
pub mod reader;
pub mod state;

mod list;

// `routes!` looks for what describes a handler beside the handler.
pub use list::{__path_list, list, places};

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::{Node, Principal};
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use crate::wakes::Wake;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use plex_api::audit::AuditReason;
use plex_api::codes;
use plex_api::nodes::NodeSummary;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::audit::Record;
use plex_store::{Tx, nodes};
use std::collections::BTreeMap;

/// Read a node
#[utoipa::path(
    get,
    path = "/v1/nodes/{id}",
    operation_id = "GetNode",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = 200, description = "The node", body = NodeSummary), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<NodeSummary>, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    authorize::node(&app, &principal, Permission::ReadNode, id).await?;
    let found = app.db.read(async move |tx| nodes::find(tx, id).await).await?;
    let missing = || Failure::not_found(codes::NODE_NOT_FOUND, "node");
    Ok(Json(found.ok_or_else(missing)?.summary))
}

/// Revoke a node
///
/// Ends its key, its streams and its membership in cohorts. Revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/nodes/{id}",
    operation_id = "RevokeNode",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = 204, description = "Revoked"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let node = authorize::node(&app, &principal, Permission::RevokeNode, id).await?;
    let object = ObjectRef::of(ObjectKind::Node, id);
    let work = async move |tx: &mut Tx| {
        let is_done = nodes::revoke(tx, id).await?;
        let entry = Entry::of(Some(node.domain_id), "revoke_node", &object);
        Ok(((), is_done.then_some(entry)))
    };
    authorize::change(&app, &principal, work).await?;
    app.wakes.tell(Wake::Keys, &[id]);
    Ok(StatusCode::NO_CONTENT)
}

/// What the audit chain says of something that a node did to its own record.
fn own_record(node: &Node, relation: &str) -> Record {
    Record {
        domain_id: Some(node.domain_id),
        reason: AuditReason::Granted,
        identity: format!("node:{}", node.id),
        relation: relation.to_owned(),
        object_type: "node".to_owned(),
        object_id: node.id.to_string(),
        correlation_id: node.context.correlation_id.clone(),
        ip: node.context.ip.map(|ip| ip.to_string()),
        user_agent: node.context.user_agent.clone(),
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    }
}

/// The key ended between its check and the write.
fn revoked() -> Failure {
    Failure::unauthorized(codes::NSK_REVOKED, "this node's key was revoked")
}

#[cfg(test)]
mod tests;
