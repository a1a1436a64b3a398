//! `plexsphere admin stats` beside a server: whose the history is, and what it takes.

use plex_api::paths;
use plex_tests::{ControlPlane, Dice, LIMIT, Manifest, Operator, Program, Ran, SimulatedNode, until};
use serde_json::{Value, json};

fn stats(control_plane: &ControlPlane, more: &[&str]) -> String {
    let mut command = Program::Plexsphere.command();
    command
        .args(["admin", "stats", "--data-dir"])
        .arg(control_plane.data_dir());
    command.args(control_plane.database().flags()).args(more);
    Ran::of(command, b"").expect(0).text()
}

/// What it says, once the server counts as many rows in each of these tables: PostgreSQL counts afterwards.
fn counted(control_plane: &ControlPlane, rows: &[(&str, u64)]) -> Value {
    until("the rows to be counted", LIMIT, || {
        let stats = stats(control_plane, &["--output", "json"]);
        let stats: Value = serde_json::from_str(&stats).expect("JSON");
        let is_counted = |(name, rows): &(&str, u64)| table(&stats, name)["rows"] == *rows;
        rows.iter().all(is_counted).then_some(stats)
    })
}

fn table<'s>(stats: &'s Value, name: &str) -> &'s Value {
    let mut tables = stats["tables"].as_array().expect("tables").iter();
    let found = tables.find(|table| table["name"] == name);
    found.unwrap_or_else(|| panic!("no table {name}: {stats}"))
}

/// A node of that operator's project.
fn node_of(control_plane: &ControlPlane, operator: &Operator) -> SimulatedNode {
    let body = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600, "max_uses": 1});
    let path = paths::bootstrap_tokens(operator.project_id);
    let issued = operator.post(&path, &body).expect(201).json();
    let token = issued["token"].as_str().expect("a token's text");
    let node = SimulatedNode::redeem(control_plane, token, "n");
    node.capabilities(&Manifest::of(&["probe"])).expect(200);
    node
}

#[test]
fn the_room_that_a_history_takes_is_told_beside_a_running_server() {
    let control_plane = ControlPlane::start();
    let (admin, domain) = (control_plane.admin(), control_plane.domain_id().to_string());
    let small = admin.plexctl_json(&["project", "create", "--domain", &domain, "--slug", "small"]);
    admin.plexctl_json(&["project", "create", "--domain", &domain, "--slug", "idle"]);
    let small = admin.in_project(
        small["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id"),
    );
    let (one, other) = (node_of(&control_plane, &admin), node_of(&control_plane, &small));

    let mut bytes = Dice::new(5);
    let history = [&admin; 3].map(|admin| admin.dispatch(one.id, "probe"));
    one.succeed(history[0], &bytes.bytes(16_000));
    one.succeed(history[1], &bytes.bytes(16_000));
    one.begin(history[2]);
    let output = one.archive(history[2], &bytes.bytes(20_000));
    let end = json!({"status": "succeeded", "exit_code": 0, "output": output});
    one.callback(history[2], &end).expect(200);
    let pending = small.dispatch(other.id, "probe");

    let rows = [
        ("executions", 4),
        ("invocations", 4),
        ("execution_events", 3 * 3),
        // The third went to the object store.
        ("outputs", 2),
    ];
    let stats_of_it = counted(&control_plane, &rows);
    let created = |operator: &Operator, id| operator.execution(id)["created_at"].clone();
    let slug = admin.get(&paths::project(admin.project_id)).expect(200).json()["slug"].clone();
    let projects = json!([
        {
            "id": admin.project_id, "slug": slug, "executions": 3,
            "oldest": created(&admin, history[0]), "newest": created(&admin, history[2]),
        },
        {
            "id": small.project_id, "slug": "small", "executions": 1,
            "oldest": created(&small, pending), "newest": created(&small, pending),
        },
    ]);
    assert_eq!(
        stats_of_it["projects"], projects,
        "the largest first, and no idle one"
    );
    let bytes = |table: &Value| table["bytes"].as_u64().expect("a number");
    let tables = stats_of_it["tables"].as_array().expect("tables");
    assert!(
        tables.iter().map(bytes).is_sorted_by(|a, b| a >= b),
        "{stats_of_it}"
    );
    let outputs = bytes(table(&stats_of_it, "outputs"));
    assert!((32_000..1_000_000).contains(&outputs), "{outputs}");

    let text = stats(&control_plane, &[]);
    let told = |words: &[String]| {
        let begins = |line: &str| line.split_whitespace().take(words.len()).eq(words);
        assert!(text.lines().any(begins), "{words:?}: {text}");
    };
    for (name, rows) in rows {
        told(&[name.to_owned(), rows.to_string()]);
    }
    for project in projects.as_array().expect("projects") {
        let words = ["id", "executions", "oldest", "newest"].map(|name| match &project[name] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        });
        told(&words);
    }
}
