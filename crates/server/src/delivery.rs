//! Delivery: how what waits in the database reaches its node.
//!
//! The invocation's row is the outbox: a stream reads what is pending, signs it there and then, and sends
//! it again every 30 s until the node acknowledges (decision 18). [`Wakes`] only says "look"; losing a wake
//! costs time, never an invocation.

use crate::app::App;
use crate::problem::Failure;
use plex_api::events::{ACTION_REQUEST, ActionRequest, ROTATE_NODE_KEY};
use plex_api::nodes::NodeStateExecution;
use plex_api::paths;
use plex_domain::env::uuid_v7;
use plex_domain::envelope::{self, Header};
use plex_store::invocations::{self, Audience, Queued};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

/// Most invocations that one look brings.
const QUEUED: u32 = 1000;
/// Looks at once. A dispatch to every node would otherwise fill the readers' queue by itself.
const LOOKS: usize = 64;

/// Tells the open streams of a node to look.
pub struct Wakes {
    streams: Arc<Mutex<HashMap<Uuid, watch::Sender<Signal>>>>,
    looks: Semaphore,
}

/// What a stream is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signal {
    /// Grows whenever there may be something new.
    look: u64,
    /// Grows whenever there may be something new about the node's keys.
    pub keys: u64,
}

impl Default for Wakes {
    fn default() -> Self {
        Self {
            streams: Arc::default(),
            looks: Semaphore::new(LOOKS),
        }
    }
}

/// An open stream's end of the wakes; dropping it signs off.
pub struct Subscription {
    node_id: Uuid,
    /// Changes when the stream should look or end.
    pub signal: watch::Receiver<Signal>,
    streams: Arc<Mutex<HashMap<Uuid, watch::Sender<Signal>>>>,
}

impl Wakes {
    /// Signs a stream on. Do it before the first look, so that nothing falls between.
    pub fn subscribe(&self, node_id: Uuid) -> Subscription {
        let mut streams = self.streams.lock().expect("no holder of this lock panics");
        let signal = streams
            .entry(node_id)
            .or_insert_with(|| watch::Sender::new(Signal::default()))
            .subscribe();
        Subscription {
            node_id,
            signal,
            streams: Arc::clone(&self.streams),
        }
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        streams.values().map(watch::Sender::receiver_count).sum()
    }

    /// Tells these nodes' streams to look.
    pub fn wake(&self, nodes: &[Uuid]) {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        for stream in nodes.iter().filter_map(|node| streams.get(node)) {
            stream.send_modify(|signal| signal.look += 1);
        }
    }

    /// Tells these nodes' streams to see whether their keys still hold.
    pub fn check(&self, nodes: &[Uuid]) {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        for stream in nodes.iter().filter_map(|node| streams.get(node)) {
            stream.send_modify(|signal| signal.keys += 1);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().expect("no holder of this lock panics");
        // This subscription's receiver still counts.
        if streams
            .get(&self.node_id)
            .is_some_and(|stream| stream.receiver_count() <= 1)
        {
            streams.remove(&self.node_id);
        }
    }
}

/// What waits for a node, oldest first, as that audience may see it.
pub async fn queued(app: &App, node_id: Uuid, audience: Audience) -> Result<Vec<Queued>, Failure> {
    let _turn = app.wakes.looks.acquire().await.map_err(Failure::internal)?;
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
