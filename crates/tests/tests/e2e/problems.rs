//! Every error is a problem document that pairs with the log (decision 4).

use http::Method;
use plex_api::{codes, paths};
use plex_tests::{Answer, ControlPlane, SimulatedNode};
use serde_json::json;
use uuid::Uuid;

fn assert_problem(answer: &Answer, path: &str, status: u16) {
    let what = format!("{path}: {}", answer.text());
    assert_eq!(answer.status, status, "{what}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}");
    let code = problem["code"]
        .as_str()
        .unwrap_or_else(|| panic!("no code: {what}"));
    assert!(codes::ALL.contains(&code), "{what}");
    assert_eq!(
        problem["type"],
        format!("https://plexsphere.com/errors/{}", code.replace('_', "-")),
        "{what}"
    );
    assert_eq!(
        problem["instance"],
        path.split('?').next().expect("a path"),
        "{what}"
    );
    for text in ["title", "detail"] {
        assert!(
            problem[text].as_str().is_some_and(|text| !text.is_empty()),
            "{what}"
        );
    }
    let correlation = problem["correlation_id"]
        .as_str()
        .unwrap_or_else(|| panic!("no correlation id: {what}"));
    assert!(Uuid::parse_str(correlation).is_ok(), "{what}");
    assert_eq!(answer.header("x-correlation-id"), Some(correlation), "{what}");
}

#[test]
fn every_kind_of_error_is_one() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let (project, missing) = (admin.project_id, Uuid::now_v7());
    let executions = paths::executions(project);
    let gets = [
        ("/".to_owned(), 404),
        ("/v1/no/such/route".to_owned(), 404),
        ("/v1/projects".to_owned() + "/x/executions", 400),
        (format!("{executions}?limit=0"), 400),
        (format!("{executions}?cursor=x"), 400),
        (format!("{executions}?status=x"), 400),
        (format!("{executions}?limit=1&limit=1"), 400),
        (format!("{executions}/x"), 400),
        (paths::execution(project, missing), 404),
        (paths::executions(missing), 404),
        (paths::node(missing), 404),
        (paths::project(missing), 404),
        (paths::domain(missing), 404),
        (paths::target_output(project, missing, node.id), 404),
        (paths::bootstrap_token(project, missing), 404),
    ];
    for (path, status) in &gets {
        assert_problem(&admin.get(path), path, *status);
    }
    for path in [&executions, paths::WHOAMI, paths::DOMAINS] {
        assert_problem(
            &control_plane.web().send(&Method::GET, path, &[], None),
            path,
            401,
        );
    }
    let dispatch = paths::dispatch(project);
    for (body, status) in [
        (json!({}), 400),
        (json!({"action": "x", "node_id": node.id}), 400),
        (json!({"action": "probe", "selector": ""}), 400),
        (json!({"action": "probe", "selector": "a=b"}), 422),
    ] {
        assert_problem(&admin.post(&dispatch, &body), &dispatch, status);
    }
    assert_problem(
        &admin.post_raw(&dispatch, &vec![b' '; 300_000], &[]),
        &dispatch,
        413,
    );
    let text = admin.send(
        &Method::POST,
        &dispatch,
        &[("content-type", "text/plain")],
        Some(b"{}"),
    );
    assert_problem(&text, &dispatch, 415);
    assert_problem(
        &admin
            .with_role("viewer")
            .post(&dispatch, &json!({"action": "probe", "node_id": node.id})),
        &dispatch,
        403,
    );
    let patched = admin.send(&Method::PATCH, &executions, &[], Some(b"{}"));
    assert_problem(&patched, &executions, 405);
    assert!(patched.header("allow").is_some_and(|allow| allow.contains("GET")));

    let execution = admin.dispatch(node.id, "probe");
    let callback = paths::callback(node.id, execution);
    assert_problem(&node.callback(execution, &json!({"status": "x"})), &callback, 400);
    assert_problem(
        &node.callback(execution, &json!({"status": "succeeded"})),
        &callback,
        409,
    );
    assert_problem(
        &node.callback(missing, &json!({"status": "ack"})),
        &paths::callback(node.id, missing),
        404,
    );
    assert_problem(
        &node
            .with_bearer("nsk_x_y")
            .callback(execution, &json!({"status": "ack"})),
        &callback,
        401,
    );
    let answer = node.send(
        &Method::POST,
        &paths::callback(missing, execution),
        Some(br#"{"status":"ack"}"#),
    );
    assert_problem(&answer, &paths::callback(missing, execution), 403);
    assert_eq!(
        (answer.code().as_str(), answer.json()["relation_path"].clone()),
        ("nsk_node_mismatch", json!([]))
    );
}
