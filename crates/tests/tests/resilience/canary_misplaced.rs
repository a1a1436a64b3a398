//! Canaries in the wrong place: credentials in paths, queries, bodies and headers where they do not belong, while the
//! server logs all it can; and what other users of the machine see of running programs.

use crate::JOB;
use crate::canary::{METRICS, Said};
use http::Method;
use plex_api::paths;
use plex_tests::{Agent, Answer, ControlPlane, Operator, SimulatedNode, bootstrap_token, until};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::time::Duration;

/// A credential of every kind, each genuine.
fn secrets(control_plane: &ControlPlane) -> Vec<(&'static str, String)> {
    let node = SimulatedNode::register(control_plane, "holder");
    vec![
        ("an API token", control_plane.admin().with_role("viewer").token),
        ("a bootstrap token", bootstrap_token(control_plane, 1, &json!({}))),
        ("a node's key", node.bearer),
        ("a session", "Session_canary_9d2f4c61a7e3".to_owned()),
        ("a CSRF token", "Csrf_canary_51b8e0f7c2d9".to_owned()),
    ]
}

/// What the sender alone is told again: the path that it asked for.
fn without_instance(mut answer: Answer) -> Answer {
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) {
        body.remove("instance");
        answer.body = Value::Object(body).to_string().into_bytes();
    }
    answer
}

#[test]
fn a_credential_in_the_wrong_place_is_repeated_and_kept_nowhere() {
    let control_plane = ControlPlane::start_logging(METRICS, Some("trace"));
    let (admin, mut said) = (control_plane.admin(), Said::default());
    let secrets = secrets(&control_plane);
    for (kind, secret) in &secrets {
        let mut hear = |way: &str, answer: Answer| {
            said.answer(&format!("{kind} in {way}"), &without_instance(answer));
        };
        in_urls(&admin, secret, &mut hear);
        in_bodies(&admin, secret, &mut hear);
        in_headers(&control_plane, secret, &mut hear);
        for bytes in malformed(secret) {
            let mut raw = control_plane.raw();
            // The server may refuse before it has read all of it.
            let _ = raw.write_all(&bytes);
            said.hear(&format!("{kind} in a broken message"), raw.rest());
        }
    }
    let log = control_plane.log();
    assert!(log.contains("\"DEBUG\""), "the server does not say all it can");
    said.hear("the server's log", log);
    said.hear("the metrics", control_plane.metrics_text());
    said.read(&control_plane.data_dir());
    for (_, secret) in &secrets {
        said.assert_silent_about(secret);
    }
}

fn in_urls(admin: &Operator, secret: &str, hear: &mut impl FnMut(&str, Answer)) {
    for path in [
        format!("/{secret}"),
        format!("/v1/{secret}"),
        format!("/v1/domains/{secret}"),
        format!("/v1/projects/{secret}/executions"),
        format!("/v1/nodes/{secret}/state"),
        format!("/v1/objects/node/{secret}/labels"),
        format!("/local/{secret}?expires=1&signature={secret}"),
        format!("{}?limit={secret}", paths::PROJECTS),
        format!("{}?cursor={secret}", paths::PROJECTS),
        format!("{}?domain_id={secret}", paths::PROJECTS),
        format!("{}?token={secret}", paths::PROJECTS),
        format!("{}?{secret}={secret}&{secret}={secret}", paths::PROJECTS),
        format!("{}?selector={secret}%3D%3D", paths::NODES),
        format!("{}?project_id={secret}", paths::RELATION_TUPLES),
        format!("{}?status={secret}", paths::executions(admin.project_id)),
    ] {
        hear("a URL", admin.get(&path));
        hear("a URL", admin.delete(&path));
    }
}

fn in_bodies(admin: &Operator, secret: &str, hear: &mut impl FnMut(&str, Answer)) {
    let node = uuid::Uuid::now_v7();
    let dispatch = paths::dispatch(admin.project_id);
    for (path, body) in [
        (
            paths::DOMAINS,
            json!({"name": "x", "slug": secret, "token": secret}).to_string(),
        ),
        (
            paths::DOMAINS,
            json!({"name": {"x": secret}, "slug": "x"}).to_string(),
        ),
        (
            paths::TOKENS,
            json!({"identity_ref": secret, "env_prefix": "prod"}).to_string(),
        ),
        (
            paths::TOKENS,
            json!({"identity_ref": "x", "env_prefix": secret}).to_string(),
        ),
        (
            paths::AUTHZ_CHECK,
            json!({"subject": secret, "relation": secret, "resource": secret}).to_string(),
        ),
        (paths::REGISTER, json!({"bootstrap_token": secret}).to_string()),
        (&dispatch, json!({"action": secret, "node_id": node}).to_string()),
        (
            &dispatch,
            json!({"action": "x", "selector": format!("{secret}==")}).to_string(),
        ),
        (
            &dispatch,
            json!({"action": "x", "type": secret, "node_id": node}).to_string(),
        ),
        (
            &dispatch,
            format!(r#"{{"action":"x","parameters":{{"{secret}":1,"{secret}":2}},"node_id":"{node}"}}"#),
        ),
        (&dispatch, format!(r#"{{"{secret}": "#)),
        (&dispatch, secret.to_owned()),
        (&dispatch, format!("{}{secret}", " ".repeat(300 * 1024))),
    ] {
        hear("a body", admin.post_raw(path, body.as_bytes(), &[]));
    }
    let headers = [("content-type", "text/plain")];
    hear(
        "a body",
        admin.send(&Method::POST, paths::DOMAINS, &headers, Some(secret.as_bytes())),
    );
}

fn in_headers(control_plane: &ControlPlane, secret: &str, hear: &mut impl FnMut(&str, Answer)) {
    let (web, admin) = (control_plane.web(), control_plane.admin());
    for (name, value) in [
        ("authorization", format!("Basic {secret}")),
        ("authorization", format!("Bearer {secret}{secret}")),
        ("authorization", secret.to_owned()),
        (
            "cookie",
            format!("plexsphere_session={secret}; plexsphere_csrf={secret}"),
        ),
        ("x-plexsphere-csrf", secret.to_owned()),
        ("x-api-key", secret.to_owned()),
        ("content-type", secret.to_owned()),
        ("content-encoding", secret.to_owned()),
        ("accept", secret.to_owned()),
    ] {
        let headers = [(name, value.as_str())];
        hear(name, web.send(&Method::GET, paths::WHOAMI, &headers, None));
        hear(
            name,
            web.send(&Method::POST, paths::DOMAINS, &headers, Some(b"{}")),
        );
        if name != "authorization" {
            hear(name, admin.send(&Method::GET, paths::WHOAMI, &headers, None));
        }
    }
    let headers = [("idempotency-key", secret)];
    hear(
        "a key",
        admin.post_raw(&paths::dispatch(admin.project_id), b"{}", &headers),
    );
}

fn malformed(secret: &str) -> Vec<Vec<u8>> {
    let texts = [
        format!("{secret}\r\n\r\n"),
        format!("GET /v1/{secret} HTTP/9.9\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {secret} {secret}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\n{secret} x: y\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: {secret}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {secret}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", secret.repeat(4000)),
    ];
    texts.map(String::into_bytes).into()
}

#[test]
fn a_failing_plexctl_gives_no_token_away() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let stranger = admin.with_token(&format!("psk_prod_{}", "b".repeat(52)));
    let nowhere = Operator::offline();
    let mut said = Said::default();
    for operator in [&admin, &stranger, &nowhere] {
        for arguments in [
            &["whoami"][..],
            &["whoami", "--output", "json"],
            &["profile", "list"],
            &["profile", "list", "--output", "json"],
            &["domain", "get", "no-such-id"],
            &["project", "list", "--cursor", "made-up"],
            &["token", "revoke", "00000000-0000-0000-0000-000000000001"],
            &["no-such-command"],
        ] {
            let ran = operator.plexctl(arguments);
            said.hear(&format!("plexctl {arguments:?}"), ran.stdout);
            said.hear(&format!("plexctl {arguments:?}"), ran.stderr);
        }
    }
    for operator in [&admin, &stranger, &nowhere] {
        said.assert_silent_about(&operator.token);
    }
}

/// What `ps` shows of every process that this user can see.
fn processes() -> Said {
    let mut said = Said::default();
    for entry in fs::read_dir("/proc")
        .expect("Linux has it")
        .filter_map(Result::ok)
    {
        let is_process = entry
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|byte| byte.is_ascii_digit());
        for file in ["cmdline", "environ"].into_iter().filter(|_| is_process) {
            let path = entry.path().join(file);
            // It may have ended, or be another user's.
            said.hear(&path.display().to_string(), fs::read(&path).unwrap_or_default());
        }
    }
    said
}

#[test]
fn no_argument_and_no_environment_holds_a_secret() {
    const CANARY: &str = "canary-of-processes-4b7d19e2";
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let agent = Agent::start(&control_plane, "watched");
    agent.hook_with(
        "job",
        JOB,
        &json!({"parameters": [{"name": "password", "secret": true}]}),
    );
    fs::write(agent.scratch().join("hold"), "").unwrap();
    let order = json!({
        "action": "job",
        "type": "hook",
        "node_id": agent.node_id(),
        "parameters": {"password": CANARY},
    });
    let execution = admin.dispatched(&order);
    until("the hook to run", Duration::from_secs(60), || {
        agent.scratch().join("count").exists().then_some(())
    });
    let said = processes();
    fs::remove_file(agent.scratch().join("hold")).unwrap();
    let identity = fs::read_to_string(agent.state_dir().join("identity.json")).unwrap();
    let identity: Value = serde_json::from_str(&identity).unwrap();
    let bootstrap = fs::read_to_string(agent.state_dir().with_file_name("bootstrap.token")).unwrap();
    for secret in [
        CANARY,
        &admin.token,
        &bootstrap,
        identity["nsk"].as_str().unwrap(),
    ] {
        said.assert_silent_about(secret);
    }
    assert_eq!(admin.ended(execution)["targets"][0]["status"], "succeeded");
}
