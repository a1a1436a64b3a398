//! `POST /v1/nodes/{id}/rotate-key` and `POST /v1/nodes/{id}/key`: a node changes its key (all beyond the published
//! contract).
//!
//! The operator asks, and learns nothing of the key. The node draws it, keeps it, and hands it in; it is the only one
//! once it was used (`store::nodes::keys`).

use super::{own_record, revoked};
use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::{Node, Principal};
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, json, path_id};
use crate::wakes::Wake;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::codes;
use plex_api::nodes::{NodeKeyRequest, NodeKeyResponse, NodeKeyRotation};
use plex_domain::credential;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::nodes::{self, Offered, Rotation};
use plex_store::{Error, Tx, audit};
use std::time::Duration;

/// How long the key before holds beside one that was handed in and never used. The node has the new key on its disk
/// by then, so this locks nobody out.
const PREVIOUS_KEY_HOLDS: Duration = Duration::from_secs(600);

/// Ask a node to change its key
///
/// The node learns it from its stream or its next heartbeat, and the key in use holds until the new one is used.
/// Asking again before that changes nothing.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/rotate-key",
    operation_id = "RotateNodeKey",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = 202, description = "Asked", body = NodeKeyRotation), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn request(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<NodeKeyRotation>), Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let node = authorize::node(&app, &principal, Permission::RotateNodeKey, id).await?;
    let object = ObjectRef::of(ObjectKind::Node, id);
    let work = async move |tx: &mut Tx| {
        let asked = nodes::request_rotation(tx, id).await?;
        let is_new = matches!(asked, Some(Rotation::Requested(_)));
        let entry = Entry::of(Some(node.domain_id), "rotate_node_key", &object);
        Ok((asked, is_new.then_some(entry)))
    };
    let asked = authorize::change(&app, &principal, work).await?;
    let requested_at = match asked {
        Some(Rotation::Requested(at) | Rotation::Pending(at)) => at,
        Some(Rotation::Revoked) => {
            let detail = "this node's key was revoked; it can only register anew";
            return Err(Failure::conflict(codes::ILLEGAL_TRANSITION, detail));
        }
        None => return Err(Failure::not_found(codes::NODE_NOT_FOUND, "node")),
    };
    app.wakes.tell(Wake::Keys, &[id]);
    let rotation = NodeKeyRotation {
        node_id: id,
        requested_at,
    };
    Ok((StatusCode::ACCEPTED, Json(rotation)))
}

/// Hand in the node's next key
///
/// Only when it was asked for one. Handing in the same key again is answered in the same way.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/key",
    operation_id = "PostNodeKey",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    request_body = NodeKeyRequest,
    responses((status = 200, description = "Kept", body = NodeKeyResponse), Problems),
    security(("nskBearer" = [])),
)]
pub async fn hand_in(
    State(app): State<App>,
    node: Node,
    request: Request,
) -> Result<Json<NodeKeyResponse>, Failure> {
    let sent: NodeKeyRequest = json(request, PLAIN_BODY).await?;
    let hash = credential::hash(&app.keys.node_keys, &read_key(&sent.nsk)?);
    let record = own_record(&node, "put_node_key");
    let pseudonyms = app.keys.pseudonyms;
    let (accepted_at, offered) = app
        .db
        .write(async move |tx| {
            let offered = nodes::offer_key(tx, node.id, &hash, PREVIOUS_KEY_HOLDS).await?;
            if let Offered::Kept { is_repeat: false, .. } = offered {
                audit::append(tx, &pseudonyms, record).await?;
            }
            Ok::<_, Error>((tx.now(), offered))
        })
        .await?;
    let refused = |detail: &'static str| Err(Failure::conflict(codes::ILLEGAL_TRANSITION, detail));
    match offered {
        Offered::Kept {
            previous_key_until, ..
        } => Ok(Json(NodeKeyResponse {
            accepted_at,
            previous_key_until,
        })),
        Offered::NotRequested => refused("nobody asked this node for a new key"),
        Offered::Same => refused("this is the key in use; draw another"),
        Offered::Revoked => Err(revoked()),
    }
}

fn read_key(text: &str) -> Result<[u8; 32], Failure> {
    let key: Option<[u8; 32]> = STANDARD.decode(text).ok().and_then(|key| key.try_into().ok());
    key.filter(|key| key.iter().any(|byte| *byte != key[0]))
        .ok_or_else(|| Failure::bad_request(codes::INVALID_BODY, "nsk is not 32 random bytes in base64"))
}

/// A node came with the key that it had handed in: the key before ends now.
pub async fn promote(app: &App, node: &Node) -> Result<(), Failure> {
    let (id, hash, record) = (node.id, node.key.0, own_record(node, "use_node_key"));
    let pseudonyms = app.keys.pseudonyms;
    app.db
        .write(async move |tx| {
            if nodes::promote_key(tx, id, &hash).await? {
                audit::append(tx, &pseudonyms, record).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.wakes.tell(Wake::Keys, &[id]);
    Ok(())
}

#[cfg(test)]
mod tests;
