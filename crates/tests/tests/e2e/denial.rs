//! What one may not see is answered as what does not exist, and a revoked credential is dead at once.

use http::Method;
use plex_api::paths;
use plex_tests::{Answer, ControlPlane, Operator, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

/// A project with everything in it, in a domain that the caller has nothing to do with.
struct Foreign {
    project: Uuid,
    domain: Uuid,
    node: Uuid,
    execution: Uuid,
    bootstrap_token: Uuid,
}

/// A stranger with a role elsewhere, and the things they may not know of.
fn world(control_plane: &ControlPlane) -> (Operator, Foreign) {
    let admin = control_plane.admin();
    let node = SimulatedNode::register(control_plane, "n");
    let execution = admin.dispatch(node.id, "probe");
    node.succeed(execution, b"x");
    let project = admin.project_id.to_string();
    let token = admin.plexctl_json(&["bootstrap-token", "issue", "--project", &project]);
    let domain = admin.plexctl_json(&["domain", "create", "--slug", "elsewhere"]);
    let domain = domain["id"].as_str().expect("an id");
    let other = admin.plexctl_json(&["project", "create", "--domain", domain, "--slug", "theirs"]);
    let other: Uuid = other["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    let stranger = admin.in_project(other).with_role("admin");
    let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok()).expect("an id");
    let foreign = Foreign {
        project: admin.project_id,
        domain: control_plane.domain_id(),
        node: node.id,
        execution,
        bootstrap_token: id(&token["token_id"]),
    };
    (stranger, foreign)
}

/// Everything of an answer that a caller could tell two answers apart by.
fn seen(answer: &Answer, asked: &[Uuid]) -> (u16, Vec<String>, usize, String) {
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    let correlation = answer.header("x-correlation-id").expect("every answer is paired");
    let mut body = answer.text().replace(correlation, "<correlation>");
    for id in asked {
        body = body.replace(&id.to_string(), "<id>");
    }
    (answer.status, names, answer.body.len(), body)
}

#[test]
fn foreign_is_as_missing() {
    let control_plane = ControlPlane::start();
    let (stranger, foreign) = world(&control_plane);
    let nil = [
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7(),
        Uuid::now_v7(),
    ];
    let real = [
        foreign.project,
        foreign.domain,
        foreign.node,
        foreign.execution,
        foreign.bootstrap_token,
    ];
    let dispatch = |ids: &[Uuid; 5]| json!({"action": "probe", "node_id": ids[2]});
    let token = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600});
    let label = json!({"key": "env", "value": "prod"});
    let accept =
        |ids: &[Uuid; 5]| json!({"node_id": ids[2], "name": "h", "checksum": plex_tests::sha256_base64(b"")});
    let tuple = |ids: &[Uuid; 5]| json!({"subject": format!("user:{}", ids[4]), "relation": "viewer", "resource": format!("project:{}", ids[0])});
    type Route<'a> = (
        Method,
        Box<dyn Fn(&[Uuid; 5]) -> String + 'a>,
        Box<dyn Fn(&[Uuid; 5]) -> Option<Value> + 'a>,
    );
    let get =
        |path: fn(&[Uuid; 5]) -> String| -> Route<'_> { (Method::GET, Box::new(path), Box::new(|_| None)) };
    let delete = |path: fn(&[Uuid; 5]) -> String| -> Route<'_> {
        (Method::DELETE, Box::new(path), Box::new(|_| None))
    };
    let routes: Vec<Route<'_>> = vec![
        get(|ids| paths::project(ids[0])),
        get(|ids| paths::domain(ids[1])),
        get(|ids| paths::node(ids[2])),
        get(|ids| paths::node_labels(ids[2])),
        get(|ids| paths::executions(ids[0])),
        get(|ids| format!("{}?status=failed&limit=3", paths::executions(ids[0]))),
        get(|ids| paths::execution(ids[0], ids[3])),
        get(|ids| paths::target_output(ids[0], ids[3], ids[2])),
        get(|ids| paths::capabilities(ids[0])),
        get(|ids| paths::node_hooks(ids[0])),
        get(|ids| paths::bootstrap_tokens(ids[0])),
        get(|ids| paths::bootstrap_token(ids[0], ids[4])),
        get(|ids| format!("{}?project_id={}", paths::NODES, ids[0])),
        get(|ids| format!("{}?domain_id={}", paths::PROJECTS, ids[1])),
        get(|ids| format!("{}?project_id={}", paths::RELATION_TUPLES, ids[0])),
        delete(|ids| paths::node(ids[2])),
        delete(|ids| paths::bootstrap_token(ids[0], ids[4])),
        delete(|ids| format!("{}?qualified_key=default:default/env", paths::node_labels(ids[2]))),
        (
            Method::POST,
            Box::new(|ids| paths::dispatch(ids[0])),
            Box::new(move |ids| Some(dispatch(ids))),
        ),
        (
            Method::POST,
            Box::new(|ids| paths::bootstrap_tokens(ids[0])),
            Box::new(|_| Some(token.clone())),
        ),
        (
            Method::POST,
            Box::new(|ids| paths::accept_node_hook(ids[0])),
            Box::new(move |ids| Some(accept(ids))),
        ),
        (
            Method::PUT,
            Box::new(|ids| paths::node_labels(ids[2])),
            Box::new(|_| Some(label.clone())),
        ),
        (
            Method::POST,
            Box::new(|ids| format!("{}?project_id={}", paths::RELATION_TUPLES, ids[0])),
            Box::new(move |ids| Some(tuple(ids))),
        ),
        get(|ids| paths::object_labels("project", ids[0])),
        get(|ids| format!("{}?effective=true", paths::node_labels(ids[2]))),
        get(|ids| format!("{}?scope=project:{}", paths::LABEL_DEFINITIONS, ids[0])),
        get(|ids| format!("{}?scope=domain:{}", paths::LABEL_DEFINITIONS, ids[1])),
        delete(|ids| paths::project(ids[0])),
        delete(|ids| paths::domain(ids[1])),
        (
            Method::PATCH,
            Box::new(|ids| paths::project(ids[0])),
            Box::new(|_| Some(json!({"name": "x"}))),
        ),
        (
            Method::PATCH,
            Box::new(|ids| paths::domain(ids[1])),
            Box::new(|_| Some(json!({"name": "x"}))),
        ),
        (
            Method::PUT,
            Box::new(|ids| paths::object_labels("project", ids[0])),
            Box::new(|_| Some(json!({"key": "env", "value": "prod"}))),
        ),
        (
            Method::POST,
            Box::new(|_| paths::LABEL_DEFINITIONS.to_owned()),
            Box::new(|ids| {
                Some(json!({"scope": "project", "scope_id": ids[0], "local_key": "k",
                    "value_schema": {"kind": "string"}, "applicable_kinds": ["node"]}))
            }),
        ),
    ];
    for (method, path, body) in &routes {
        let ask = |ids: &[Uuid; 5]| {
            let text = body(ids).map(|body| body.to_string());
            let headers: &[(&str, &str)] = if text.is_some() {
                &[("content-type", "application/json")]
            } else {
                &[]
            };
            let answer = stranger.send(method, &path(ids), headers, text.as_ref().map(String::as_bytes));
            seen(&answer, ids)
        };
        let (of_foreign, of_missing) = (ask(&real), ask(&nil));
        assert_eq!(of_foreign, of_missing, "{method} {}", path(&real));
        let found = of_foreign.0 == 200 && of_foreign.3.contains("\"items\":[]");
        assert!(
            of_foreign.0 >= 400 || found,
            "{method} {}: {of_foreign:?}",
            path(&real)
        );
    }
    // The same routes do answer somebody who may.
    let admin = control_plane.admin();
    for (method, path, _) in routes.iter().take(15) {
        assert_eq!(
            admin.send(method, &path(&real), &[], None).status / 100,
            2,
            "{}",
            path(&real)
        );
    }
}

#[test]
fn an_execution_is_not_found_under_another_project() {
    let control_plane = ControlPlane::start();
    let (stranger, foreign) = world(&control_plane);
    let by_detour = stranger.get(&paths::execution(stranger.project_id, foreign.execution));
    let missing = Uuid::now_v7();
    let of_missing = stranger.get(&paths::execution(stranger.project_id, missing));
    assert_eq!(
        seen(&by_detour, &[foreign.execution]),
        seen(&of_missing, &[missing])
    );
    assert_eq!(by_detour.refusal(), (404, "execution_not_found".to_owned()));
}

#[test]
fn malformed_ids_are_400_before_anything_is_looked_up() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = admin.project_id;
    for bad in [
        "x",
        "00000000-0000-0000-0000-000000000000",
        "0190a8b8a0c07a0a8a0aa0a0a0a0a0c0",
        "%00",
    ] {
        let of_project = admin.get(&format!("/v1/projects/{bad}/executions"));
        assert_eq!(
            of_project.refusal(),
            (400, "invalid_project_id".to_owned()),
            "{bad}"
        );
        let of_execution = admin.get(&format!("/v1/projects/{project}/executions/{bad}"));
        assert_eq!(
            of_execution.refusal(),
            (400, "invalid_execution_id".to_owned()),
            "{bad}"
        );
    }
    // Any version but nil, in any case.
    let node = SimulatedNode::register(&control_plane, "n");
    let execution = admin.dispatch(node.id, "probe").to_string();
    for (id, status) in [
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", 404),
        ("0190A8B8-C2D2-7C2C-8C2C-C2C2C2C2C2C2", 404),
        (&execution.to_uppercase(), 200),
    ] {
        let answer = admin.get(&format!("/v1/projects/{project}/executions/{id}"));
        assert_eq!(answer.status, status, "{id}");
    }
}

#[test]
fn without_a_credential_every_route_says_only_that() {
    let control_plane = ControlPlane::start();
    let (_, foreign) = world(&control_plane);
    let web = control_plane.web();
    let wrong = [
        None,
        Some("Bearer ".to_owned()),
        Some("Bearer x".to_owned()),
        Some(format!("Bearer psk_prod_{}", "a".repeat(52))),
        Some("Basic YTpi".to_owned()),
        Some(control_plane.admin().token.clone()),
    ];
    for path in [
        paths::executions(foreign.project),
        paths::execution(foreign.project, foreign.execution),
        paths::execution(Uuid::now_v7(), Uuid::now_v7()),
        paths::node(foreign.node),
        paths::PROJECTS.to_owned(),
        paths::WHOAMI.to_owned(),
    ] {
        for header in &wrong {
            let headers: Vec<_> = header
                .iter()
                .map(|value| ("authorization", value.as_str()))
                .collect();
            let answer = web.send(&Method::GET, &path, &headers, None);
            assert_eq!(
                answer.refusal(),
                (401, "unauthenticated".to_owned()),
                "{path} {header:?}"
            );
        }
    }
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let user = Uuid::now_v7();
    admin.grant(user, "viewer", &format!("project:{}", admin.project_id));
    let (first, second) = (admin.token_of(user), admin.token_of(user));
    let path = paths::executions(admin.project_id);
    for _ in 0..3 {
        first.get(&path).expect(200);
    }
    let listed = first.plexctl_json(&["token", "list"]);
    let tokens = listed
        .as_array()
        .or_else(|| listed["items"].as_array())
        .expect("tokens");
    assert_eq!(tokens.len(), 2);
    for token in tokens {
        second.plexctl(&["token", "revoke", token["id"].as_str().unwrap(), "--yes"]);
    }
    for dead in [&first, &second] {
        assert_eq!(dead.get(&path).refusal(), (401, "unauthenticated".to_owned()));
        dead.plexctl(&["whoami"]).expect(3);
    }
    admin.token_of(user).get(&path).expect(200);
}

#[test]
fn an_expired_token_is_no_token() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let issued = admin.plexctl_json(&["token", "issue", "--ttl-seconds", "1"]);
    let brief = admin.with_token(issued["plaintext"].as_str().unwrap());
    plex_tests::until("a token of one second to expire", plex_tests::LIMIT, || {
        (brief.get(paths::WHOAMI).status == 401).then_some(())
    });
}

#[test]
fn a_node_is_no_operator_and_an_operator_no_node() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    for path in [
        paths::executions(admin.project_id),
        paths::WHOAMI.to_owned(),
        paths::node(node.id),
    ] {
        assert_eq!(node.send(&Method::GET, &path, None).status, 401, "{path}");
    }
    let posed = node.with_bearer(&admin.token);
    assert_eq!(posed.callback(execution, &json!({"status": "ack"})).status, 401);
    assert_eq!(posed.heartbeat().status, 401);
    assert_eq!(admin.execution(execution)["status"], "pending");
}
