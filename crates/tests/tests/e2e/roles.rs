//! Who may do what: viewer, operator, auditor and admin of a project, of a domain, of nothing (decision 11).

use http::Method;
use plex_api::paths;
use plex_tests::{Answer, ControlPlane, Manifest, Operator, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the table below asks about.
struct World {
    control_plane: ControlPlane,
    node: SimulatedNode,
    execution: Uuid,
}

impl World {
    fn new() -> Self {
        let control_plane = ControlPlane::start();
        let node = SimulatedNode::labelled(&control_plane, "n", &json!({"env": "prod"}));
        node.capabilities(&Manifest::of(&["probe"]).hook("deploy", "#!/bin/sh\n"))
            .expect(200);
        let admin = control_plane.admin();
        let parameters = json!({"action": "probe", "node_id": node.id, "parameters": {"a": 1}});
        let execution = admin.dispatched(&parameters);
        node.succeed(execution, b"output");
        Self {
            control_plane,
            node,
            execution,
        }
    }

    fn reads(&self) -> Vec<Operation> {
        let (project, node) = (self.control_plane.project_id(), self.node.id);
        vec![
            Operation::read(paths::project(project), ANY),
            Operation::read(paths::executions(project), ANY),
            Operation::read(paths::execution(project, self.execution), ANY),
            Operation::read(paths::target_output(project, self.execution, node), VIEWER),
            Operation::read(paths::node(node), VIEWER),
            Operation::read(paths::capabilities(project), VIEWER),
            Operation::read(paths::node_hooks(project), VIEWER),
            Operation::read(paths::bootstrap_tokens(project), ADMIN),
        ]
    }

    fn writes(&self) -> Vec<Operation> {
        let (project, node) = (self.control_plane.project_id(), self.node.id);
        let accepted =
            json!({"node_id": node, "name": "deploy", "checksum": plex_tests::sha256_base64(b"#!/bin/sh\n")});
        let token = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600});
        let (subject, resource) = (format!("user:{}", Uuid::now_v7()), format!("project:{project}"));
        let grant = json!({"subject": subject, "relation": "viewer", "resource": resource});
        let tuples = format!("{}?project_id={project}", paths::RELATION_TUPLES);
        let dispatch = json!({"action": "probe", "node_id": node});
        let label = Operation::write(
            paths::node_labels(node),
            json!({"key": "k", "value": "v"}),
            OPERATOR,
        );
        vec![
            Operation::write(paths::dispatch(project), dispatch, OPERATOR),
            Operation {
                method: Method::PUT,
                ..label
            },
            Operation::write(paths::accept_node_hook(project), accepted, OPERATOR),
            Operation::write(paths::bootstrap_tokens(project), token, ADMIN),
            Operation::write(tuples, grant, ADMIN),
        ]
    }
}

const ADMIN: &[&str] = &["admin"];
const OPERATOR: &[&str] = &["admin", "operator"];
const VIEWER: &[&str] = &["admin", "operator", "viewer"];
const ANY: &[&str] = &["admin", "operator", "viewer", "auditor"];

/// What is asked, and the roles that may.
struct Operation {
    method: Method,
    path: String,
    body: Option<Value>,
    roles: &'static [&'static str],
}

impl Operation {
    fn read(path: String, roles: &'static [&'static str]) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            roles,
        }
    }

    fn write(path: String, body: Value, roles: &'static [&'static str]) -> Self {
        Self {
            method: Method::POST,
            path,
            body: Some(body),
            roles,
        }
    }

    fn ask(&self, who: &Operator) -> Answer {
        let body = self.body.as_ref().map(Value::to_string);
        let headers: &[(&str, &str)] = if body.is_some() {
            &[("content-type", "application/json")]
        } else {
            &[]
        };
        who.send(
            &self.method,
            &self.path,
            headers,
            body.as_ref().map(String::as_bytes),
        )
    }
}

fn assert_denied(answer: &Answer, what: &str) {
    assert_eq!(answer.refusal(), (403, "rebac_denied".to_owned()), "{what}");
    let body = answer.json();
    assert_eq!(body["reason"], "insufficient_relation", "{what}");
    assert!(body["relation_path"].is_array(), "{what}");
    assert_eq!(
        body["correlation_id"].as_str(),
        answer.header("x-correlation-id"),
        "{what}"
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
}

#[test]
fn each_role_does_what_it_may_and_nothing_else() {
    let world = World::new();
    let admin = world.control_plane.admin();
    let domain = format!("domain:{}", world.control_plane.domain_id());
    for role in ANY {
        for (whose, who) in [
            ("project", admin.with_role(role)),
            ("domain", admin.with_role_on(role, &domain)),
        ] {
            for operation in world.reads().iter().chain(&world.writes()) {
                let answer = operation.ask(&who);
                let what = format!("{role} of the {whose}: {} {}", operation.method, operation.path);
                if operation.roles.contains(role) {
                    assert!((200..400).contains(&answer.status), "{what}: {}", answer.text());
                } else {
                    assert_denied(&answer, &what);
                }
            }
        }
    }
}

#[test]
fn domains_are_made_by_the_platform_and_projects_by_a_domains_admin() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let domain = control_plane.domain_id();
    let of_domain = admin.with_role_on("admin", &format!("domain:{domain}"));
    let of_project = admin.with_role("admin");
    let make_domain = |slug: &str| json!({"name": slug, "slug": slug, "mesh_cidr": "10.99.0.0/16"});
    let make_project = |slug: &str| json!({"name": slug, "slug": slug, "domain_id": domain});
    for who in [&of_domain, &of_project, &admin.with_role("operator")] {
        assert_eq!(
            who.post(paths::DOMAINS, &make_domain("theirs")).refusal(),
            (403, "rebac_denied".to_owned())
        );
    }
    admin.post(paths::DOMAINS, &make_domain("ours")).expect(201);
    of_domain
        .post(paths::PROJECTS, &make_project("of-domain"))
        .expect(201);
    assert!(
        of_project
            .post(paths::PROJECTS, &make_project("of-project"))
            .status
            >= 400
    );
}

#[test]
fn an_auditor_sees_that_there_was_an_output_but_not_what_it_said() {
    let world = World::new();
    let admin = world.control_plane.admin();
    let auditor = admin.with_role("auditor");
    let execution = auditor.execution(world.execution);
    assert_eq!(execution["targets"][0]["output_ref"], json!({"kind": "inline"}));
    assert_eq!(
        (
            execution.get("parameters"),
            &execution["targets"][0]["output_bytes"]
        ),
        (None, &6.into())
    );
    let listed = auditor
        .get(&paths::executions(admin.project_id))
        .expect(200)
        .json();
    assert_eq!(listed["items"][0].get("parameters"), None);
    let (project, id) = (admin.project_id.to_string(), world.execution.to_string());
    let get = auditor
        .plexctl(&["exec-log", "get", "--project", &project, "--id", &id])
        .expect(0);
    assert!(
        get.text().ends_with(" succeeded none <==\n") && get.stderr.starts_with("warning: "),
        "{}",
        get.text()
    );
    let bytes = auditor
        .plexctl(&["exec-log", "get", "--project", &project, "--id", &id, "--bytes"])
        .expect(1);
    assert!(bytes.stdout.is_empty());
    assert_eq!(admin.execution(world.execution)["parameters"], json!({"a": 1}));
}

#[test]
fn a_grant_and_its_end_count_at_once() {
    let world = World::new();
    let admin = world.control_plane.admin();
    let user = Uuid::now_v7();
    let project = admin.project_id.to_string();
    let tuple = admin.grant(user, "viewer", &format!("project:{project}"));
    let who = admin.token_of(user);
    let dispatch = || {
        who.post(
            &paths::dispatch(admin.project_id),
            &json!({"action": "probe", "node_id": world.node.id}),
        )
    };
    assert_denied(&dispatch(), "a viewer");
    let more = admin.grant(user, "operator", &format!("project:{project}"));
    dispatch().expect(201);
    admin
        .plexctl(&["rebac", "tuple", "delete", more["id"].as_str().unwrap(), "--yes"])
        .expect(0);
    assert_denied(&dispatch(), "a viewer again");
    admin
        .plexctl(&["rebac", "tuple", "delete", tuple["id"].as_str().unwrap(), "--yes"])
        .expect(0);
    assert_eq!(dispatch().refusal(), (404, "project_not_found".to_owned()));
}

#[test]
fn nobody_grants_or_mints_beyond_their_own_authority() {
    let world = World::new();
    let admin = world.control_plane.admin();
    let of_project = admin.with_role("admin");
    let grant = |relation: &str, resource: String| {
        let body = json!({"subject": format!("user:{}", Uuid::now_v7()), "relation": relation, "resource": resource});
        of_project
            .post(
                &format!("{}?project_id={}", paths::RELATION_TUPLES, admin.project_id),
                &body,
            )
            .status
    };
    assert_eq!(grant("viewer", format!("project:{}", admin.project_id)), 201);
    assert!(grant("viewer", format!("domain:{}", world.control_plane.domain_id())) >= 400);
    assert!(grant("admin", "platform:platform".to_owned()) >= 400);
    // A token for somebody needs authority over all that they hold: the platform admin holds more.
    let boss = admin.plexctl_json(&["whoami"])["subject"]
        .as_str()
        .unwrap()
        .to_owned();
    let issue = |who: &Operator, whom: &str| {
        who.post(
            paths::TOKENS,
            &json!({"identity_ref": format!("user:{whom}"), "env_prefix": "prod"}),
        )
        .status
    };
    assert!(issue(&of_project, &boss) >= 400);
    let (subordinate, superior) = (Uuid::now_v7(), Uuid::now_v7());
    admin.grant(subordinate, "viewer", &format!("project:{}", admin.project_id));
    admin.grant(
        superior,
        "viewer",
        &format!("domain:{}", world.control_plane.domain_id()),
    );
    assert_eq!(issue(&of_project, &subordinate.to_string()), 201);
    assert!(issue(&of_project, &superior.to_string()) >= 400);
    assert!(issue(&admin.with_role("operator"), &subordinate.to_string()) >= 400);
}
