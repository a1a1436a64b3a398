//! Domains and projects over their whole life, through the real programs.

use plex_api::paths;
use plex_tests::{ControlPlane, Operator, SimulatedNode, bootstrap_token};
use serde_json::{Value, json};

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// The problem of a command that fails.
fn problem(operator: &Operator, arguments: &[&str]) -> Value {
    let ran = operator.plexctl(&[arguments, &["--output", "json"]].concat());
    assert_eq!(
        (ran.code, ran.stdout.len()),
        (1, 0),
        "{arguments:?}: {}",
        ran.stderr
    );
    serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

#[test]
fn a_domain_and_its_project_are_made_changed_and_deleted() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let domain = id(&admin.plexctl_json(&["domain", "create", "--slug", "beta"]));
    let project = id(&admin.plexctl_json(&["project", "create", "--domain", &domain, "--slug", "shop"]));
    let changed = admin.plexctl_json(&["domain", "update", &domain, "--name", "Größe", "--region", "eu-1"]);
    assert_eq!(
        (&changed["name"], &changed["region"]),
        (&json!("Größe"), &json!("eu-1"))
    );
    let changed = admin.plexctl_json(&["project", "update", &project, "--sub-range-cidr", "10.1.16.0/20"]);
    assert_eq!(changed["sub_range_cidr"], "10.1.16.0/20");
    let refused = problem(
        &admin,
        &["domain", "update", &domain, "--mesh-cidr", "10.1.0.0/20"],
    );
    assert_eq!(refused["code"], "mesh_cidr_invalidates_subrange");
    assert!(
        refused["detail"].as_str().unwrap().contains(&project),
        "{refused}"
    );

    let refused = problem(&admin, &["domain", "delete", &domain, "--yes"]);
    assert_eq!(refused["child_counts"]["projects"], 1);
    let told = admin.plexctl(&["domain", "delete", &domain, "--yes"]).expect(1);
    assert!(
        told.stderr.contains("hint: still there: 1 projects"),
        "{}",
        told.stderr
    );
    admin.plexctl(&["project", "delete", &project]).expect(2);
    admin.plexctl(&["project", "delete", &project, "--yes"]).expect(0);
    admin.plexctl(&["project", "get", &project]).expect(1);
    admin.plexctl(&["domain", "delete", &domain, "--yes"]).expect(0);
    let listed = admin.plexctl_json(&["domain", "list"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn a_project_with_a_history_is_kept() {
    let mut control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = admin.project_id.to_string();
    let node = SimulatedNode::register(&control_plane, "web-1");
    let execution = admin.dispatch(node.id, "probe");
    admin
        .plexctl(&["node", "revoke", &node.id.to_string(), "--yes"])
        .expect(0);
    let refused = problem(&admin, &["project", "delete", &project, "--yes"]);
    let counts = json!({"resources": 0, "nodes": 1, "relation_tuples": 0});
    assert_eq!(
        (&refused["code"], &refused["project_child_counts"]),
        (&json!("project_not_empty"), &counts)
    );
    control_plane.restart();
    assert_eq!(admin.execution(execution)["id"], execution.to_string());
}

#[test]
fn a_reservation_is_where_its_projects_nodes_are() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = admin.project_id.to_string();
    admin.plexctl_json(&["project", "update", &project, "--sub-range-cidr", "10.0.16.0/30"]);
    let token = bootstrap_token(&control_plane, 9, &json!({}));
    let join = |name: &str| SimulatedNode::try_redeem(&control_plane, &token, name);
    for address in ["10.0.16.1", "10.0.16.2"] {
        assert_eq!(join("n").expect(201).json()["mesh_ip"], address);
    }
    assert_eq!(join("n").refusal(), (503, "subrange_exhausted".to_owned()));
    let refused = problem(
        &admin,
        &["project", "update", &project, "--sub-range-cidr", "10.0.32.0/20"],
    );
    assert_eq!(refused["code"], "sub_range_invalidates_allocation");
    admin.plexctl_json(&["project", "update", &project, "--sub-range-cidr", "10.0.16.0/24"]);
    assert_eq!(join("n").expect(201).json()["mesh_ip"], "10.0.16.3");
    admin.plexctl_json(&["project", "update", &project, "--release-sub-range"]);
    assert_eq!(join("n").expect(201).json()["mesh_ip"], "10.0.0.1");
    let body = json!({"slug": "default"});
    let answer = admin.send(
        &http::Method::PATCH,
        &paths::project(admin.project_id),
        &[("content-type", "application/json")],
        Some(body.to_string().as_bytes()),
    );
    assert_eq!(answer.refusal(), (400, "slug_immutable".to_owned()));
}
