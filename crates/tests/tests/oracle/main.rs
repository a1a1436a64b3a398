//! SpiceDB as an oracle: what it must itself get right before anything is compared with it.

mod generated;

use plex_tests::Oracle;
use serde_json::{Value, json};

const SCHEMA: &str = "
caveat office(hour int) {
  hour >= 9 && hour < 17
}
definition user {}
definition group {
  relation member: user | group#member
}
definition project {
  relation viewer: user | user with office | group#member
  permission view = viewer
}
definition node {
  relation project: project
  permission view = project->view
}
";

fn check(subject: &str, context: &Value) -> Value {
    json!({"resource": "node:n1", "permission": "view", "subject": subject, "context": context})
}

#[test]
fn it_knows_usersets_arrows_and_caveats() {
    let mut oracle = Oracle::start();
    let question = json!({
        "schema": SCHEMA,
        "relationships": [
            "node:n1#project@project:p1",
            "project:p1#viewer@user:plain",
            "project:p1#viewer@user:office[office:{}]",
            "project:p1#viewer@user:late[office:{\"hour\": 20}]",
            "project:p1#viewer@group:outer#member",
            "group:outer#member@group:inner#member",
            "group:inner#member@user:nested",
        ],
        "checks": [
            check("user:plain", &json!({})),
            check("user:office", &json!({})),
            check("user:office", &json!({"hour": 10})),
            check("user:late", &json!({"hour": 10})),
            check("user:nested", &json!({})),
            check("group:inner#member", &json!({})),
            check("user:nobody", &json!({})),
        ],
        "lookup_resources": [{"resource_type": "node", "permission": "view", "subject": "user:office"}],
        "lookup_subjects": [{"resource": "node:n1", "permission": "view", "subject_type": "user"}],
    });
    let answer = oracle.ask(&question);
    // What a relationship says about its caveat's context stands over what the check says.
    let expected = ["yes", "conditional", "yes", "no", "yes", "yes", "no"];
    assert_eq!(answer["checks"], json!(expected));
    assert_eq!(answer["lookup_resources"], json!([[["n1", "conditional"]]]));
    let subjects = json!([[["nested", "yes"], ["office", "conditional"], ["plain", "yes"]]]);
    assert_eq!(answer["lookup_subjects"], subjects);
}

#[test]
fn another_graph_replaces_the_one_before_and_a_refusal_ends_nothing() {
    let mut oracle = Oracle::start();
    let checks = [check("user:a", &json!({}))];
    let graph = ["node:n1#project@project:p1", "project:p1#viewer@user:a"];
    let asked = oracle.ask(&json!({"schema": SCHEMA, "relationships": graph, "checks": checks}));
    assert_eq!(asked["checks"], json!(["yes"]));
    let refused = oracle.try_ask(&json!({"relationships": ["node:n1#nonsense@user:a"], "checks": checks}));
    assert!(
        refused["error"]
            .as_str()
            .is_some_and(|text| text.contains("nonsense")),
        "{refused}"
    );
    let asked = oracle.ask(&json!({"relationships": [graph[0]], "checks": checks}));
    assert_eq!(asked["checks"], json!(["no"]));
    let asked = oracle.ask(&json!({"relationships": graph, "checks": checks}));
    assert_eq!(asked["checks"], json!(["yes"]));
}

#[test]
fn thousands_of_checks_are_one_question() {
    let mut oracle = Oracle::start();
    let graph: Vec<String> = (0..2500)
        .map(|n| format!("project:p{n}#viewer@user:u{n}"))
        .collect();
    let checks: Vec<Value> = (0..12_000)
        .map(|n| json!({"resource": format!("project:p{}", n % 2500), "permission": "view", "subject": format!("user:u{}", n % 1250)}))
        .collect();
    let answer = oracle.ask(&json!({"schema": SCHEMA, "relationships": graph, "checks": checks}));
    let answers = answer["checks"].as_array().expect("answers");
    assert_eq!(answers.len(), checks.len());
    let are_right = answers
        .iter()
        .enumerate()
        .all(|(n, answer)| answer == if n % 2500 < 1250 { "yes" } else { "no" });
    assert!(are_right, "an answer is not that of its own check");
}
