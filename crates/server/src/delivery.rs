//! Delivery: how what waits in the database reaches its node.
//!
//! The invocation's row is the outbox: a stream reads what is pending, signs it there and then, and sends
//! it again every 30 s until the node acknowledges (decision 18). [`crate::wakes`] says when to look.

use crate::app::App;
use crate::problem::Failure;
use plex_api::events::{ACTION_REQUEST, ActionRequest, ROTATE_NODE_KEY};
use plex_api::nodes::NodeStateExecution;
use plex_api::paths;
use plex_domain::env::uuid_v7;
use plex_domain::envelope::{self, Header};
use plex_store::invocations::{self, Audience, Queued};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Most invocations that one look brings.
const QUEUED: u32 = 1000;

/// What waits for a node, oldest first, as that audience may see it.
pub async fn queued(app: &App, node_id: Uuid, audience: Audience) -> Result<Vec<Queued>, Failure> {
    let _turn = app.wakes.turn().await;
    Ok(app
        .db
        .read(async move |tx| invocations::queued(tx, node_id, audience, QUEUED).await)
        .await?)
}

/// One invocation as a freshly signed event: compact JSON on one line.
pub async fn sign(app: &App, (domain_id, node_id): (Uuid, Uuid), queued: &Queued) -> Result<String, Failure> {
    let key = app.signers.of(app, domain_id).await?;
    let now = app.clock.now();
    let event_id = uuid_v7(now, &*app.rng);
    let payload = ActionRequest {
        event_id,
        occurred_at: now,
        execution_id: queued.execution_id,
        node_id,
        action: queued.action.clone(),
        r#type: queued.kind,
        parameters: raw(queued)?,
        timeout_seconds: queued.timeout_seconds,
        callback_url: format!(
            "{}{}",
            app.public_url,
            paths::callback(node_id, queued.execution_id)
        ),
        expires_at: Some(queued.expires_at),
        checksum: queued.checksum.clone(),
    };
    let payload = serde_json::to_string(&payload).map_err(Failure::internal)?;
    let scope = format!("node:{node_id}");
    let header = Header {
        id: event_id,
        event_type: ACTION_REQUEST,
        scope: &scope,
        issued_at: now,
    };
    Ok(envelope::seal(&key, &header, &payload))
}

/// The signed request that a node change its key.
pub async fn sign_rotation(app: &App, (domain_id, node_id): (Uuid, Uuid)) -> Result<String, Failure> {
    let key = app.signers.of(app, domain_id).await?;
    let now = app.clock.now();
    let event_id = uuid_v7(now, &*app.rng);
    let payload = serde_json::json!({"event_id": event_id, "occurred_at": now, "node_id": node_id});
    let scope = format!("node:{node_id}");
    let header = Header {
        id: event_id,
        event_type: ROTATE_NODE_KEY,
        scope: &scope,
        issued_at: now,
    };
    Ok(envelope::seal(&key, &header, &payload.to_string()))
}

/// One invocation as an entry of the node's state.
pub async fn entry(app: &App, ids: (Uuid, Uuid), queued: &Queued) -> Result<NodeStateExecution, Failure> {
    let envelope = RawValue::from_string(sign(app, ids, queued).await?).map_err(Failure::internal)?;
    Ok(NodeStateExecution {
        execution_id: queued.execution_id,
        action: queued.action.clone(),
        r#type: queued.kind,
        parameters: raw(queued)?,
        status: queued.status,
        requested_at: queued.requested_at,
        expires_at: queued.expires_at,
        envelope: Some(envelope),
    })
}

fn raw(queued: &Queued) -> Result<Option<Box<RawValue>>, Failure> {
    queued
        .parameters
        .clone()
        .map(RawValue::from_string)
        .transpose()
        .map_err(Failure::internal)
}
