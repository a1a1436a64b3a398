//! Codes that take something which happens meanwhile, at a moment that the scene chooses.

use super::requests;
use super::scenes::{Played, call};
use super::world::{World, id};
use crate::testing::TestApp;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{FutureExt as _, stream};
use plex_api::paths;
use plex_store::{Error, Tx};
use serde_json::json;
use std::convert::Infallible;

/// A node that is revoked while its body arrives: after its key was checked, and before anything is stored.
pub(super) async fn leaving(world: &World) -> Played {
    let mut played = Vec::new();
    for (operation, method, path, body) in [
        (
            "PostNodeIntegrityViolations",
            "POST",
            paths::node_integrity_violations as fn(_) -> _,
            requests::violations(),
        ),
        (
            "PutNodeCapabilities",
            "PUT",
            paths::node_capabilities,
            requests::manifest(),
        ),
    ] {
        let node = world.app.node("leaving").await;
        let (admin, itself) = (world.app.admin(), paths::node(node.id));
        let arriving = async move {
            let (revoked, _) = call(&admin, "DELETE", &itself, None).await;
            assert_eq!(revoked.0.as_u16(), 204);
            Ok::<_, Infallible>(body.to_string())
        };
        let body = Body::from_stream(stream::once(arriving));
        let headers = [("content-type", "application/json")];
        played.push((operation, node.call(method, &path(node.id), body, &headers).await));
    }
    played
}

/// A registration behind as many writes as may wait.
pub(super) async fn queued() -> Played {
    let app = TestApp::start().await;
    let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
    let path = paths::bootstrap_tokens(app.project_id);
    let (_, token) = call(&app.admin(), "POST", &path, Some(&wanted)).await;
    let writer = app.take_writer().await;
    let wait = || app.app.db.write(async |_: &mut Tx| Ok::<_, Error>(()));
    let refused = loop {
        if let Some(refused) = wait().now_or_never() {
            break refused;
        }
    };
    assert!(matches!(refused, Err(Error::Busy)));
    let request = json!({
        "project_id": app.project_id,
        "resource_handle": "queued",
        "bootstrap_token": token["token"],
        "nonce": id(&token["token_id"]),
        "public_key": STANDARD.encode([9; 32]),
    });
    let (answer, _) = call(&app.anybody(), "POST", paths::REGISTER, Some(&request)).await;
    drop(writer);
    vec![("PostRegister", answer)]
}
