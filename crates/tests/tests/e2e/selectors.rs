//! Selectors: every form of the grammar, who is left out, and what is refused.

use plex_api::paths;
use plex_tests::{ControlPlane, Manifest, Operator, SimulatedNode, bootstrap_token};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes by name.
struct Fleet {
    admin: Operator,
    nodes: BTreeMap<String, SimulatedNode>,
}

impl Fleet {
    fn of(control_plane: &ControlPlane, members: &[(&str, Value)]) -> Self {
        let register = |(name, labels): &(&str, Value)| {
            (
                (*name).to_owned(),
                SimulatedNode::labelled(control_plane, name, labels),
            )
        };
        Self {
            admin: control_plane.admin(),
            nodes: members.iter().map(register).collect(),
        }
    }

    fn dispatch(&self, selector: &str) -> plex_tests::Answer {
        self.admin.post(
            &paths::dispatch(self.admin.project_id),
            &json!({"action": "probe", "selector": selector}),
        )
    }

    /// The names of the nodes that a dispatch reaches, separated by blanks; the code where it is refused.
    fn reached(&self, selector: &str) -> String {
        let answer = self.dispatch(selector);
        if answer.status != 201 {
            return answer.code();
        }
        let execution = answer.json();
        assert_eq!(execution["selector"], selector);
        self.names(execution["targets"].as_array().expect("targets"), "node_id")
    }

    fn names(&self, items: &[Value], field: &str) -> String {
        let ids: BTreeSet<_> = items
            .iter()
            .map(|item| item[field].as_str().expect("an id"))
            .collect();
        assert_eq!(ids.len(), items.len(), "somebody is there twice");
        let is_there = |node: &SimulatedNode| ids.contains(node.id.to_string().as_str());
        let names: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| is_there(node))
            .map(|(name, _)| name.as_str())
            .collect();
        names.join(" ")
    }
}

#[test]
fn every_form_of_the_grammar() {
    let control_plane = ControlPlane::start();
    let fleet = Fleet::of(
        &control_plane,
        &[
            ("a", json!({"env": "prod", "tier": "gold"})),
            ("b", json!({"env": "prod", "tier": "silver", "owner": "bob"})),
            ("c", json!({"env": "dev", "owner": "alice"})),
            (
                "d",
                json!({"note": "two words, \"quoted\" and back\\slashed", "path": "a/b:c@d+e-f.g_h"}),
            ),
            ("e", json!({})),
        ],
    );
    for (selector, names) in [
        ("env=prod", "a b"),
        ("env = prod", "a b"),
        (" env=prod ", "a b"),
        ("env=\"prod\"", "a b"),
        ("env in (prod)", "a b"),
        ("env in (prod, dev)", "a b c"),
        ("tier in (gold,silver)", "a b"),
        ("env=prod, owner in (alice, bob)", "b"),
        ("env=prod,tier=gold", "a"),
        ("owner", "b c"),
        ("!owner", "a d e"),
        ("!owner,env", "a"),
        ("!env,!note", "e"),
        ("env!=prod,env", "c"),
        ("path=a/b:c@d+e-f.g_h", "d"),
        (r#"note="two words, \"quoted\" and back\\slashed""#, "d"),
        ("env=prod,env=dev", "selector_empty_cohort"),
        ("env=staging", "selector_empty_cohort"),
        ("no-such-key", "selector_empty_cohort"),
        ("env=Prod", "selector_empty_cohort"),
    ] {
        assert_eq!(fleet.reached(selector), names, "{selector}");
        // `node list` selects alike.
        let project = fleet.admin.project_id.to_string();
        let listed =
            fleet
                .admin
                .plexctl_json(&["node", "list", "--project", &project, "--selector", selector]);
        let expected = if names == "selector_empty_cohort" {
            ""
        } else {
            names
        };
        assert_eq!(
            fleet.names(listed["items"].as_array().unwrap(), "id"),
            expected,
            "{selector}"
        );
    }
}

#[test]
fn a_blank_or_malformed_selector_never_means_everything() {
    let control_plane = ControlPlane::start();
    let fleet = Fleet::of(&control_plane, &[("a", json!({"env": "prod"}))]);
    let long = format!("env=prod{}", ",env=prod".repeat(500));
    let wide = format!(
        "env in ({})",
        (0..257).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    for selector in [
        "",
        " ",
        "\t\n",
        ",",
        "env=prod,",
        ",env=prod",
        "env=",
        "=prod",
        "env==prod",
        "env=a b",
        "env in ()",
        "env in (",
        "env in (a",
        "env in (a b)",
        "in (a)",
        "!",
        "!!env",
        "!env=prod",
        "ENV=prod",
        "env=\"prod",
        "env=\"a\\n\"",
        "env=prod;drop",
        "env=prod or env=dev",
        "*",
        "env=*",
        "env=pröd",
        "(env=prod)",
        &long,
        &wide,
    ] {
        let answer = fleet.dispatch(selector);
        assert_eq!(
            answer.refusal(),
            (400, "malformed_selector".to_owned()),
            "{selector:?}"
        );
        assert!(
            answer.json()["detail"].as_str().unwrap().len() < 300,
            "{selector:?}"
        );
    }
    let executions = fleet
        .admin
        .get(&paths::executions(fleet.admin.project_id))
        .expect(200)
        .json();
    assert_eq!(executions["items"], json!([]));
}

#[test]
fn nodes_without_the_action_are_left_out_and_named() {
    let control_plane = ControlPlane::start();
    let token = bootstrap_token(&control_plane, 9, &json!({"env": "prod"}));
    let mut fleet = Fleet::of(&control_plane, &[]);
    for (name, actions) in [
        ("can", Some(&["probe"][..])),
        ("cannot", Some(&["other"])),
        ("silent", None),
    ] {
        let node = SimulatedNode::redeem(&control_plane, &token, name);
        actions
            .into_iter()
            .for_each(|actions| drop(node.capabilities(&Manifest::of(actions)).expect(200)));
        fleet.nodes.insert(name.to_owned(), node);
    }
    let execution = fleet.dispatch("env=prod").expect(201).json();
    assert_eq!(
        fleet.names(execution["targets"].as_array().unwrap(), "node_id"),
        "can"
    );
    let excluded = execution["excluded"].as_array().unwrap();
    assert_eq!(fleet.names(excluded, "node_id"), "cannot silent");
    assert!(
        excluded
            .iter()
            .all(|node| node["reason"].as_str().is_some_and(|reason| !reason.is_empty()))
    );
    let id = execution["id"].as_str().unwrap();
    assert_eq!(
        fleet.admin.execution(id.parse().unwrap())["excluded"],
        execution["excluded"]
    );

    let nobody = fleet.admin.post(
        &paths::dispatch(fleet.admin.project_id),
        &json!({"action": "nobody-has-it", "selector": "env=prod"}),
    );
    assert_eq!(nobody.refusal(), (422, "selector_empty_cohort".to_owned()));
    fleet
        .admin
        .plexctl(&["node", "revoke", &fleet.nodes["can"].id.to_string(), "--yes"])
        .expect(0);
    assert_eq!(
        fleet.reached("env=prod"),
        "selector_empty_cohort",
        "a revoked node is in no cohort"
    );
}

#[test]
fn labels_set_by_operators_count_at_once_and_a_node_never_labels_itself() {
    let control_plane = ControlPlane::start();
    let fleet = Fleet::of(
        &control_plane,
        &[("a", json!({"env": "prod"})), ("b", json!({"env": "prod"}))],
    );
    let id = fleet.nodes["a"].id.to_string();
    fleet
        .admin
        .plexctl(&["node", "label", "set", &id, "ring=canary", "env=dev"])
        .expect(0);
    assert_eq!(fleet.reached("ring=canary"), "a");
    assert_eq!(fleet.reached("env=prod"), "b");
    let labels = fleet.admin.plexctl_json(&["node", "get", &id])["labels"].clone();
    assert_eq!(labels, json!({"env": "dev", "ring": "canary"}));
    fleet
        .admin
        .plexctl(&["node", "label", "remove", &id, "ring"])
        .expect(0);
    assert_eq!(fleet.reached("ring=canary"), "selector_empty_cohort");

    let put = json!({"key": "env", "value": "prod"}).to_string();
    let node = &fleet.nodes["a"];
    let answer = node.send(
        &http::Method::PUT,
        &paths::node_labels(node.id),
        Some(put.as_bytes()),
    );
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(fleet.reached("env=dev"), "a");
}

#[test]
fn a_selector_ends_at_its_project() {
    let control_plane = ControlPlane::start();
    let fleet = Fleet::of(&control_plane, &[("a", json!({"env": "prod"}))]);
    let domain = control_plane.domain_id().to_string();
    let made = fleet
        .admin
        .plexctl_json(&["project", "create", "--domain", &domain, "--slug", "other"]);
    let other = Fleet {
        admin: fleet
            .admin
            .in_project(made["id"].as_str().unwrap().parse().unwrap()),
        nodes: BTreeMap::new(),
    };
    assert_eq!(other.reached("env=prod"), "selector_empty_cohort");
    assert_eq!(other.reached("!env"), "selector_empty_cohort");
}
