//! `POST /v1/nodes/{id}/heartbeat`: a node's sign of life.

use super::revoked;
use crate::app::App;
use crate::principal::Node;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, json};
use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use plex_api::codes;
use plex_api::limits::{BODY_BYTES, TEXT_BYTES};
use plex_api::nodes::{HeartbeatRequest, HeartbeatResponse};
use plex_store::{Error, nodes};

const BODY: BodyRules = BodyRules {
    ceiling: BODY_BYTES,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::MALFORMED_HEARTBEAT_REQUEST,
};
/// How far a node's clock may be off, either way.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Report a sign of life
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/heartbeat",
    operation_id = "PostNodeHeartbeat",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    request_body = HeartbeatRequest,
    responses((status = 200, description = "Noted", body = HeartbeatResponse), Problems),
    security(("nskBearer" = [])),
)]
pub async fn heartbeat(
    State(app): State<App>,
    node: Node,
    request: Request,
) -> Result<Json<HeartbeatResponse>, Failure> {
    let beat: HeartbeatRequest = json(request, BODY).await?;
    check(&beat, app.clock.now())?;
    let noted = app
        .db
        .write(async move |tx| {
            let told = nodes::heartbeat(tx, node.id, &beat.binary_version, &beat.binary_checksum).await?;
            Ok::<_, Error>(told.map(|told| (tx.now(), told)))
        })
        .await?;
    let (accepted_at, told) = noted.ok_or_else(revoked)?;
    Ok(Json(HeartbeatResponse {
        accepted_at,
        reconcile: told.reconcile,
        rotate_keys: false,
        rotate_node_key: told.rotate_key,
    }))
}

fn check(beat: &HeartbeatRequest, now: Timestamp) -> Result<(), Failure> {
    let refused = |code, detail: &'static str| Err(Failure::bad_request(code, detail));
    if beat.binary_version.trim().is_empty() {
        return refused(codes::BINARY_VERSION_EMPTY, "binary_version is blank");
    }
    if beat.binary_version.len() > TEXT_BYTES || beat.binary_version.contains('\0') {
        return refused(
            codes::MALFORMED_HEARTBEAT_REQUEST,
            "binary_version takes at most 4096 bytes, no NUL",
        );
    }
    if beat.binary_checksum.is_empty() {
        return refused(codes::BINARY_CHECKSUM_EMPTY, "binary_checksum is empty");
    }
    if !STANDARD
        .decode(&beat.binary_checksum)
        .is_ok_and(|digest| digest.len() == 32)
    {
        return refused(
            codes::MALFORMED_HEARTBEAT_REQUEST,
            "binary_checksum is not 32 bytes of base64",
        );
    }
    if beat.client_now.duration_since(now).abs() > SKEW {
        return refused(
            codes::CLOCK_SKEW,
            "client_now is more than 60 s off; set the node's clock",
        );
    }
    Ok(())
}
