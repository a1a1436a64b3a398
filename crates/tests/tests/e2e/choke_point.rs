//! No route without authority: every operation of the served description, asked by those who may not.

use http::Method;
use plex_api::paths;
use plex_tests::{Answer, ControlPlane, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Operations that need no credential.
const PUBLIC: [&str; 11] = [
    "GET /v1/health",
    "GET /v1/version",
    "GET /v1/openapi.json",
    "GET /v1/docs",
    "GET /v1/docs/assets/{asset}",
    "POST /v1/register",
    "POST /v1/auth/sign-in",
    "GET /v1/auth/callback",
    "GET /v1/auth/device",
    "POST /v1/auth/device-code",
    "POST /v1/auth/device-token",
];

struct Operation {
    name: String,
    method: Method,
    path: String,
    is_nodes: bool,
    is_operators: bool,
}

/// What the description lists, with ids of nothing in the paths.
fn operations(control_plane: &ControlPlane) -> Vec<Operation> {
    let document = control_plane
        .web()
        .send(&Method::GET, "/v1/openapi.json", &[], None)
        .expect(200)
        .json();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{document}"
    );
    let mut found = Vec::new();
    for (template, item) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("operations") {
            let method: Method = verb.to_uppercase().parse().expect("a method");
            let security = operation["security"].to_string();
            found.push(Operation {
                name: format!("{method} {template}"),
                method,
                path: filled(template),
                is_nodes: security.contains("nskBearer"),
                // A person's token is also what the sign-in pages without a scheme of their own are asked with.
                is_operators: security.contains("operatorBearer") || !security.contains("nskBearer"),
            });
        }
    }
    found
}

fn filled(template: &str) -> String {
    let segments = template.split('/').map(|segment| {
        if segment.starts_with('{') && segment.contains("kind") {
            "node".to_owned()
        } else if segment.starts_with('{') {
            Uuid::now_v7().to_string()
        } else {
            segment.to_owned()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

impl Operation {
    fn ask(&self, control_plane: &ControlPlane, bearer: Option<&str>) -> Answer {
        let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        let body = matches!(self.method, Method::POST | Method::PUT | Method::PATCH).then_some(&b"{}"[..]);
        control_plane.web().send(&self.method, &self.path, &headers, body)
    }
}

#[test]
fn without_a_credential_every_operation_is_401() {
    // Each has a control plane of its own, because one address may fail only so often.
    for bearer in [None, Some("x"), Some("psk_prod_x"), Some("nsk_x_y")] {
        let control_plane = ControlPlane::start();
        let operations = operations(&control_plane);
        assert!(operations.len() > 25, "the description lists everything");
        for operation in &operations {
            let answer = operation.ask(&control_plane, bearer);
            let is_public = PUBLIC.contains(&operation.name.as_str());
            assert_eq!(
                answer.status == 401,
                !is_public,
                "{} {bearer:?}: {}",
                operation.name,
                answer.text()
            );
        }
    }
}

#[test]
fn the_wrong_kind_of_credential_is_none() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    for operation in operations(&control_plane)
        .iter()
        .filter(|operation| !PUBLIC.contains(&operation.name.as_str()))
    {
        for (is_right, bearer) in [
            (operation.is_operators, &admin.token),
            (operation.is_nodes, &node.bearer),
        ] {
            if is_right {
                continue;
            }
            let answer = operation.ask(&control_plane, Some(bearer));
            assert_eq!(answer.status, 401, "{}: {}", operation.name, answer.text());
        }
        if operation.is_nodes {
            // A real key on another node's path is told so, whether that node exists or not.
            let answer = operation.ask(&control_plane, Some(&node.bearer));
            assert_eq!(answer.status, 403, "{}: {}", operation.name, answer.text());
            let code = if operation.name.contains("executions") {
                "nsk_node_mismatch"
            } else {
                "node_id_mismatch"
            };
            assert_eq!(answer.code(), code, "{}", operation.name);
        }
    }
}

#[test]
fn somebody_who_holds_nothing_gets_nothing() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let user = Uuid::now_v7();
    let tuple = admin.grant(user, "viewer", &format!("project:{}", admin.project_id));
    let nobody = admin.token_of(user);
    admin
        .delete(&paths::relation_tuple(
            tuple["id"].as_str().unwrap().parse().unwrap(),
        ))
        .expect(204);
    let own = [
        "GET /v1/auth/whoami",
        "GET /v1/auth/tokens",
        // It would end the very token that is asked with.
        "POST /v1/auth/logout",
    ];
    for operation in operations(&control_plane)
        .iter()
        .filter(|operation| operation.is_operators)
    {
        if own.contains(&operation.name.as_str()) || PUBLIC.contains(&operation.name.as_str()) {
            continue;
        }
        let answer = operation.ask(&control_plane, Some(&nobody.token));
        let is_empty = answer.status == 200 && answer.json()["items"] == json!([]);
        assert!(
            is_empty || answer.status >= 400,
            "{}: {}",
            operation.name,
            answer.text()
        );
        assert!(answer.status < 500, "{}: {}", operation.name, answer.text());
    }
    // Nor by naming what is really there.
    for path in [
        paths::executions(admin.project_id),
        paths::node(node.id),
        paths::project(admin.project_id),
        paths::domain(control_plane.domain_id()),
    ] {
        assert_eq!(nobody.get(&path).status, 404, "{path}");
    }
    for path in [paths::NODES, paths::PROJECTS, paths::DOMAINS] {
        let page: Value = nobody.get(path).expect(200).json();
        assert_eq!(page["items"], json!([]), "{path}");
    }
}

#[test]
fn a_denied_write_leaves_nothing_behind() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::labelled(&control_plane, "n", &json!({"env": "prod"}));
    let admin = control_plane.admin();
    let viewer = admin.with_role("viewer");
    let (project, id) = (admin.project_id.to_string(), node.id.to_string());
    let seen = || {
        [
            admin.get(&paths::executions(admin.project_id)).expect(200).text(),
            admin.get(&paths::node(node.id)).expect(200).text(),
            admin
                .get(&paths::bootstrap_tokens(admin.project_id))
                .expect(200)
                .text(),
            admin
                .get(&format!("{}?project_id={project}", paths::RELATION_TUPLES))
                .expect(200)
                .text(),
            admin.get(paths::PROJECTS).expect(200).text(),
        ]
    };
    let before = seen();
    let domain = control_plane.domain_id().to_string();
    let (subject, resource) = (format!("user:{}", Uuid::now_v7()), format!("project:{project}"));
    for words in [
        &[
            "action",
            "dispatch",
            "--project",
            &project,
            "--action",
            "probe",
            "--node",
            &id,
        ][..],
        &[
            "action",
            "dispatch",
            "--project",
            &project,
            "--action",
            "probe",
            "--selector",
            "env=prod",
        ],
        &["node", "label", "set", &id, "env=dev"],
        &["node", "label", "remove", &id, "env"],
        &["node", "revoke", &id],
        &["bootstrap-token", "issue", "--project", &project],
        &["project", "create", "--domain", &domain, "--slug", "x"],
        &["domain", "create", "--slug", "x"],
        &["project", "update", &project, "--name", "x"],
        &["project", "delete", &project],
        &["label", "set", "project", &project, "env=dev"],
        &[
            "label",
            "definition",
            "create",
            "--scope",
            &format!("project:{project}"),
            "--key",
            "k",
        ],
        &[
            "rebac",
            "tuple",
            "add",
            "--project",
            &project,
            "--subject",
            &subject,
            "--relation",
            "admin",
            "--resource",
            &resource,
        ],
    ] {
        let ran = viewer.plexctl(&[words, &["--yes"]].concat());
        assert_eq!(ran.code, 77, "{words:?}: {}", ran.stderr);
    }
    assert_eq!(seen(), before);
    assert_eq!(node.heartbeat().status, 200, "its key still holds");
}

#[test]
fn an_idempotency_key_is_ones_own_in_one_project() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let send = |path: &str| {
        let body = json!({"action": "probe", "node_id": node.id}).to_string();
        admin.post_raw(path, body.as_bytes(), &[("idempotency-key", "k")])
    };
    let first = send(&paths::dispatch(admin.project_id)).expect(201).json();
    let domain = control_plane.domain_id().to_string();
    let other = admin.plexctl_json(&["project", "create", "--domain", &domain, "--slug", "other"]);
    let other: Uuid = other["id"].as_str().unwrap().parse().unwrap();
    // There the key is unused, so the body is judged on its own.
    assert_eq!(
        send(&paths::dispatch(other)).refusal(),
        (422, "selector_empty_cohort".to_owned())
    );
    let older = format!("/v1/projects/{}/executions:dispatch", admin.project_id);
    assert_eq!(
        send(&older).expect(201).json()["id"],
        first["id"],
        "both spellings are one operation"
    );
}
