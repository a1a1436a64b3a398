//! `exec-log list`: every filter, the order, the bounds, and the form of a page.

use crate::ids;
use plex_api::paths;
use plex_tests::{ControlPlane, LIMIT, Manifest, Operator, SimulatedNode};
use serde_json::{Value, json};
use uuid::Uuid;

const STATUSES: [&str; 7] = [
    "pending",
    "ack",
    "started",
    "succeeded",
    "failed",
    "cancelled",
    "timeout",
];
const ACTIONS: [&str; 2] = ["probe", "rotate-keys"];

fn page(operator: &Operator, query: &str) -> Value {
    operator
        .get(&format!("{}?{query}", paths::executions(operator.project_id)))
        .expect(200)
        .json()
}

/// Brings an invocation from `pending` to that status.
fn lead(node: &SimulatedNode, execution: Uuid, status: &str) {
    let steps: &[&str] = match status {
        "pending" | "timeout" => &[],
        "ack" => &["ack"],
        "started" => &["ack", "started"],
        last => &["ack", "started", last],
    };
    for step in steps {
        node.callback(execution, &json!({"status": step})).expect(200);
    }
}

/// One execution for each status and action, oldest first.
fn every_kind(
    control_plane: &ControlPlane,
    node: &SimulatedNode,
) -> Vec<(String, &'static str, &'static str)> {
    let admin = control_plane.admin();
    let mut made = Vec::new();
    for status in STATUSES {
        for action in ACTIONS {
            let timeout = if status == "timeout" { 1 } else { 3600 };
            let body = json!({"action": action, "node_id": node.id, "timeout_seconds": timeout});
            let execution = admin.dispatched(&body);
            lead(node, execution, status);
            made.push((execution.to_string(), status, action));
        }
    }
    for (id, status, _) in &made {
        admin.wait_for(
            id.parse().expect("a UUID"),
            |json| json["status"] == *status,
            LIMIT,
        );
    }
    made
}

#[test]
fn every_filter_finds_exactly_its_own() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    node.capabilities(&Manifest::of(&ACTIONS)).expect(200);
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let made = every_kind(&control_plane, &node);
    for status in STATUSES.map(Some).into_iter().chain([None]) {
        for action in [Some("probe"), Some("rotate-keys"), Some("no-such-action"), None] {
            let fits = |entry: &&(String, &str, &str)| {
                status.is_none_or(|status| entry.1 == status) && action.is_none_or(|action| entry.2 == action)
            };
            let mut expected: Vec<_> = made.iter().filter(fits).map(|entry| entry.0.clone()).collect();
            let mut query = vec!["order=asc".to_owned()];
            query.extend(status.map(|status| format!("status={status}")));
            query.extend(action.map(|action| format!("action_name={action}")));
            assert_eq!(ids(&page(&admin, &query.join("&"))), expected, "{query:?}");
            expected.reverse();
            assert_eq!(
                ids(&page(&admin, &query[1..].join("&"))),
                expected,
                "{query:?}, newest first"
            );

            let mut words = vec!["exec-log", "list", "--project", &project];
            words.extend(status.iter().flat_map(|status| ["--status", *status]));
            words.extend(action.iter().flat_map(|action| ["--action-name", *action]));
            let json = admin.plexctl_json(&words);
            assert_eq!(ids(&json), expected, "{words:?}");
            let text = admin.plexctl(&words).expect(0).text();
            let rows: Vec<_> = text
                .lines()
                .skip(1)
                .map(|line| line.split_whitespace().next().unwrap())
                .collect();
            assert_eq!(rows, expected, "{words:?}");
        }
    }
}

#[test]
fn a_time_range_is_half_open_for_list_and_export() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let made: Vec<(String, String)> = (0..5)
        .map(|_| {
            let execution = admin.execution(admin.dispatch(node.id, "probe"));
            let text = |name: &str| execution[name].as_str().expect("a text").to_owned();
            (text("id"), text("created_at"))
        })
        .collect();
    for (from, to) in [(Some(1), Some(4)), (Some(3), None), (None, Some(2)), (None, None)] {
        let mut expected: Vec<String> = made[from.unwrap_or(0)..to.unwrap_or(made.len())]
            .iter()
            .map(|(id, _)| id.clone())
            .collect();
        expected.reverse();
        let mut range = Vec::new();
        range.extend(from.iter().flat_map(|n: &usize| ["--from", made[*n].1.as_str()]));
        range.extend(to.iter().flat_map(|n: &usize| ["--to", made[*n].1.as_str()]));
        let words =
            |command: &'static str| [&["exec-log", command, "--project", &project], &range[..]].concat();
        assert_eq!(ids(&admin.plexctl_json(&words("list"))), expected, "{range:?}");
        let lines = admin.plexctl(&words("export")).expect(0).text();
        let exported: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        assert_eq!(ids(&json!({"items": exported})), expected, "{range:?}");
    }
    let time = made[1].1.as_str();
    for command in ["list", "export"] {
        let words = [
            "exec-log",
            command,
            "--project",
            &project,
            "--from",
            time,
            "--to",
            time,
        ];
        let refused = admin.plexctl(&words).expect(2);
        assert!(
            refused.stderr.contains("nothing is between --from and --to"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_row_says_what_the_contract_says() {
    let control_plane = ControlPlane::start();
    let labels = json!({"tier": "web"});
    let nodes: Vec<_> = (0..3)
        .map(|n| SimulatedNode::labelled(&control_plane, &format!("n{n}"), &labels))
        .collect();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    let execution = admin.dispatched(&json!({"action": "probe", "selector": "tier=web"}));
    nodes[0].succeed(execution, b"x");
    let text = admin
        .plexctl(&["exec-log", "list", "--project", &project])
        .expect(0)
        .text();
    let json = admin.execution(execution);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "a header and one row, no next_cursor: {text}");
    let (created, updated) = (
        json["created_at"].as_str().unwrap(),
        json["updated_at"].as_str().unwrap(),
    );
    let cells: Vec<_> = lines[1].split_whitespace().collect();
    let id = execution.to_string();
    assert_eq!(
        cells,
        [
            id.as_str(),
            "probe",
            "builtin",
            "started",
            "1/3",
            created,
            updated
        ]
    );
    assert_eq!(lines[0].split_whitespace().count(), cells.len(), "{text}");

    let item = page(&admin, "")["items"][0].clone();
    assert!(
        item["targets"]
            .as_array()
            .unwrap()
            .iter()
            .all(|target| target.get("output_ref").is_none())
    );
    assert_eq!(item["target_counts"], json["target_counts"]);
    for published in [
        "id",
        "project_id",
        "domain_id",
        "action",
        "type",
        "status",
        "created_at",
        "updated_at",
    ] {
        assert_eq!(item[published], json[published], "{published}");
    }
}

#[test]
fn limits_are_obeyed_and_never_clamped() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let mut made: Vec<_> = (0..55)
        .map(|_| admin.dispatch(node.id, "probe").to_string())
        .collect();
    made.reverse();
    for (limit, count) in [("1", 1), ("2", 2), ("54", 54), ("55", 55), ("200", 55)] {
        let page = page(&admin, &format!("limit={limit}"));
        assert_eq!(ids(&page), made[..count], "{limit}");
        assert_eq!(page.get("next_cursor").is_some(), count < 55, "{limit}");
    }
    let by_default = page(&admin, "");
    assert_eq!(
        (ids(&by_default).len(), by_default["next_cursor"].is_string()),
        (50, true)
    );
    let path = paths::executions(admin.project_id);
    for limit in [
        "0",
        "201",
        "-1",
        "1.0",
        "1e2",
        "0x10",
        "ten",
        "",
        "%31%",
        "99999999999999999999",
    ] {
        let answer = admin.get(&format!("{path}?limit={limit}"));
        let code = if limit == "%31%" {
            "invalid_query"
        } else {
            "invalid_limit"
        };
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{limit}");
    }
    // 0 is the one value that plexctl itself takes for "the server's default".
    let project = admin.project_id.to_string();
    let list = |limit: &str| admin.plexctl(&["exec-log", "list", "--project", &project, "--limit", limit]);
    assert_eq!(list("0").expect(0).text().lines().count(), 52);
    assert!(list("201").expect(1).stderr.contains("invalid_limit"));
}

#[test]
fn repeated_and_unparsable_parameters_are_refused() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let path = paths::executions(admin.project_id);
    for query in [
        "limit=1&limit=1",
        "status=failed&status=failed",
        "action_name=a&action_name=b",
        "cursor=a&cursor=b",
        "order=asc&order=desc",
        "status=Failed",
        "status=sleeping",
        "status=",
        "order=up",
        "created_from=noon",
        "created_from=2026-01-01T00:00:00Z&created_from=2026-01-01T00:00:00Z",
        "action_name=%ff",
        "action_name=%zz",
        "status=fail%65d&st%61tus=failed",
    ] {
        assert_eq!(admin.get(&format!("{path}?{query}")).status, 400, "{query}");
    }
    assert_eq!(admin.get(&format!("{path}?status=fail%65d")).status, 200);
}

#[test]
fn a_wide_execution_is_cut_in_the_list_and_whole_in_get() {
    let control_plane = ControlPlane::start();
    let token = plex_tests::bootstrap_token(&control_plane, 101, &json!({"wide": "yes"}));
    for n in 0..101 {
        let node = SimulatedNode::redeem(&control_plane, &token, &format!("n{n}"));
        node.capabilities(&Manifest::of(&["probe"])).expect(200);
    }
    let admin = control_plane.admin();
    let execution = admin.dispatched(&json!({"action": "probe", "selector": "wide=yes"}));
    let item = page(&admin, "")["items"][0].clone();
    assert_eq!(
        (
            item["targets"].as_array().unwrap().len(),
            &item["targets_truncated"]
        ),
        (100, &true.into())
    );
    assert_eq!(item["target_counts"]["pending"], 101);
    let whole = admin.execution(execution);
    assert_eq!(
        (
            whole["targets"].as_array().unwrap().len(),
            whole.get("targets_truncated")
        ),
        (101, None)
    );
    assert_eq!(
        item["targets"].as_array().unwrap()[..],
        whole["targets"].as_array().unwrap()[..100]
    );
    let project = admin.project_id.to_string();
    let text = admin
        .plexctl(&["exec-log", "list", "--project", &project])
        .expect(0)
        .text();
    assert!(text.contains(" 0/101 "), "{text}");
}
