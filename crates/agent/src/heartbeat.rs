//! Signs of life, every half minute.

use crate::entropy::System;
use crate::fatal::Fatal;
use crate::manifest::Build;
use plex_api::codes;
use plex_api::nodes::HeartbeatRequest;
use plex_client::Error;
use plex_client::node::NodeClient;
use plex_domain::env::Clock as _;
use plex_domain::text::printable;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const INTERVAL: Duration = Duration::from_secs(30);

/// Sends heartbeats, and asks for a pull or for a new key when the server wants one. Ends only when the node's key is refused.
pub async fn run(client: NodeClient, build: Build, (pull, rotate): (Arc<Notify>, Arc<Notify>)) -> Fatal {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let request = HeartbeatRequest {
            client_now: System.now(),
            binary_checksum: build.checksum.clone(),
            binary_version: build.version.clone(),
            nat_summary: serde_json::Map::new(),
        };
        match client.heartbeat(&request).await {
            Ok(answer) => {
                if answer.reconcile {
                    pull.notify_one();
                }
                if answer.rotate_node_key {
                    rotate.notify_one();
                }
            }
            Err(error) => {
                if let Some(fatal) = Fatal::of(&error) {
                    return fatal;
                }
                complain(&error);
            }
        }
    }
}

fn complain(error: &Error) {
    match error {
        Error::Api(answer) if answer.code.as_deref() == Some(codes::CLOCK_SKEW) => {
            tracing::error!(
                "this node's clock is wrong by more than a minute; signed actions may be refused until it is set"
            );
        }
        Error::Api(_) | Error::Transport(_) | Error::Contract(_) => {
            tracing::warn!(reason = %printable(&error.to_string()), "heartbeat not accepted");
        }
    }
}
