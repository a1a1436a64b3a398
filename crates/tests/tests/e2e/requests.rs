//! What `plexctl` sends: only what it must, once where it must, and its token to nobody else.

use plex_tests::{ControlPlane, Operator, Ran, SimulatedNode, StandIn};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::Stdio;

const ID: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";
const EMPTY_PAGE: &[u8] = br#"{"items":[]}"#;

fn at(operator: &Operator, server: &StandIn, arguments: &[&str]) -> Ran {
    let mut command = operator.command(arguments);
    command
        .env("PLEXSPHERE_URL", server.url())
        .env_remove("PLEXSPHERE_CA_FILE");
    Ran::of(command, b"")
}

/// Method and target of a request.
fn line(head: &str) -> String {
    let mut words = head.split_whitespace();
    format!(
        "{} {}",
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default()
    )
}

/// The value of a header, if it is there.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[test]
fn exec_log_reads_executions_and_nothing_else() {
    let operator = Operator::offline();
    let server = StandIn::answering(200, "application/json", EMPTY_PAGE);
    let path = format!("/v1/projects/{ID}/executions");
    let list = |more: &[&str]| {
        at(
            &operator,
            &server,
            &[&["exec-log", "list", "--project", ID][..], more].concat(),
        )
    };
    list(&[]).expect(0);
    list(&["--limit", "0"]).expect(0);
    list(&[
        "--status",
        "failed",
        "--action-name",
        "a b&c=d",
        "--limit",
        "7",
        "--cursor",
        "x.y~z_-",
    ])
    .expect(0);
    at(
        &operator,
        &server,
        &["exec-log", "get", "--project", ID, "--id", ID],
    )
    .expect(1);
    let heads = server.heads();
    let lines: Vec<_> = heads.iter().map(|head| line(head)).collect();
    assert_eq!(lines[..2], [format!("GET {path}"), format!("GET {path}")]);
    let (target, query) = lines[2].split_once('?').unwrap();
    let pairs: BTreeSet<_> = query.split('&').collect();
    assert_eq!(target, format!("GET {path}"));
    let space = if query.contains("a+b") { "+" } else { "%20" };
    let action = format!("action_name=a{space}b%26c%3Dd");
    assert_eq!(
        pairs,
        BTreeSet::from(["status=failed", &action, "limit=7", "cursor=x.y~z_-"])
    );
    assert_eq!(lines[3..], [format!("GET {path}/{ID}")]);
    let bearer = format!("Bearer {}", operator.token);
    assert!(
        heads
            .iter()
            .all(|head| header(head, "authorization") == Some(&bearer))
    );
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let operator = Operator::offline();
    let thief = StandIn::answering(200, "application/json", EMPTY_PAGE);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/v1/projects/{ID}/executions", thief.url());
        let server = StandIn::saying(format!(
            "HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ));
        let ran = at(&operator, &server, &["exec-log", "list", "--project", ID]).expect(1);
        assert!(
            ran.stdout.is_empty() && !ran.stderr.contains(&operator.token),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(thief.heads(), Vec::<String>::new());
}

#[test]
fn a_dispatch_is_repeated_under_one_key_and_other_writes_are_not() {
    let operator = Operator::offline();
    let busy = b"{\"type\":\"x\",\"title\":\"x\",\"status\":503,\"detail\":\"d\",\"instance\":\"/\",\"code\":\"datastore_unavailable\",\"correlation_id\":\"c\"}";
    let server = StandIn::answering(503, "application/problem+json", busy);
    let dispatch = [
        "action",
        "dispatch",
        "--project",
        ID,
        "--action",
        "probe",
        "--node",
        ID,
    ];
    at(&operator, &server, &dispatch).expect(1);
    let keys: Vec<_> = server
        .heads()
        .iter()
        .map(|head| header(head, "idempotency-key").expect("a key").to_owned())
        .collect();
    assert!(keys.len() > 1, "it tried again");
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1, "{keys:?}");

    let other = StandIn::answering(503, "application/problem+json", busy);
    at(&operator, &other, &dispatch).expect(1);
    assert_ne!(
        header(&other.heads()[0], "idempotency-key"),
        Some(keys[0].as_str()),
        "each dispatch has its own key"
    );

    for write in [
        &["bootstrap-token", "issue", "--project", ID][..],
        &["domain", "create", "--slug", "x"],
        &["token", "issue", "--user", ID],
        &[
            "rebac",
            "tuple",
            "add",
            "--project",
            ID,
            "--subject",
            "user:x",
            "--relation",
            "r",
            "--resource",
            "project:x",
        ],
    ] {
        let server = StandIn::answering(503, "application/problem+json", busy);
        at(&operator, &server, write).expect(1);
        assert_eq!(server.heads().len(), 1, "{write:?}");
    }
}

#[test]
fn a_dispatch_outlasts_a_restart_of_the_server_and_happens_once() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let (admin, project, id) = (
        control_plane.admin(),
        control_plane.project_id().to_string(),
        node.id.to_string(),
    );
    control_plane.kill9();
    let words = [
        "action",
        "dispatch",
        "--project",
        &project,
        "--action",
        "probe",
        "--node",
        &id,
        "--output",
        "json",
    ];
    let mut command = admin.command(&words);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Time for its first attempts, which find nobody.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it gave up at once");
    control_plane.restart();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let page = admin
        .get(&plex_api::paths::executions(admin.project_id))
        .expect(200)
        .json();
    assert_eq!(crate::ids(&page), [made["id"].as_str().unwrap()]);
}

#[test]
fn what_a_newer_server_says_is_shown_as_it_is() {
    let operator = Operator::offline();
    let execution = json!({
        "id": ID, "project_id": ID, "domain_id": ID, "action": "a", "type": "wasm", "status": "paused",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z", "mood": {"x": [1, null]},
        "targets": [{"node_id": ID, "status": "resting", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:01Z", "mood": "calm"}],
    });
    let one = StandIn::answering(200, "application/json", execution.to_string().as_bytes());
    let get = ["exec-log", "get", "--project", ID, "--id", ID];
    let text = at(&operator, &one, &get).expect(0).text();
    assert!(
        text.contains("a (wasm)") && text.ends_with(&format!("\n==> {ID} resting none <==\n")),
        "{text}"
    );
    let json = at(&operator, &one, &[&get[..], &["--output", "json"]].concat()).expect(0);
    assert_eq!(json.text().trim_end(), execution.to_string());
    let page = json!({"items": [execution], "next_cursor": "c", "total": 7});
    let many = StandIn::answering(200, "application/json", page.to_string().as_bytes());
    let list = ["exec-log", "list", "--project", ID];
    let text = at(&operator, &many, &list).expect(0).text();
    assert!(
        text.contains(" paused ") && text.ends_with("\nnext_cursor: c\n"),
        "{text}"
    );
    let json = at(&operator, &many, &[&list[..], &["--output", "json"]].concat()).expect(0);
    assert_eq!(json.text().trim_end(), page.to_string());
}

#[test]
fn what_a_server_says_cannot_write_to_the_terminal() {
    let operator = Operator::offline();
    let evil = "a\u{1b}[2Jb\nnext_cursor: forged\r\u{7}\u{9b}31m";
    let problem = json!({
        "type": "x", "title": evil, "status": 409, "detail": evil, "instance": "/", "code": evil, "correlation_id": evil,
    });
    let server = StandIn::answering(409, "application/problem+json", problem.to_string().as_bytes());
    let list = ["exec-log", "list", "--project", ID];
    let ran = at(&operator, &server, &list).expect(1);
    assert!(
        !ran.stderr
            .trim_end()
            .contains(['\u{1b}', '\r', '\u{7}', '\u{9b}']),
        "{:?}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .lines()
            .all(|line| line.starts_with("error: ") || line.starts_with("hint: ")),
        "{:?}",
        ran.stderr
    );

    let item = json!({
        "id": ID, "project_id": ID, "domain_id": ID, "action": evil, "type": "hook", "status": evil,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z", "targets": [],
    });
    let page = json!({"items": [item]}).to_string();
    let server = StandIn::answering(200, "application/json", page.as_bytes());
    let text = at(&operator, &server, &list).expect(0).text();
    assert!(
        !text.contains(['\u{1b}', '\r', '\u{7}', '\u{9b}']) && text.lines().count() == 2,
        "{text:?}"
    );
}
