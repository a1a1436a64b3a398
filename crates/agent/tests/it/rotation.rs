//! Changing the key through the whole agent: whatever is lost and whenever it is killed, it comes back in.

use crate::agent::Machine;
use crate::control_plane::{ControlPlane, State};
use serde_json::{Value, json};
use std::time::Duration;

fn identity(machine: &Machine) -> Value {
    serde_json::from_str(&machine.read("state/identity.json")).expect("an identity is whole at every moment")
}

fn has_changed(state: &State) -> Option<String> {
    state
        .bearer
        .clone()
        .filter(|_| !state.rotate && state.next_bearer.is_none())
}

/// Waits until the disk holds one key, the one that the server knows.
async fn until_settled(machine: &Machine, server: &ControlPlane) {
    for _ in 0..2000 {
        let identity = identity(machine);
        let key = identity["nsk"].as_str().unwrap().to_owned();
        if identity.get("next_nsk").is_none() && is_known(server, &key) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the disk does not settle on one key: {}", machine.read("log"));
}

fn is_known(server: &ControlPlane, key: &str) -> bool {
    use data_encoding::BASE64;
    let key: [u8; 32] = BASE64.decode(key.as_bytes()).unwrap().try_into().unwrap();
    let bearer = plex_domain::credential::format_node("plexd", crate::control_plane::NODE, &key);
    server.state().bearer == Some(format!("Bearer {bearer}"))
}

#[tokio::test]
async fn a_key_changes_while_actions_run() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("slow", "sleep 0.3; echo done");
    let _agent = machine.start(&server, &[]);
    server.until_declared("slow").await;
    let before: Vec<_> = (0..5)
        .map(|_| server.dispatch("slow", "hook", Value::Null, 60))
        .collect();
    server.ask_for_a_key();
    server.until("the key to change", has_changed).await;
    let after: Vec<_> = (0..5)
        .map(|_| server.dispatch("slow", "hook", Value::Null, 60))
        .collect();
    for id in before.into_iter().chain(after) {
        // A stream that was opened with the key before may have ended meanwhile; the pull brings what it missed.
        assert_eq!(server.end_of(id).await["status"], "succeeded");
    }
    until_settled(&machine, &server).await;
    assert_eq!(server.state().keys, 1);
    let secret = identity(&machine)["nsk"].as_str().unwrap().to_owned();
    assert!(!machine.read("log").contains(&secret));
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_lock_the_node_out() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("probe", "echo done");
    let _agent = machine.start(&server, &[]);
    server.until_declared("probe").await;
    server.state().lose_keys = 2;
    server.ask_for_a_key();
    server.until("the key to change", has_changed).await;
    let id = server.dispatch("probe", "hook", Value::Null, 60);
    assert_eq!(server.end_of(id).await["status"], "succeeded");
    until_settled(&machine, &server).await;
    assert_eq!(
        server.state().keys,
        3,
        "the same key, handed in until it was heard of"
    );
}

/// Whether the node does not hear that its new key was taken, or hears that it was not: it must know which key holds
/// before it forgets one.
#[tokio::test]
async fn a_use_that_was_not_heard_of_does_not_lock_the_node_out() {
    for step in [
        "the answer to the first use is lost",
        "the key is in use and refused",
    ] {
        let (server, machine) = (ControlPlane::start().await, Machine::new());
        machine.hook("probe", "echo done");
        let agent = machine.start(&server, &[]);
        server.until_declared("probe").await;
        match step {
            "the key is in use and refused" => server.state().deny_key = true,
            _ => server.state().lose_use = true,
        }
        server.ask_for_a_key();
        server.until("the key to change", has_changed).await;
        assert!(!server.state().lose_use && !server.state().deny_key, "{step}");
        until_settled(&machine, &server).await;
        agent.kill().await;
        server.state().manifests.clear();
        let _agent = machine.start(&server, &[]);
        server.until_declared("probe").await;
        let id = server.dispatch("probe", "hook", Value::Null, 60);
        assert_eq!(server.end_of(id).await["status"], "succeeded", "{step}");
    }
}

/// Each of the states in which a crash can leave disk and server.
#[tokio::test]
async fn wherever_a_crash_falls_the_next_start_finds_the_key_that_holds() {
    let drawn = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let bearer = |key: &str| {
        let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
        format!(
            "Bearer {}",
            plex_domain::credential::format_node(
                "plexd",
                crate::control_plane::NODE,
                &key.try_into().unwrap()
            )
        )
    };
    // Drawn and not handed in; handed in and not used; used and not written down.
    for step in ["drawn", "handed in", "used"] {
        let (server, machine) = (ControlPlane::start().await, Machine::new());
        machine.hook("probe", "echo done");
        let agent = machine.start(&server, &[]);
        server.until_declared("probe").await;
        agent.kill().await;
        let mut kept = identity(&machine);
        kept["next_nsk"] = json!(drawn);
        std::fs::write(machine.path("state/identity.json"), kept.to_string()).unwrap();
        {
            let mut state = server.state();
            state.manifests.clear();
            state.rotate = step == "handed in";
            match step {
                "handed in" => state.next_bearer = Some(bearer(drawn)),
                "used" => state.bearer = Some(bearer(drawn)),
                _ => {}
            }
        }
        let _agent = machine.start(&server, &[]);
        server.until_declared("probe").await;
        if step == "drawn" {
            server.ask_for_a_key();
        }
        server.until("the key to change", has_changed).await;
        let id = server.dispatch("probe", "hook", Value::Null, 60);
        assert_eq!(server.end_of(id).await["status"], "succeeded", "{step}");
        until_settled(&machine, &server).await;
        assert_eq!(identity(&machine)["nsk"], json!(drawn), "{step}");
    }
}

#[tokio::test]
async fn a_request_that_nobody_made_leaves_the_key_alone() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("probe", "echo done");
    let _agent = machine.start(&server, &[]);
    server.until_declared("probe").await;
    let before = identity(&machine);
    server.ask_for_a_key();
    server.state().rotate = false;
    let id = server.dispatch("probe", "hook", Value::Null, 60);
    assert_eq!(server.end_of(id).await["status"], "succeeded");
    for _ in 0..500 {
        if identity(&machine) == before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a next key stays on disk that no server knows");
}
