//! A node's key opens that node's own doors, and only while it is valid.

use crate::{JOB, runs};
use http::Method;
use plex_api::paths;
use plex_tests::{Agent, Answer, ControlPlane, LIMIT, SimulatedNode, until};
use serde_json::{Value, json};
use uuid::Uuid;

/// Method, path and body of everything that a node may ask.
fn doors(node: Uuid) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::POST, paths::node_heartbeat(node), Some(json!({}))),
        (Method::PUT, paths::node_capabilities(node), Some(json!({}))),
        (Method::GET, paths::node_events(node), None),
        (Method::GET, paths::node_state(node), None),
        (
            Method::POST,
            paths::callback(node, Uuid::now_v7()),
            Some(json!({"status": "ack"})),
        ),
    ]
}

fn ask(node: &SimulatedNode, (method, path, body): &(Method, String, Option<Value>)) -> Answer {
    let body = body.as_ref().map(Value::to_string);
    node.send(method, path, body.as_deref().map(str::as_bytes))
}

/// All of an answer but what names the request itself.
fn shape(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = answer.json();
    for own in ["instance", "correlation_id"] {
        assert!(
            body[own].take().is_string(),
            "{own} is missing: {}",
            answer.text()
        );
    }
    (
        answer.status,
        answer.headers.keys().map(ToString::to_string).collect(),
        body,
    )
}

#[test]
fn on_another_nodes_path_it_is_refused_whether_or_not_that_node_exists() {
    let control_plane = ControlPlane::start();
    let (own, other) = (
        SimulatedNode::register(&control_plane, "own"),
        SimulatedNode::register(&control_plane, "other"),
    );
    let execution = control_plane.admin().dispatch(other.id, "probe");
    let (existing, missing) = (doors(other.id), doors(Uuid::now_v7()));
    for (existing, missing) in existing.iter().zip(&missing) {
        let answers = [ask(&own, existing), ask(&own, missing)];
        let is_callback = existing.1.contains("/executions/");
        let code = if is_callback {
            "nsk_node_mismatch"
        } else {
            "node_id_mismatch"
        };
        assert_eq!(answers[0].refusal(), (403, code.to_owned()), "{}", existing.1);
        assert_eq!(answers[0].json()["reason"], "out_of_scope");
        assert_eq!(shape(&answers[0]), shape(&answers[1]), "{}", existing.1);
        assert_eq!(answers[0].body.len(), answers[1].body.len(), "{}", existing.1);
    }
    let foreign = paths::callback(other.id, execution);
    let answer = own.send(&Method::POST, &foreign, Some(br#"{"status":"ack"}"#));
    assert_eq!(answer.refusal(), (403, "nsk_node_mismatch".to_owned()));
    assert_eq!(
        control_plane.admin().execution(execution)["status"],
        "pending",
        "nothing was stored"
    );
}

#[test]
fn a_missing_malformed_or_unknown_key_is_401() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "node");
    let changed = {
        let last = if node.bearer.ends_with('A') { "Q" } else { "A" };
        format!("{}{last}", &node.bearer[..node.bearer.len() - 1])
    };
    let stranger = plex_domain::credential::format_node("simulated", Uuid::now_v7(), &[42; 32]);
    let other_key = plex_domain::credential::format_node("simulated", node.id, &[42; 32]);
    let admin = control_plane.admin();
    for door in doors(node.id) {
        let pulls = door.0 == Method::GET;
        let malformed = if pulls { "nsk_invalid" } else { "unauthorized" };
        // Operators pull in a node's place only by the relation node-agent, which nobody holds by being more.
        let operators = if pulls {
            (403, "rebac_denied")
        } else {
            (401, malformed)
        };
        for (bearer, (status, code)) in [
            ("", (401, malformed)),
            ("nsk_simulated_", (401, malformed)),
            (admin.token.as_str(), operators),
            (stranger.as_str(), (401, "nsk_invalid")),
            (other_key.as_str(), (401, "nsk_invalid")),
        ] {
            let refused = ask(&node.with_bearer(bearer), &door).refusal();
            assert_eq!(refused, (status, code.to_owned()), "{door:?} with {bearer:?}");
        }
        assert_eq!(
            ask(&node.with_bearer(&changed), &door).status,
            401,
            "{door:?} with a changed key"
        );
    }
    for path in [paths::PROJECTS, paths::NODES] {
        let bearer = format!("Bearer {}", node.bearer);
        let answer = control_plane
            .web()
            .send(&Method::GET, path, &[("authorization", &bearer)], None);
        assert_eq!(
            answer.refusal(),
            (401, "unauthenticated".to_owned()),
            "a node is no operator"
        );
    }
}

#[test]
fn revoking_ends_the_stream_the_key_and_the_agent() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "simulated");
    let execution = admin.dispatch(node.id, "probe");
    let mut events = node.events();
    assert_eq!(
        events.action_request().expect("the pending one")["execution_id"],
        execution.to_string()
    );
    admin
        .plexctl(&["node", "revoke", &node.id.to_string(), "--yes"])
        .expect(0);
    while let Some(line) = events.line() {
        assert!(
            line.is_empty() || line.starts_with(':'),
            "nothing more is delivered: {line}"
        );
    }
    for door in doors(node.id) {
        assert_eq!(
            ask(&node, &door).refusal(),
            (401, "nsk_revoked".to_owned()),
            "{door:?}"
        );
    }
    let gone = admin.post(
        &paths::dispatch(admin.project_id),
        &json!({"action": "probe", "node_id": node.id}),
    );
    assert_eq!(gone.refusal(), (422, "selector_empty_cohort".to_owned()));
}

#[test]
fn a_revoked_agent_ends_and_says_why() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let mut agent = Agent::start(&control_plane, "revoked");
    agent.hook("job", JOB);
    admin
        .plexctl(&["node", "revoke", &agent.node_id().to_string(), "--yes"])
        .expect(0);
    let status = until("the agent to end", LIMIT, || agent.ended());
    assert_eq!(status.code(), Some(1));
    let log = agent.log();
    let last = log.lines().last().unwrap_or_default();
    assert!(
        last.contains("nsk_revoked") && last.contains("revoked; to join again"),
        "{log}"
    );
    assert_eq!(runs(&agent), 0);
}
