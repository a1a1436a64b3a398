//! What the agent finds changed, and that the server hears of it.

use crate::agent::Machine;
use crate::control_plane::{ControlPlane, State};
use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

fn sum(text: &str) -> String {
    BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

fn found(state: &State) -> Vec<Value> {
    let batches = state.violations.iter();
    batches
        .flat_map(|batch| batch["violations"].as_array().unwrap().clone())
        .collect()
}

#[tokio::test]
async fn a_hook_that_changed_while_the_agent_was_away_is_reported_once() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("deploy", "echo one");
    machine.hook("steady", "echo same");
    let agent = machine.start(&server, &[]);
    server.until_declared("deploy").await;
    while !machine.path("state/declared.json").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    agent.kill().await;
    machine.hook("deploy", "echo two");
    {
        let mut state = server.state();
        state.manifests.clear();
        state.refuse_violations = true;
    }
    let agent = machine.start(&server, &[]);
    server.until_declared("deploy").await;
    // Nobody hears of it, and the agent dies: what was found lies on disk.
    while !machine.path("state/findings.json").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    agent.kill().await;
    assert!(found(&server.state()).is_empty());
    server.state().refuse_violations = false;
    let _agent = machine.start(&server, &[]);
    let told = server
        .until("the finding", |state| {
            Some(found(state)).filter(|found| !found.is_empty())
        })
        .await;
    assert_eq!(
        told,
        [json!({
            "kind": "hook_checksum", "detected_by": "startup_scan", "artifact_id": "deploy",
            "observed_checksum": sum("#!/bin/sh\necho two\n"), "expected_checksum": sum("#!/bin/sh\necho one\n"),
        })]
    );
}

#[tokio::test]
async fn a_hook_that_is_not_the_pinned_one_is_reported_before_it_would_run() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("deploy", "echo ran > $DIR/ran");
    let _agent = machine.start(&server, &[]);
    server.until_declared("deploy").await;
    let pinned = sum("another script");
    for _ in 0..3 {
        let id = server.dispatch_pinned("deploy", &pinned);
        let end = server.end_of(id).await;
        assert_eq!(end["error"], "hook_integrity_violation");
    }
    let told = server
        .until("the finding", |state| {
            Some(found(state)).filter(|found| !found.is_empty())
        })
        .await;
    assert_eq!(told.len(), 1, "the same finding is reported once: {told:?}");
    assert_eq!(
        (&told[0]["detected_by"], &told[0]["expected_checksum"]),
        (&json!("pre_dispatch"), &json!(pinned))
    );
    assert!(!machine.path("ran").exists());
}
