//! `GET /v1/nodes/{id}/state`: what the node pulls. The truth, of which the stream is the fast copy.

use crate::app::App;
use crate::delivery;
use crate::http::nodes::reader::Reader;
use crate::problem::{Failure, Problems};
use axum::Json;
use axum::extract::State;
use plex_api::nodes::NodeStateSnapshot;
use plex_store::nodes;

/// Pull the node's state
///
/// For the node itself, and for operators who hold `node-agent` on it; these see secret parameters masked.
#[utoipa::path(
    get,
    path = "/v1/nodes/{id}/state",
    operation_id = "GetNodeState",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = 200, description = "The state", body = NodeStateSnapshot), Problems),
    security(("nskBearer" = []), ("operatorBearer" = [])),
)]
pub async fn state(State(app): State<App>, reader: Reader) -> Result<Json<NodeStateSnapshot>, Failure> {
    let id = reader.node_id;
    let reachability = app
        .db
        .read(async move |tx| nodes::reachability(tx, id).await)
        .await?;
    let mut executions = Vec::new();
    for queued in delivery::queued(&app, id, reader.audience()).await? {
        executions.push(delivery::entry(&app, (reader.domain_id, id), &queued).await?);
    }
    Ok(Json(NodeStateSnapshot {
        peers: Vec::new(),
        reachability: reachability.ok_or_else(|| Failure::internal("an authenticated node has no row"))?,
        policy: None,
        bridge: None,
        state: None,
        reports: None,
        executions,
        sessions: Vec::new(),
    }))
}
