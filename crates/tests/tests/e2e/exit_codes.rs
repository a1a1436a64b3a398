//! Each exit code of `plexctl`, each by a real cause, and what stands on stdout and stderr with it.

use plex_tests::{ControlPlane, Operator, Ran, SimulatedNode, StandIn};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Stdio;
use uuid::Uuid;

const ID: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";

/// Runs the command against another server than the operator's own.
fn at(operator: &Operator, url: &str, arguments: &[&str]) -> Ran {
    let mut command = operator.command(arguments);
    command
        .env("PLEXSPHERE_URL", url)
        .env_remove("PLEXSPHERE_CA_FILE");
    Ran::of(command, b"")
}

/// The failure is told once, in text and as JSON, and stdout stays empty.
fn told(run: impl Fn(&[&str]) -> Ran, arguments: &[&str], code: i32) -> (String, Value) {
    let text = run(arguments).expect(code);
    assert!(
        text.stdout.is_empty(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&text.stdout)
    );
    let lines: Vec<_> = text.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{arguments:?}: {}", text.stderr);
    assert!(
        lines.len() <= 2 && lines.get(1).is_none_or(|line| line.starts_with("hint: ")),
        "{}",
        text.stderr
    );
    assert!(
        !text.stderr.contains('\x1b') && !text.stderr.contains("panicked"),
        "{}",
        text.stderr
    );

    let json = run(&[arguments, &["--output", "json"]].concat()).expect(code);
    assert!(json.stdout.is_empty(), "{arguments:?}");
    let document: Value = serde_json::from_str(&json.stderr).unwrap_or_else(|error| {
        panic!(
            "{arguments:?}: stderr is not one JSON document ({error}): {}",
            json.stderr
        )
    });
    assert!(document.is_object(), "{arguments:?}");
    (text.stderr, document)
}

#[test]
fn zero_when_it_was_done_and_rendered() {
    let control_plane = ControlPlane::start();
    let (admin, project) = (control_plane.admin(), control_plane.project_id().to_string());
    for output in ["text", "json", "yaml"] {
        let ran = admin
            .plexctl(&["exec-log", "list", "--project", &project, "--output", output])
            .expect(0);
        assert_eq!(ran.stderr, "");
        assert!(!ran.stdout.is_empty() && ran.stdout.ends_with(b"\n"), "{output}");
    }
}

#[test]
fn one_for_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let operator = Operator::offline();
    let (_, document) = told(
        |arguments| at(&operator, &url, arguments),
        &["exec-log", "list", "--project", ID],
        1,
    );
    assert_eq!(document["exit_code"], 1);
}

#[test]
fn one_for_a_certificate_that_nobody_vouches_for() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let run = |arguments: &[&str]| at(&admin, control_plane.url(), arguments);
    let (text, _) = told(run, &["whoami"], 1);
    assert!(text.contains("--ca-file"), "the remedy is named: {text}");
}

#[test]
fn one_for_a_404_with_status_code_and_correlation_id() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let project = control_plane.project_id().to_string();
    let run = |arguments: &[&str]| admin.plexctl(arguments);
    let (text, document) = told(run, &["exec-log", "get", "--project", &project, "--id", ID], 1);
    assert!(
        text.contains("HTTP 404") && text.contains("execution_not_found"),
        "{text}"
    );
    assert_eq!(
        (&document["status"], &document["code"]),
        (&404.into(), &"execution_not_found".into())
    );
    let correlation = document["correlation_id"].as_str().unwrap();
    assert!(
        Uuid::parse_str(correlation).is_ok() && text.contains("correlation id "),
        "{text}"
    );
}

#[test]
fn one_for_a_500_of_the_real_server() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.succeed(execution, b"out");
    assert!(control_plane.terminate().success());
    // Somebody lost an output: what the log says is there is not.
    assert_eq!(control_plane.database().execute("delete from outputs"), Ok(1));
    control_plane.restart();
    let (project, id) = (control_plane.project_id().to_string(), execution.to_string());
    let run = |arguments: &[&str]| admin.plexctl(arguments);
    let (text, document) = told(run, &["exec-log", "get", "--project", &project, "--id", &id], 1);
    assert!(text.contains("HTTP 500") && text.contains("internal"), "{text}");
    assert_eq!(document["code"], "internal");
    assert!(
        !document.to_string().contains("output"),
        "no inner text: {document}"
    );
    let correlation = document["correlation_id"].as_str().unwrap();
    assert!(control_plane.log().contains(correlation), "the log has the cause");
}

#[test]
fn one_for_a_body_that_is_not_the_contracts() {
    let operator = Operator::offline();
    let list = ["exec-log", "list", "--project", ID];
    let get = ["exec-log", "get", "--project", ID, "--id", ID];
    for body in [
        "<html>hello</html>",
        "",
        "{",
        "[]",
        "null",
        r#"{"items":5}"#,
        r#"{"items":[{}]}"#,
        "{\"items\":[]",
    ] {
        let server = StandIn::answering(200, "application/json", body.as_bytes());
        for arguments in [&list[..], &get[..]] {
            let (text, _) = told(|arguments| at(&operator, &server.url(), arguments), arguments, 1);
            assert!(!text.contains("HTTP"), "{text}");
        }
    }
}

#[test]
fn one_for_a_body_that_breaks_off_after_a_target() {
    let target = |n: u8| {
        format!(
            r#"{{"node_id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a{n}","status":"succeeded",
            "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:01Z",
            "output_ref":{{"kind":"inline","inline_bytes":"aGk="}}}}"#
        )
    };
    let body = format!(
        r#"{{"id":"{ID}","project_id":"{ID}","domain_id":"{ID}","action":"a","type":"hook","status":"succeeded",
        "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:01Z",
        "target_counts":{{"succeeded":3}},"targets":[{},{},{{"node_id":"#,
        target(1),
        target(2)
    );
    let length = body.len() + 500;
    let server = StandIn::saying(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    let operator = Operator::offline();
    let get = ["exec-log", "get", "--project", ID, "--id", ID];
    let text = at(&operator, &server.url(), &get).expect(1);
    assert_eq!(
        text.stderr.lines().next(),
        Some("error: response cut off after target 2")
    );
    assert!(
        text.text().contains("a1 succeeded bytes=2 <==\nhi\n==>"),
        "what came whole was shown"
    );
    for output in ["json", "yaml"] {
        let whole = at(
            &operator,
            &server.url(),
            &[&get[..], &["--output", output]].concat(),
        )
        .expect(1);
        assert!(
            whole.stdout.is_empty(),
            "{output} shows nothing that was not whole"
        );
        assert!(
            whole.stderr.contains("response cut off after target 2"),
            "{}",
            whole.stderr
        );
    }
}

#[test]
fn two_for_bad_input_and_nothing_leaves_the_machine() {
    let server = StandIn::answering(200, "application/json", b"{}");
    let operator = Operator::offline();
    let lines: &[&[&str]] = &[
        &["exec-log", "list", "--project", ID, "--no-such-flag"],
        &["exec-log", "lst"],
        &["no-such-command"],
        &["exec-log", "list"],
        &["exec-log", "get", "--project", ID],
        &["exec-log", "list", "--project", "not-a-uuid"],
        &[
            "exec-log",
            "list",
            "--project",
            "00000000-0000-0000-0000-000000000000",
        ],
        &[
            "exec-log",
            "get",
            "--project",
            ID,
            "--id",
            "0190a8b8c2d27c2c8c2cc2c2c2c2c2c2",
        ],
        &["exec-log", "list", "--project", ID, "--status", "sleeping"],
        &["exec-log", "list", "--project", ID, "--limit", "many"],
        &["exec-log", "list", "--project", ID, "--limit", "-1"],
        &["exec-log", "list", "--project", ID, "--all", "--cursor", "x"],
        &["action", "dispatch", "--project", ID, "--action", "a"],
        &[
            "action",
            "dispatch",
            "--project",
            ID,
            "--action",
            "a",
            "--node",
            ID,
            "--selector",
            "k=v",
        ],
        &[
            "action",
            "dispatch",
            "--project",
            ID,
            "--action",
            "a",
            "--node",
            ID,
            "--type",
            "script",
        ],
        &[
            "action",
            "dispatch",
            "--project",
            ID,
            "--action",
            "a",
            "--node",
            ID,
            "--parameters",
            "[1]",
        ],
        &[
            "action",
            "dispatch",
            "--project",
            ID,
            "--action",
            "a",
            "--node",
            ID,
            "--timeout-seconds",
            "86401",
        ],
        &["node", "revoke", ID],
    ];
    for line in lines {
        let (_, document) = told(|arguments| at(&operator, &server.url(), arguments), line, 2);
        assert_eq!(document["exit_code"], 2, "{line:?}");
    }
    // A server that none of flag, environment and profile names.
    let run = |arguments: &[&str]| {
        let mut command = operator.command(arguments);
        command.env_remove("PLEXSPHERE_URL");
        Ran::of(command, b"")
    };
    let (text, _) = told(run, &["exec-log", "list", "--project", ID], 2);
    assert!(text.contains("hint: "), "{text}");
    assert_eq!(server.heads(), Vec::<String>::new());
}

#[test]
fn three_without_a_credential_that_is_ones_own() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let bare = |arguments: &[&str]| {
        let mut command = admin.command(arguments);
        command.env_remove("PLEXSPHERE_TOKEN");
        Ran::of(command, b"")
    };
    told(bare, &["whoami"], 3);

    let shared = admin.token_file(0o644);
    let (text, _) = told(bare, &["whoami", "--token-file", shared.to_str().unwrap()], 3);
    assert!(text.contains("hint: chmod 600 "), "{text}");
    assert!(!text.contains(&admin.token));
    let own = admin.token_file(0o600);
    bare(&["whoami", "--token-file", own.to_str().unwrap()]).expect(0);

    let stranger = admin.with_token(&format!("psk_prod_{}", "a".repeat(52)));
    let (text, document) = told(|arguments| stranger.plexctl(arguments), &["whoami"], 3);
    assert!(text.contains("HTTP 401"), "{text}");
    assert_eq!(document["code"], "unauthenticated");
}

#[test]
fn three_for_a_configuration_that_others_can_read_and_for_clear_text() {
    use std::os::unix::fs::PermissionsExt as _;
    let operator = Operator::offline();
    let config = operator.home().join(".config/plexctl/config.json");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, r#"{"profiles":{}}"#).unwrap();
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (text, _) = told(|arguments| operator.plexctl(arguments), &["whoami"], 3);
    assert!(text.contains("hint: chmod 600 "), "{text}");

    std::fs::remove_file(&config).unwrap();
    let clear = |arguments: &[&str]| at(&operator, "http://192.0.2.1:8080", arguments);
    told(clear, &["whoami"], 3);
}

#[test]
fn four_for_any_other_403() {
    let operator = Operator::offline();
    let get = ["exec-log", "get", "--project", ID, "--id", ID];
    let proxy = StandIn::answering(403, "text/html", b"<html>go away</html>");
    let (text, _) = told(|arguments| at(&operator, &proxy.url(), arguments), &get, 4);
    assert!(text.contains("HTTP 403") && !text.contains("<html>"), "{text}");

    let problem = br#"{"type":"x","title":"Forbidden","status":403,"detail":"no","instance":"/","code":"csrf_token_mismatch","correlation_id":"c"}"#;
    let server = StandIn::answering(403, "application/problem+json", problem);
    let (_, document) = told(|arguments| at(&operator, &server.url(), arguments), &get, 4);
    assert_eq!(document["code"], "csrf_token_mismatch");
}

#[test]
fn seventy_seven_for_a_viewer_who_dispatches() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let viewer = control_plane.admin().with_role("viewer");
    let (project, node) = (control_plane.project_id().to_string(), node.id.to_string());
    let dispatch = [
        "action",
        "dispatch",
        "--project",
        &project,
        "--action",
        "probe",
        "--node",
        &node,
    ];
    let (text, document) = told(|arguments| viewer.plexctl(arguments), &dispatch, 77);
    assert!(
        text.contains("HTTP 403") && text.contains("rebac_denied"),
        "{text}"
    );
    assert_eq!(
        (&document["code"], &document["reason"]),
        (&"rebac_denied".into(), &"insufficient_relation".into())
    );
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    // More than a pipe holds, so that the command is still writing when its reader goes.
    let execution = admin.dispatch(node.id, "probe");
    node.succeed(execution, &[b'x'; 16_384]);
    let (project, id) = (control_plane.project_id().to_string(), execution.to_string());
    let mut command = admin.command(&["exec-log", "get", "--project", &project, "--id", &id]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(command);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn flag_before_environment_before_profile() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let (viewer, operator) = (admin.with_role("viewer"), admin.with_role("operator"));
    let subject = |ran: Ran| {
        let me: Value = serde_json::from_slice(&ran.expect(0).stdout).expect("whoami prints JSON");
        me["subject"].as_str().expect("whoami has a subject").to_owned()
    };
    let who = |operator: &Operator| subject(operator.plexctl(&["whoami", "--output", "json"]));
    let (ids, home) = ([who(&admin), who(&operator), who(&viewer)], &admin);
    let file = |operator: &Operator| operator.token_file(0o600).to_str().unwrap().to_owned();

    // The profile is the viewer's, the environment the operator's, the flag the admin's.
    let (server, ca) = (control_plane.url(), control_plane.ca_file().to_str().unwrap());
    let add = [
        "profile",
        "add",
        "p",
        "--server",
        server,
        "--ca-file",
        ca,
        "--token-file",
        &file(&viewer),
    ];
    home.plexctl(&add).expect(0);
    let mut by_profile = home.command(&["whoami", "--output", "json"]);
    by_profile
        .env_remove("PLEXSPHERE_TOKEN")
        .env_remove("PLEXSPHERE_URL")
        .env_remove("PLEXSPHERE_CA_FILE");
    assert_eq!(subject(Ran::of(by_profile, b"")), ids[2]);
    let mut by_environment = home.command(&["whoami", "--output", "json"]);
    by_environment.env("PLEXSPHERE_TOKEN", &operator.token);
    assert_eq!(subject(Ran::of(by_environment, b"")), ids[1]);
    let mut by_flag = home.command(&["whoami", "--output", "json", "--token-file", &file(&admin)]);
    by_flag.env("PLEXSPHERE_TOKEN", &operator.token);
    assert_eq!(subject(Ran::of(by_flag, b"")), ids[0]);
}
