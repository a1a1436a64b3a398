//! Dispatching: what a body may say, idempotency, deadlines, and both spellings of the route.

use crate::ids;
use plex_api::paths;
use plex_tests::{ControlPlane, Manifest, Operator, Ran, SimulatedNode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn keyed(operator: &Operator, key: &str, body: &Value) -> plex_tests::Answer {
    let path = paths::dispatch(operator.project_id);
    operator.post_raw(&path, body.to_string().as_bytes(), &[("idempotency-key", key)])
}

fn count(operator: &Operator) -> usize {
    let path = format!("{}?limit=200", paths::executions(operator.project_id));
    ids(&operator.get(&path).expect(200).json()).len()
}

#[test]
fn a_dispatch_answers_with_the_execution_and_where_it_is() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "web-1");
    let admin = control_plane.admin();
    let body = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 60, "parameters": {"a": 1}});
    let answer = admin.post(&paths::dispatch(admin.project_id), &body).expect(201);
    let execution = answer.json();
    let id: Uuid = execution["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        answer.header("location"),
        Some(paths::execution(admin.project_id, id).as_str())
    );
    assert_eq!(execution, admin.execution(id));
    assert_eq!(execution["project_id"], admin.project_id.to_string());
    assert_eq!(execution["domain_id"], control_plane.domain_id().to_string());
    assert_eq!(
        (&execution["action"], &execution["type"], &execution["status"]),
        (&"probe".into(), &"builtin".into(), &"pending".into())
    );
    assert_eq!(
        (&execution["parameters"], &execution["timeout_seconds"]),
        (&json!({"a": 1}), &60.into())
    );
    assert_eq!(
        (&execution["node_id"], execution.get("selector")),
        (&node.id.to_string().into(), None)
    );
    let target = &execution["targets"][0];
    assert_eq!(
        (&target["node_name"], &target["status"]),
        (&"web-1".into(), &"pending".into())
    );
    let me = admin.plexctl_json(&["whoami"]);
    assert_eq!(
        execution["dispatched_by"],
        format!("user:{}", me["subject"].as_str().unwrap())
    );
    let instant = |name: &str| {
        execution[name]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert_eq!(
        instant("expires_at")
            .duration_since(instant("created_at"))
            .as_secs(),
        60
    );
    assert_eq!(id.get_version_num(), 7);

    let older = format!("/v1/projects/{}/executions:dispatch", admin.project_id);
    admin.post(&older, &body).expect(201);
    assert_eq!(count(&admin), 2);
}

#[test]
fn a_body_says_one_action_and_one_kind_of_target() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let refused = |body: Value| admin.post(&paths::dispatch(admin.project_id), &body).refusal();
    let invalid = |code: &str| (400, code.to_owned());
    let id = node.id.to_string();
    assert_eq!(refused(json!({"action": "probe"})), invalid("invalid_body"));
    assert_eq!(
        refused(json!({"action": "probe", "node_id": id, "selector": "a=b"})),
        invalid("invalid_body")
    );
    assert_eq!(refused(json!({"node_id": id})), invalid("invalid_body"));
    let long = "a".repeat(129);
    for action in [
        "", "Probe", "-probe", ".probe", "pro be", "../probe", "pröbe", "probe\n", &long,
    ] {
        assert_eq!(
            refused(json!({"action": action, "node_id": id})),
            invalid("invalid_body"),
            "{action:?}"
        );
    }
    for kind in ["script", "Builtin", ""] {
        assert_eq!(
            refused(json!({"action": "probe", "node_id": id, "type": kind})),
            invalid("invalid_body")
        );
    }
    for seconds in [
        json!(86_401),
        json!(-1),
        json!(1.5),
        json!("60"),
        json!(4_294_967_296_u64),
    ] {
        let body = json!({"action": "probe", "node_id": id, "timeout_seconds": seconds});
        assert_eq!(refused(body), invalid("invalid_body"), "{seconds}");
    }
    assert_eq!(
        refused(json!({"action": "undeclared", "node_id": id})),
        invalid("action_not_declared")
    );
    assert_eq!(
        refused(json!({"action": "probe", "node_id": id, "type": "hook"})),
        invalid("action_not_declared")
    );
    let nobody = (422, "selector_empty_cohort".to_owned());
    assert_eq!(
        refused(json!({"action": "probe", "node_id": Uuid::now_v7()})),
        nobody
    );
    for text in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        r#"{"action":"probe","action":"probe"}"#,
    ] {
        let answer = admin.post_raw(&paths::dispatch(admin.project_id), text.as_bytes(), &[]);
        assert_eq!(answer.refusal(), invalid("invalid_body"), "{text}");
    }
    let form = admin.send(
        &http::Method::POST,
        &paths::dispatch(admin.project_id),
        &[("content-type", "text/plain")],
        Some(b"{}"),
    );
    assert_eq!(form.status, 415);
    assert_eq!(count(&admin), 0, "nothing was dispatched by a refused body");
}

#[test]
fn a_foreign_node_is_answered_as_an_unknown_one() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let domain = control_plane.domain_id().to_string();
    let project = admin.plexctl_json(&["project", "create", "--domain", &domain, "--slug", "other"]);
    let elsewhere = admin.in_project(project["id"].as_str().unwrap().parse().unwrap());
    let answer = elsewhere.post(
        &paths::dispatch(elsewhere.project_id),
        &json!({"action": "probe", "node_id": node.id}),
    );
    assert_eq!(answer.refusal(), (422, "selector_empty_cohort".to_owned()));
    let revoked = node.id.to_string();
    admin.plexctl(&["node", "revoke", &revoked, "--yes"]).expect(0);
    let answer = admin.post(
        &paths::dispatch(admin.project_id),
        &json!({"action": "probe", "node_id": node.id}),
    );
    assert_eq!(answer.refusal(), (422, "selector_empty_cohort".to_owned()));
}

#[test]
fn there_is_no_dispatch_without_a_deadline() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    for (given, kept) in [
        (json!(0), 300),
        (Value::Null, 300),
        (json!(1), 1),
        (json!(86_400), 86_400),
    ] {
        let mut body = json!({"action": "probe", "node_id": node.id});
        if !given.is_null() {
            body["timeout_seconds"] = given.clone();
        }
        let execution = admin.execution(admin.dispatched(&body));
        assert_eq!(execution["timeout_seconds"], kept, "{given}");
        let instant = |name: &str| {
            execution[name]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
        };
        assert_eq!(
            instant("expires_at")
                .duration_since(instant("created_at"))
                .as_secs(),
            kept,
            "{given}"
        );
    }
}

#[test]
fn the_same_key_and_body_is_one_execution_as_it_stands_now() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let body = json!({"action": "probe", "node_id": node.id});
    let first = keyed(&admin, "k-1", &body).expect(201);
    let id: Uuid = first.json()["id"].as_str().unwrap().parse().unwrap();
    node.succeed(id, b"done");
    for _ in 0..2 {
        let again = keyed(&admin, "k-1", &body).expect(201);
        assert_eq!(
            (again.json(), again.header("location")),
            (admin.execution(id), first.header("location"))
        );
        control_plane.restart();
    }
    let other = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 5});
    assert_eq!(
        keyed(&admin, "k-1", &other).refusal(),
        (409, "idempotency_key_reused".to_owned())
    );
    assert_eq!(count(&admin), 1);
    assert_ne!(
        keyed(&admin, "k-2", &body).expect(201).json()["id"],
        first.json()["id"],
        "another key"
    );
    let colleague = admin.with_role("operator");
    assert_ne!(
        keyed(&colleague, "k-1", &body).expect(201).json()["id"],
        first.json()["id"],
        "another principal"
    );
    assert_eq!(count(&admin), 3);
}

#[test]
fn only_what_was_done_is_remembered() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let body = json!({"action": "later", "node_id": node.id});
    assert_eq!(
        keyed(&admin, "k", &body).refusal(),
        (400, "action_not_declared".to_owned())
    );
    node.capabilities(&Manifest::of(&["probe", "later"])).expect(200);
    keyed(&admin, "k", &body).expect(201);
    assert_eq!(keyed(&admin, "", &body).status, 400);
    assert_eq!(keyed(&admin, &"k".repeat(256), &body).status, 400);
    assert_eq!(count(&admin), 1);
}

#[test]
fn many_at_once_with_one_key_are_one() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let body = json!({"action": "probe", "node_id": node.id});
    for round in 0..5 {
        let key = format!("round-{round}");
        let found: BTreeSet<String> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| keyed(&admin, &key, &body).expect(201)))
                .collect();
            let answers = senders
                .into_iter()
                .map(|sender| sender.join().expect("an answer"));
            answers
                .map(|answer| answer.json()["id"].as_str().expect("an id").to_owned())
                .collect()
        });
        assert_eq!(found.len(), 1);
        assert_eq!(count(&admin), round + 1);
    }
}

#[test]
fn bodies_up_to_the_ceiling_arrive_and_no_larger_one() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let head = format!(
        r#"{{"action":"probe","node_id":"{}","parameters":{{"a":""#,
        node.id
    );
    let tail = r#""}}"#;
    let room = |total: usize| total - head.len() - tail.len();
    let send = |total: usize| {
        let body = format!("{head}{}{tail}", "x".repeat(room(total)));
        admin.post_raw(&paths::dispatch(admin.project_id), body.as_bytes(), &[])
    };
    let whole = send(256 * 1024).expect(201).json();
    assert_eq!(whole["parameters"]["a"].as_str().unwrap().len(), room(256 * 1024));
    assert_eq!(
        send(256 * 1024 + 1).refusal(),
        (413, "request_body_too_large".to_owned())
    );
    let state = node.state().expect(200).json();
    assert_eq!(state["executions"][0]["parameters"], whole["parameters"]);
}

#[test]
fn plexctl_dispatches_once_and_shows_what_came_of_it() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::labelled(&control_plane, "web-1", &json!({"tier": "web"}));
    let (admin, project, id) = (
        control_plane.admin(),
        control_plane.project_id().to_string(),
        node.id.to_string(),
    );
    let about = ["action", "dispatch", "--project", &project, "--action", "probe"];
    let to_node = [
        &about[..],
        &[
            "--node",
            &id,
            "--parameters",
            r#"{"n":1.0}"#,
            "--timeout-seconds",
            "9",
        ],
    ]
    .concat();
    let made = admin.plexctl_json(&to_node);
    assert_eq!(
        (&made["timeout_seconds"], &made["node_id"]),
        (&9.into(), &id.clone().into())
    );
    assert_eq!(made["parameters"].to_string(), r#"{"n":1.0}"#);
    let text = admin
        .plexctl(&[&about[..], &["--selector", "tier=web"]].concat())
        .expect(0)
        .text();
    assert!(
        text.contains("status:  pending") && text.contains("web-1"),
        "{text}"
    );
    assert_eq!(count(&admin), 2);

    let file = admin.home().join("parameters.json");
    std::fs::write(&file, "{\n  \"from\": \"file\"\n}\n").unwrap();
    let from_file = [
        &about[..],
        &["--node", &id, "--parameters-file", file.to_str().unwrap()],
    ]
    .concat();
    assert_eq!(
        admin.plexctl_json(&from_file)["parameters"],
        json!({"from": "file"})
    );
    let command = admin.command(
        &[
            &about[..],
            &["--node", &id, "--parameters-file", "-", "--output", "json"],
        ]
        .concat(),
    );
    let piped: Value =
        serde_json::from_slice(&Ran::of(command, br#"{"from":"stdin"}"#).expect(0).stdout).unwrap();
    assert_eq!(piped["parameters"], json!({"from": "stdin"}));

    let listed = admin.plexctl_json(&["action", "list", "--project", &project]);
    assert_eq!(ids(&listed).len(), 4);
    let execution = made["id"].as_str().unwrap();
    node.succeed(execution.parse().unwrap(), b"secret bytes of the output");
    let shown = admin
        .plexctl(&["action", "get", "--project", &project, "--id", execution])
        .expect(0)
        .text();
    assert!(
        shown.contains("status:  succeeded") && shown.contains("web-1"),
        "{shown}"
    );
    assert!(!shown.contains("secret bytes"), "no output is shown: {shown}");
}
