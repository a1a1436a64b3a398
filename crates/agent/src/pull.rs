//! Pulls this node's state: the truth about what waits for it, whatever became of the event stream.

use crate::delivery::{DeliveryError, Event, Verifier};
use crate::dispatcher::Inbox;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::stream::Complaints;
use plex_api::executions::ExecutionStatus;
use plex_api::nodes::NodeStateExecution;
use plex_client::node::NodeClient;
use plex_domain::text::printable;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Between two pulls when nothing asks for one.
const INTERVAL: Duration = Duration::from_secs(60);
/// Between two pulls at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Pulls at once, whenever asked, and every minute. Ends only when the node's key is refused.
pub async fn run(client: NodeClient, verifier: Verifier, inbox: Inbox, asked: Arc<Notify>) -> Fatal {
    let mut complaints = Complaints::default();
    loop {
        match client.executions().await {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => take(&verifier, &inbox, entry, &mut complaints).await,
                        Err(error) => complaints.log(&error.to_string()),
                    }
                }
            }
            Err(error) => {
                if let Some(fatal) = Fatal::of(&error) {
                    return fatal;
                }
                tracing::warn!(reason = %printable(&error.to_string()), "state not pulled");
            }
        }
        tokio::time::sleep(PAUSE).await;
        // Having asked during the pull counts: the answer may have been made before.
        let _ = tokio::time::timeout(INTERVAL, asked.notified()).await;
    }
}

async fn take(verifier: &Verifier, inbox: &Inbox, entry: NodeStateExecution, complaints: &mut Complaints) {
    if entry.status == ExecutionStatus::Started {
        return inbox.reconcile_started(entry.execution_id).await;
    }
    let Some(envelope) = &entry.envelope else {
        // Whoever can write the state but not sign must not make this node run anything; but the operator hears of it.
        return inbox.refuse(entry.execution_id, "unsigned_request").await;
    };
    match verifier.open(envelope.get(), &System) {
        Ok(Event::Action(job)) if job.execution_id == entry.execution_id => inbox.deliver(job).await,
        Ok(Event::Action(_) | Event::RotateKey | Event::Other) => {
            complaints.log(&DeliveryError::Payload.to_string())
        }
        Err(error) => complaints.log(&error.to_string()),
    }
}
