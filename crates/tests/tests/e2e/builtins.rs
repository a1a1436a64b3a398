//! A real agent's own actions, and how many it runs at once.

use plex_tests::{Agent, ControlPlane, from_base64};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NAMES: [&str; 7] = [
    "diagnostics.collect",
    "diagnostics.ping",
    "health.check",
    "logs.snapshot",
    "service.restart",
    "service.status",
    "system.info",
];

fn run(control_plane: &ControlPlane, agent: &Agent, action: &str, parameters: &Value) -> Value {
    let admin = control_plane.admin();
    let body = json!({"action": action, "node_id": agent.node_id(), "parameters": parameters});
    admin.ended(admin.dispatched(&body))["targets"][0].clone()
}

fn output(target: &Value) -> String {
    let bytes = target["output_ref"]["inline_bytes"].as_str().map(from_base64);
    String::from_utf8(bytes.unwrap_or_default()).expect("UTF-8")
}

#[test]
fn the_builtins_are_declared_with_their_parameters_and_useful_on_any_machine() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "web-1");
    let row = agent.capabilities().expect("a manifest");
    let declared = row["builtin_actions"].as_array().expect("built-ins");
    let names: BTreeSet<_> = declared
        .iter()
        .map(|action| action["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, BTreeSet::from(NAMES));
    assert!(
        declared.iter().all(|action| action["description"].is_string()),
        "{row}"
    );

    let info = run(&control_plane, &agent, "system.info", &json!({}));
    assert_eq!(
        (&info["status"], &info["exit_code"]),
        (&"succeeded".into(), &0.into()),
        "{info}"
    );
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(output(&info).contains(kernel.trim()), "{}", output(&info));
    let health = run(&control_plane, &agent, "health.check", &json!({}));
    assert!(matches!(health["status"].as_str(), Some("succeeded" | "failed")) && !output(&health).is_empty());
    for name in NAMES {
        let refused = run(&control_plane, &agent, name, &json!({"no-such-parameter": 1}));
        assert_eq!(refused["status"], "failed", "{name}: {refused}");
        let error = refused["error"].as_str().expect("a reason");
        assert!(error.contains("no-such-parameter"), "{name}: {error}");
    }
    let unit = run(
        &control_plane,
        &agent,
        "service.restart",
        &json!({"unit": "ssh.service"}),
    );
    assert_eq!(
        unit["status"], "failed",
        "no unit may be restarted by default: {unit}"
    );
}

#[test]
fn a_disabled_action_is_not_offered() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start_with(&control_plane, "web-1", &["--disable-action", "system.info"]);
    let admin = control_plane.admin();
    let body = json!({"action": "system.info", "node_id": agent.node_id()});
    let answer = admin.post(&plex_api::paths::dispatch(admin.project_id), &body);
    assert_eq!(answer.refusal(), (400, "action_not_declared".to_owned()));
    assert_eq!(
        run(&control_plane, &agent, "diagnostics.collect", &json!({}))["status"],
        "succeeded"
    );
}

#[test]
fn what_is_above_the_bound_waits_its_turn() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start_with(&control_plane, "web-1", &["--max-concurrent", "2"]);
    let admin = control_plane.admin();
    let log = agent.scratch().join("log");
    let path = log.display();
    agent.hook(
        "turn",
        &format!("#!/bin/sh\necho + >> {path}\nsleep 0.3\necho - >> {path}\n"),
    );
    let body = json!({"action": "turn", "type": "hook", "node_id": agent.node_id()});
    let executions: Vec<_> = (0..7).map(|_| admin.dispatched(&body)).collect();
    for execution in executions {
        assert_eq!(admin.ended(execution)["status"], "succeeded");
    }
    let (mut running, mut most, mut runs) = (0_i32, 0, 0);
    for mark in std::fs::read_to_string(&log).unwrap().lines() {
        running += if mark == "+" { 1 } else { -1 };
        runs += i32::from(mark == "+");
        most = most.max(running);
    }
    assert_eq!((runs, most, running), (7, 2, 0));
}
