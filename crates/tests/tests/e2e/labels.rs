//! Labels of definitions, on nodes and projects, and what they select, through the real programs.

use plex_api::paths;
use plex_tests::{ControlPlane, SimulatedNode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn ids(page: &Value, member: &str) -> BTreeSet<String> {
    let items = page[member].as_array().expect("a list");
    let id = |item: &Value| {
        item["id"]
            .as_str()
            .or(item["node_id"].as_str())
            .expect("an id")
            .to_owned()
    };
    items.iter().map(id).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn what_a_project_is_labelled_its_nodes_are() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = admin.project_id.to_string();
    let a = SimulatedNode::labelled(&control_plane, "a", &json!({"ring": "1"}))
        .id
        .to_string();
    let b = SimulatedNode::labelled(&control_plane, "b", &json!({"env": "test"}))
        .id
        .to_string();
    admin
        .plexctl(&["label", "set", "project", &project, "env=prod"])
        .expect(0);
    assert_eq!(
        admin.plexctl_json(&["node", "get", &a])["labels"],
        json!({"env": "prod", "ring": "1"})
    );
    for (selector, expected) in [
        ("env=prod", set(&[&a])),
        ("env=test", set(&[&b])),
        ("env in (prod, test)", set(&[&a, &b])),
        ("env=prod,!ring", set(&[])),
        ("env!=prod", set(&[&b])),
    ] {
        let listed = admin.plexctl_json(&["node", "list", "--project", &project, "--selector", selector]);
        assert_eq!(ids(&listed, "items"), expected, "{selector}");
        let found = [
            "label",
            "search",
            "--kind",
            "node",
            "--all",
            "--selector",
            selector,
        ];
        assert_eq!(ids(&admin.plexctl_json(&found), "items"), expected, "{selector}");
        let body = json!({"action": "probe", "selector": selector});
        let answer = admin.post(&paths::dispatch(admin.project_id), &body);
        match expected.is_empty() {
            true => assert_eq!(answer.refusal(), (422, "selector_empty_cohort".to_owned())),
            false => assert_eq!(ids(&answer.expect(201).json(), "targets"), expected, "{selector}"),
        }
    }
    let own = admin.plexctl(&["label", "list", "node", &a]).expect(0).text();
    assert!(own.contains("/ring") && !own.contains("/env"), "{own}");
    let effective = admin
        .plexctl(&["label", "list", "node", &a, "--effective"])
        .expect(0)
        .text();
    assert!(
        effective.contains("/env") && effective.contains("project"),
        "{effective}"
    );
    admin
        .plexctl(&["label", "remove", "project", &project, "env"])
        .expect(0);
    assert_eq!(
        admin.plexctl_json(&["node", "get", &a])["labels"],
        json!({"ring": "1"})
    );
}

#[test]
fn a_definition_is_kept_over_its_whole_life() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "a").id.to_string();
    let scope = format!("domain:{}", control_plane.domain_id());
    let made = admin.plexctl_json(&[
        "label",
        "definition",
        "create",
        "--scope",
        &scope,
        "--key",
        "tier",
        "--value-kind",
        "enum",
        "--word",
        "gold",
        "--word",
        "silver",
        "--on-delete",
        "orphan",
    ]);
    let id = made["id"].as_str().unwrap();
    let refused = admin
        .plexctl(&["label", "set", "node", &node, "tier=lead"])
        .expect(1);
    assert!(refused.stderr.contains("scope_mismatch"), "{}", refused.stderr);
    admin
        .plexctl(&["node", "label", "set", &node, "tier=gold"])
        .expect(0);
    let narrowed = [
        "label",
        "definition",
        "update",
        id,
        "--value-kind",
        "enum",
        "--word",
        "silver",
    ];
    let refused = admin.plexctl(&narrowed).expect(1);
    assert!(
        refused.stderr.contains("invalid_value_schema"),
        "{}",
        refused.stderr
    );
    let changed = admin.plexctl_json(&["label", "definition", "update", id, "--description", "how dear"]);
    assert_eq!(changed["description"], "how dear");
    let listed = admin.plexctl_json(&["label", "definition", "list", "--scope", &scope, "--all"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let project = admin.project_id.to_string();
    let select = ["node", "list", "--project", &project, "--selector", "tier=gold"];
    assert_eq!(ids(&admin.plexctl_json(&select), "items"), set(&[&node]));
    admin
        .plexctl(&["label", "definition", "delete", id, "--yes"])
        .expect(0);
    assert_eq!(ids(&admin.plexctl_json(&select), "items"), set(&[]));
    let left = admin.plexctl(&["label", "list", "node", &node]).expect(0).text();
    assert!(left.contains("/tier") && left.contains("orphaned"), "{left}");
    admin
        .plexctl(&["label", "remove", "node", &node, "tier"])
        .expect(0);
    admin.plexctl(&["label", "definition", "get", id]).expect(1);
}

#[test]
fn a_selector_is_previewed_before_it_is_used() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let shown = admin
        .plexctl(&["label", "preview", "env=prod, tier in (a, b)"])
        .expect(0)
        .text();
    assert_eq!(shown, "env is \"prod\"\ntier is one of [\"a\", \"b\"]\n");
    let refused = admin.plexctl(&["label", "preview", "env=prod, =x"]).expect(1);
    assert!(
        refused.text().starts_with("env=prod, =x\n          ^ "),
        "{}",
        refused.text()
    );
    assert!(refused.stderr.contains("at byte 10"), "{}", refused.stderr);
    let ast = admin.plexctl_json(&["label", "preview", "!env"]);
    assert_eq!(ast, json!({"ast": {"op": "absent", "key": "env"}}));
}
