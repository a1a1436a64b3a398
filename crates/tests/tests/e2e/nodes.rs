//! Nodes' keys, findings and room: changed, revoked, reported and used up through the real programs.

use plex_api::paths;
use plex_tests::{Agent, ControlPlane, Events, LIMIT, Manifest, SimulatedNode, sha256_base64, until};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Which key is on the agent's disk, and whether it is the only one there.
fn key_on_disk(agent: &Agent) -> (String, bool) {
    let text = std::fs::read(agent.state_dir().join("identity.json")).expect("an identity");
    let identity: Value = serde_json::from_slice(&text).expect("an identity is whole at every moment");
    let key = identity["nsk"].as_str().expect("a key").to_owned();
    (key, identity.get("next_nsk").is_none())
}

#[test]
fn a_key_changes_under_load_and_no_kill_at_any_step_locks_the_node_out() {
    let mut control_plane = ControlPlane::start();
    let mut agent = Agent::start(&control_plane, "web-1");
    let admin = control_plane.admin();
    let node = agent.node_id().to_string();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (load, is_over_now, id) = (admin.clone(), &is_over, agent.node_id());
        scope.spawn(move || {
            // Some of these are cut short by a kill; none of them may hang.
            let body = json!({"action": "system.info", "node_id": id});
            while !is_over_now.load(Ordering::Relaxed) {
                let body = body.to_string();
                let headers = [("content-type", "application/json")];
                let path = paths::dispatch(load.project_id);
                let _ = load.try_send(&http::Method::POST, &path, &headers, Some(body.as_bytes()));
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        // From before the request has arrived until after the new key was written down.
        for pause in [0, 5, 10, 20, 40, 80, 160, 320] {
            let before = key_on_disk(&agent).0;
            admin.plexctl(&["node", "rotate-key", &node, "--yes"]).expect(0);
            std::thread::sleep(Duration::from_millis(pause));
            agent.kill9();
            if pause == 40 {
                control_plane.restart();
            }
            agent.restart();
            until("the key to change", LIMIT, || {
                assert!(agent.ended().is_none(), "locked out: {}", agent.log());
                let shown = admin.plexctl_json(&["node", "get", &node]);
                let is_done = shown.get("key_rotation_requested_at").is_none();
                let (key, is_only) = key_on_disk(&agent);
                (is_done && is_only && key != before).then_some(())
            });
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let ended = admin.ended(admin.dispatch(agent.node_id(), "system.info"));
    assert_eq!(ended["status"], "succeeded");
    let (key, _) = key_on_disk(&agent);
    for log in [agent.log(), control_plane.log()] {
        assert!(!log.contains(&key), "a key is in a log");
    }
}

/// Reads a stream to its end, which comes before its first sign of life, after 25 s.
fn ends(events: &mut Events) {
    while let Some(line) = events.line() {
        assert!(!line.contains("keep-alive"), "the stream goes on");
    }
}

#[test]
fn a_revoked_nodes_open_stream_ends() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "a");
    let mut events = node.events();
    assert_eq!(events.line().as_deref(), Some(":connected"));
    control_plane
        .admin()
        .plexctl(&["node", "revoke", &node.id.to_string(), "--yes"])
        .expect(0);
    ends(&mut events);
    assert_eq!(node.state().refusal(), (401, "nsk_revoked".to_owned()));
}

#[test]
fn what_another_process_wrote_ends_an_open_stream() {
    let control_plane = ControlPlane::start();
    let (node, steady) = (
        SimulatedNode::register(&control_plane, "a"),
        SimulatedNode::register(&control_plane, "b"),
    );
    let mut events = node.events();
    let mut others = steady.events();
    assert_eq!(events.line().as_deref(), Some(":connected"));
    let now = jiff::Timestamp::now().as_microsecond();
    let database = control_plane.database();
    let revoked = format!(
        "update nodes set revoked_at = {now}, keys_changed_at = {now} where id = {}",
        database.id(node.id)
    );
    let changed = database.execute(&revoked).expect("the database can be written");
    assert_eq!(changed, 1);
    ends(&mut events);
    // Another node's stream goes on.
    let execution = control_plane.admin().dispatch(steady.id, "probe");
    let request = others.action_request().expect("an open stream");
    assert_eq!(request["execution_id"], json!(execution));
}

#[test]
fn a_hook_changed_behind_the_agents_back_is_reported_listed_and_acknowledged() {
    let control_plane = ControlPlane::start();
    let mut agent = Agent::start(&control_plane, "web-1");
    let (admin, node) = (control_plane.admin(), agent.node_id().to_string());
    agent.hook("deploy", "#!/bin/sh\necho first\n");
    let declared = agent.state_dir().join("declared.json");
    until("the declaration to be kept", LIMIT, || {
        let text = std::fs::read_to_string(&declared).ok()?;
        text.contains("deploy").then_some(())
    });
    agent.terminate();
    agent.write_hook("deploy", "#!/bin/sh\necho second\n");
    agent.restart();
    let list = ["integrity", "list", "--node", &node];
    let violation = until("the violation", LIMIT, || {
        admin.plexctl_json(&list)["items"].get(0).cloned()
    });
    assert_eq!(
        (
            &violation["kind"],
            &violation["artifact_id"],
            &violation["status"]
        ),
        (&json!("hook"), &json!("deploy"), &json!("open"))
    );
    let project = control_plane.project_id().to_string();
    let drifted = ["capability", "list", "--project", &project, "--status", "drift"];
    until("the verdict", LIMIT, || {
        let found = admin.plexctl_json(&drifted)["items"].get(0).cloned()?;
        (found["node_id"] == node.as_str()).then_some(())
    });
    let id = violation["id"].as_str().expect("an id");
    let acknowledge = [
        "integrity",
        "acknowledge",
        id,
        "--reason",
        "the deployment of today",
    ];
    admin.with_role("viewer").plexctl(&acknowledge).expect(77);
    admin.plexctl(&acknowledge).expect(0);
    let again = admin.plexctl(&acknowledge).expect(1);
    assert!(again.stderr.contains("illegal_transition"), "{}", again.stderr);
    let text = admin
        .plexctl(&["integrity", "list", "--status", "acknowledged"])
        .expect(0)
        .text();
    assert!(text.contains("the deployment of today"), "{text}");
}

#[test]
fn a_full_domain_takes_no_more_and_says_so() {
    let control_plane = ControlPlane::start_with(&["--max-live-executions", "2"]);
    let node = SimulatedNode::register(&control_plane, "a");
    let (admin, id) = (control_plane.admin(), node.id.to_string());
    let (project, domain) = (
        control_plane.project_id().to_string(),
        control_plane.domain_id().to_string(),
    );
    let dispatch = [
        "action",
        "dispatch",
        "--project",
        &project,
        "--action",
        "probe",
        "--node",
        &id,
    ];
    let first: Uuid = admin.plexctl_json(&dispatch)["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    admin.plexctl(&dispatch).expect(0);
    let refused = admin.plexctl(&dispatch).expect(1);
    assert!(refused.stderr.contains("capacity_exceeded"), "{}", refused.stderr);
    node.succeed(first, b"done");
    admin.plexctl(&dispatch).expect(0);
    let full = until("a sample", LIMIT, || {
        let snapshot = admin.plexctl_json(&["capacity", "--domain", &domain]);
        let axis = snapshot["dimensions"][5].clone();
        (axis["used"] == json!(2.0)).then_some(axis)
    });
    assert_eq!((&full["target"], &full["ratio"]), (&json!(2.0), &json!(1.0)));
    let text = admin.plexctl(&["capacity", "--domain", &domain]).expect(0).text();
    assert!(text.contains("action_executions"), "{text}");
    until("the crossing in the log", LIMIT, || {
        control_plane
            .log()
            .contains("a domain is nearly full")
            .then_some(())
    });
}

#[test]
fn a_principal_over_its_rate_is_told_to_wait() {
    let control_plane = ControlPlane::start_with(&["--rate-limit-per-principal", "1"]);
    let admin = control_plane.admin();
    let refused = until("the limit", LIMIT, || {
        let answers = (0..20).map(|_| admin.get(paths::WHOAMI));
        answers.into_iter().find(|answer| answer.status != 200)
    });
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
}

#[test]
fn kubernetes_hooks_are_held_against_the_first_image() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "a");
    let admin = control_plane.admin();
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    for digit in ["a", "b"] {
        let mut manifest = Manifest::default().body();
        manifest["binary_checksum"] = json!(sha256_base64(b"simulated"));
        manifest["plexd_hooks"] = json!([{"name": "backup", "image_digest": digest(digit)}]);
        let path = paths::node_capabilities(node.id);
        node.send(&http::Method::PUT, &path, Some(manifest.to_string().as_bytes()))
            .expect(200);
    }
    let listed = admin.plexctl_json(&["hook", "catalogue", "--match", "false"]);
    assert_eq!(
        (
            &listed["items"][0]["image_digest"],
            &listed["items"][0]["pinned_image_digest"]
        ),
        (&json!(digest("b")), &json!(digest("a")))
    );
}
