//! Hooks: the digest that was first declared is the one that runs, until an operator accepts another.

use plex_api::paths;
use plex_tests::{Agent, ControlPlane, LIMIT, Manifest, SimulatedNode, from_base64, sha256_base64, until};
use serde_json::json;

const FIRST: &str = "#!/bin/sh\necho first\n";
const SECOND: &str = "#!/bin/sh\necho second\n";

#[test]
fn a_drifted_hook_is_refused_until_it_is_accepted() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::labelled(&control_plane, "a", &json!({"env": "prod"}));
    let steady = SimulatedNode::labelled(&control_plane, "b", &json!({"env": "prod"}));
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    for each in [&node, &steady] {
        each.capabilities(&Manifest::default().hook("deploy", FIRST))
            .expect(200);
    }
    let dispatch = |body| admin.post(&paths::dispatch(admin.project_id), &body);
    let to_node = || dispatch(json!({"action": "deploy", "type": "hook", "node_id": node.id}));
    let to_all = || dispatch(json!({"action": "deploy", "type": "hook", "selector": "env=prod"}));
    to_node().expect(201);
    assert_eq!(
        to_all().expect(201).json()["targets"].as_array().unwrap().len(),
        2
    );

    node.capabilities(&Manifest::default().hook("deploy", SECOND))
        .expect(200);
    let violation = (409, "hook_integrity_violation".to_owned());
    assert_eq!(to_node().refusal(), violation);
    let all = to_all();
    assert_eq!(all.refusal(), violation);
    assert!(
        all.text().contains(&node.id.to_string()),
        "it names the node: {}",
        all.text()
    );
    let listed = admin.plexctl_json(&["hook", "list", "--project", &project]);
    let hook = |id: uuid::Uuid| {
        let items = listed["items"].as_array().expect("hooks");
        items
            .iter()
            .find(|hook| hook["node_id"] == id.to_string())
            .expect("its hook")
            .clone()
    };
    assert_eq!(
        (&hook(node.id)["status"], &hook(steady.id)["status"]),
        (&"drifted".into(), &"pinned".into())
    );
    assert_eq!(hook(node.id)["pinned_checksum"], sha256_base64(FIRST.as_bytes()));
    assert_eq!(
        hook(node.id)["declared_checksum"],
        sha256_base64(SECOND.as_bytes())
    );

    let id = node.id.to_string();
    let accept = [
        "hook",
        "accept",
        "--project",
        &project,
        "--node",
        &id,
        "--name",
        "deploy",
    ];
    assert!(
        admin.plexctl(&accept).expect(2).stderr.contains("--yes"),
        "off a terminal it needs --yes"
    );
    let unseen = sha256_base64(b"never declared");
    assert_eq!(
        admin
            .plexctl(&[&accept[..], &["--checksum", &unseen]].concat())
            .code,
        1
    );
    assert_eq!(to_node().refusal(), violation);
    let viewer = admin.with_role("viewer");
    viewer.plexctl(&[&accept[..], &["--yes"]].concat()).expect(77);
    admin.plexctl(&[&accept[..], &["--yes"]].concat()).expect(0);
    to_node().expect(201);
    to_all().expect(201);
    // Going back to what was pinned first is a drift like any other.
    node.capabilities(&Manifest::default().hook("deploy", FIRST))
        .expect(200);
    assert_eq!(to_node().refusal(), violation);
}

#[test]
fn a_hook_that_is_not_declared_cannot_be_dispatched() {
    let control_plane = ControlPlane::start();
    let token = plex_tests::bootstrap_token(&control_plane, 1, &json!({}));
    let node = SimulatedNode::redeem(&control_plane, &token, "a");
    let admin = control_plane.admin();
    let dispatch = || {
        admin.post(
            &paths::dispatch(admin.project_id),
            &json!({"action": "deploy", "type": "hook", "node_id": node.id}),
        )
    };
    let undeclared = (400, "action_not_declared".to_owned());
    assert_eq!(dispatch().refusal(), undeclared, "no manifest yet");
    node.capabilities(&Manifest::of(&["deploy"])).expect(200);
    assert_eq!(
        dispatch().refusal(),
        undeclared,
        "a built-in of that name is no hook"
    );
    node.capabilities(&Manifest::default().hook("deploy", FIRST))
        .expect(200);
    dispatch().expect(201);
    node.capabilities(&Manifest::default()).expect(200);
    assert_eq!(dispatch().refusal(), undeclared, "gone again");
    node.capabilities(&Manifest::default().hook("deploy", SECOND))
        .expect(200);
    assert_eq!(
        dispatch().refusal(),
        (409, "hook_integrity_violation".to_owned()),
        "the pin outlives an absence"
    );
}

#[test]
fn a_real_agent_runs_what_was_accepted() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "web-1");
    let (admin, project, node) = (
        control_plane.admin(),
        control_plane.project_id().to_string(),
        agent.node_id(),
    );
    let run = || {
        let body = json!({"action": "deploy", "type": "hook", "node_id": node});
        let answer = admin.post(&paths::dispatch(admin.project_id), &body);
        if answer.status != 201 {
            return answer.code();
        }
        let ended = admin.ended(
            answer.json()["id"]
                .as_str()
                .expect("an id")
                .parse()
                .expect("a UUID"),
        );
        let output = ended["targets"][0]["output_ref"]["inline_bytes"]
            .as_str()
            .map(from_base64);
        String::from_utf8(output.unwrap_or_default()).expect("UTF-8")
    };
    agent.hook("deploy", FIRST);
    assert_eq!(run(), "first\n");
    agent.hook("deploy", SECOND);
    assert_eq!(run(), "hook_integrity_violation");
    let id = node.to_string();
    admin
        .plexctl(&[
            "hook",
            "accept",
            "--project",
            &project,
            "--node",
            &id,
            "--name",
            "deploy",
            "--yes",
        ])
        .expect(0);
    assert_eq!(run(), "second\n");
    std::fs::remove_file(agent.hooks_dir().join("deploy")).unwrap();
    until("the hook to be withdrawn", LIMIT, || {
        (run() == "action_not_declared").then_some(())
    });
}
