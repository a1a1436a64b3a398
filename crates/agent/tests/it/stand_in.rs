//! The stand-in brings a node what a real server brings it: what it lost by itself would be held against the agent.

use crate::control_plane::{BEARER, ControlPlane, NODE};
use plex_agent::delivery::Event;
use plex_agent::entropy::System;
use plex_client::node::{Connection, NodeClient};
use serde_json::json;

fn client(server: &ControlPlane) -> NodeClient {
    let connection = Connection::new(&server.url, None).unwrap();
    NodeClient::new(connection, NODE, BEARER.trim_start_matches("Bearer ")).unwrap()
}

#[tokio::test]
async fn what_a_pull_brings_is_as_it_was_signed() {
    let server = ControlPlane::start().await;
    // An envelope spells these as escapes, which a JSON writer would not.
    let id = server.insert("show", "hook", json!({"text": "<&>"}), 60);
    let entries = client(&server).executions().await.unwrap();
    let envelope = entries[0].as_ref().unwrap().envelope.as_ref().unwrap();
    let Event::Action(job) = server.verifier().open(envelope.get(), &System).unwrap() else {
        panic!("an action");
    };
    assert_eq!(job.execution_id, id);
}

#[tokio::test]
async fn a_stream_brings_the_request_for_a_key_that_was_made_before_it_opened() {
    let server = ControlPlane::start().await;
    server.ask_for_a_key();
    let mut events = client(&server).events().await.unwrap();
    let first = tokio::time::timeout(std::time::Duration::from_secs(5), events.next());
    let frame = first.await.expect("it brings something").unwrap().unwrap();
    let event = server.verifier().open(&frame.data.unwrap(), &System);
    assert!(matches!(event, Ok(Event::RotateKey)));
}
