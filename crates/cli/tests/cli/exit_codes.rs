//! Each exit code by a real cause.

use crate::actors::{Answer, EXECUTION, Operator, PROJECT, Server, TOKEN, execution};
use serde_json::{Value, json};
use std::net::TcpListener;

fn list() -> String {
    format!("exec-log list --project {PROJECT}")
}

fn get() -> String {
    format!("exec-log get --project {PROJECT} --id {EXECUTION}")
}

fn empty_page() -> Answer {
    Answer::json(&json!({"items": []}))
}

#[test]
fn done_is_0() {
    let server = Server::always(empty_page());
    let ran = Operator::of(&server).run(&list());
    assert!(ran.is_fine(), "{ran:?}");
    assert!(ran.text().starts_with("ID "), "{ran:?}");
    let asked = &server.asked()[0];
    assert_eq!(asked.line, format!("GET /v1/projects/{PROJECT}/executions"));
    assert_eq!(
        asked.header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[test]
fn help_and_version_are_0_and_on_stdout() {
    for line in [
        "--help",
        "--version",
        "exec-log --help",
        "exec-log get --help",
        "action dispatch --help",
    ] {
        let ran = Operator::bare().run(line);
        assert!(ran.is_fine() && !ran.stdout.is_empty(), "{line}: {ran:?}");
    }
    assert!(Operator::bare().run("--version").text().starts_with("plexctl "));
}

#[test]
fn a_refused_connection_is_1() {
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let operator = Operator::bare()
        .with("PLEXSPHERE_URL", &format!("http://127.0.0.1:{port}"))
        .with("PLEXSPHERE_TOKEN", TOKEN);
    operator.run(&list()).assert_failed(1);
}

#[test]
fn api_failures_are_1_and_tell_status_code_and_correlation_id() {
    for (status, code) in [
        ("404 Not Found", "execution_not_found"),
        ("409 Conflict", "hook_integrity_violation"),
        ("422 Unprocessable Entity", "selector_empty_cohort"),
        ("429 Too Many Requests", "capacity_exceeded"),
        ("500 Internal Server Error", "internal"),
    ] {
        let ran = Operator::of(&Server::always(Answer::problem(status, code))).run(&get());
        ran.assert_failed(1);
        for part in ["it was refused", &status[..3], code, "c-42"] {
            assert!(ran.stderr.contains(part), "{part}: {ran:?}");
        }
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::always(empty_page());
    let server = Server::always(Answer::new(
        "307 Temporary Redirect",
        &[("Location", &elsewhere.url)],
        "",
    ));
    Operator::of(&server).run(&list()).assert_failed(1);
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn a_body_that_is_not_the_contracts_is_1_and_prints_nothing() {
    let wrong = execution(&[]).to_string().replace("\"action\"", "\"act\"");
    for (line, body) in [
        (list(), "<html>hello</html>"),
        (list(), "{}"),
        (list(), r#"{"items":[{"id":"x"}]}"#),
        (list(), r#"{"items":[],"next_cursor":7}"#),
        (get(), "<html>hello</html>"),
        (get(), "[]"),
        (get(), &wrong),
    ] {
        for format in ["text", "yaml"] {
            let server = Server::always(Answer::ok(body));
            Operator::of(&server)
                .run(&format!("{line} --output {format}"))
                .assert_failed(1);
        }
        let server = Server::always(Answer::new("200 OK", &[("Content-Encoding", "gzip")], body));
        Operator::of(&server).run(&line).assert_failed(1);
    }
}

#[test]
fn bad_input_is_2_and_nothing_is_sent() {
    let server = Server::always(empty_page());
    let operator = Operator::of(&server);
    for line in [
        "exec-log".to_owned(),
        "nope".to_owned(),
        "exec-log list".to_owned(),
        format!("{} --nope", list()),
        format!("{} --status sleeping", list()),
        format!("{} --limit many", list()),
        format!("{} --all --cursor x", list()),
        format!("{} --output xml", list()),
        format!("{} --server ftp://127.0.0.1", list()),
        format!("{} --ca-file /nowhere", list()),
        format!("{} --profile nope", list()),
        "exec-log list --project 0190a8b8".to_owned(),
        "exec-log list --project 00000000-0000-0000-0000-000000000000".to_owned(),
        format!("{} --bytes --output yaml", get()),
        format!("action dispatch --project {PROJECT} --action a"),
        format!("action dispatch --project {PROJECT} --action a --node {EXECUTION} --selector a=b"),
        format!("action dispatch --project {PROJECT} --action a --node {EXECUTION} --parameters []"),
        format!("action dispatch --project {PROJECT} --action a --node {EXECUTION} --timeout-seconds 86401"),
        format!("node revoke {EXECUTION}"),
        "node revoke".to_owned(),
    ] {
        operator.run(&line).assert_failed(2);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn no_server_is_2_with_a_hint() {
    let ran = Operator::bare().with("PLEXSPHERE_TOKEN", TOKEN).run(&list());
    ran.assert_failed(2);
    assert!(
        ran.stderr.contains("hint: ") && ran.stderr.contains("PLEXSPHERE_URL"),
        "{ran:?}"
    );
}

#[test]
fn no_credential_is_3() {
    let server = Server::always(empty_page());
    let operator = Operator::bare().with("PLEXSPHERE_URL", &server.url);
    operator.run(&list()).assert_failed(3);
    operator
        .run(&format!("{} --token-file nowhere", list()))
        .assert_failed(3);
    operator.file("shared", 0o644, TOKEN);
    let ran = operator.run(&format!("{} --token-file shared", list()));
    ran.assert_failed(3);
    assert!(ran.stderr.contains("hint: chmod 600 shared"), "{ran:?}");
    assert!(server.asked().is_empty());

    operator.file("own", 0o600, &format!("{TOKEN}\n"));
    assert!(operator.run(&format!("{} --token-file own", list())).is_fine());
    assert_eq!(
        server.asked()[0].header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
}

#[test]
fn clear_text_to_another_host_is_3() {
    let operator = Operator::bare().with("PLEXSPHERE_TOKEN", TOKEN);
    operator
        .run(&format!("{} --server http://192.0.2.1:8080", list()))
        .assert_failed(3);
}

#[test]
fn a_401_is_3() {
    let server = Server::always(Answer::problem("401 Unauthorized", "unauthenticated"));
    Operator::of(&server).run(&list()).assert_failed(3);
}

#[test]
fn a_proxys_bare_403_is_4() {
    let server = Server::always(Answer::new("403 Forbidden", &[], "<html>Forbidden</html>"));
    Operator::of(&server).run(&list()).assert_failed(4);
    let server = Server::always(Answer::problem("403 Forbidden", "csrf_token_mismatch"));
    Operator::of(&server).run(&list()).assert_failed(4);
}

#[test]
fn a_gateways_own_json_is_not_taken_for_the_servers_problem() {
    let server = Server::always(Answer::new("403 Forbidden", &[], r#"{"message":"Forbidden"}"#));
    let ran = Operator::of(&server).run(&format!("{} --output json", list()));
    assert_eq!(ran.code, Some(4));
    let told: serde_json::Value = serde_json::from_str(&ran.stderr).expect("one object");
    assert_eq!(told["exit_code"], 4, "{told}");
}

#[test]
fn an_array_is_no_page() {
    let server = Server::always(Answer::ok("[[],null]"));
    Operator::of(&server).run(&list()).assert_failed(1);
}

#[test]
fn a_relation_denial_is_77() {
    let server = Server::always(Answer::problem("403 Forbidden", "rebac_denied"));
    let line = format!("action dispatch --project {PROJECT} --action a --selector role=web");
    let ran = Operator::of(&server).run(&line);
    ran.assert_failed(77);
    assert!(ran.stderr.contains("insufficient_relation"), "{ran:?}");
}

#[test]
fn with_json_stderr_is_exactly_one_object() {
    let error = |ran: crate::actors::Ran| -> Value {
        assert!(ran.stdout.is_empty(), "{ran:?}");
        let value: Value =
            serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert!(value.is_object());
        value
    };
    let denied = Server::always(Answer::problem("403 Forbidden", "rebac_denied"));
    let problem = error(Operator::of(&denied).run(&format!("{} --output json", list())));
    assert_eq!(problem["code"], "rebac_denied");
    assert_eq!(problem["reason"], "insufficient_relation");
    assert!(
        problem.get("exit_code").is_none(),
        "the document is the server's own"
    );

    let bare = Server::always(Answer::new("403 Forbidden", &[], "no"));
    assert_eq!(
        error(Operator::of(&bare).run(&format!("{} --output=json", list())))["exit_code"],
        4
    );
    for (line, code) in [
        ("--output json exec-log list", 2),
        ("nope --output=json", 2),
        (&format!("{} --output json", list()), 2),
        (&format!("{} --output json --server http://192.0.2.1", list()), 3),
    ] {
        let object = error(Operator::bare().run(line));
        assert_eq!(object["exit_code"], code, "{line}");
        assert_eq!(object.as_object().expect("an object").len(), 4);
        assert!(object["detail"].is_string() && object["hint"].is_string() && object["code"].is_string());
    }
}

#[test]
fn control_sequences_in_an_error_are_shown() {
    let problem = json!({"detail": "no\u{1b}[2J\nerror: forged", "code": "\u{9b}x"}).to_string();
    let server = Server::always(Answer::new("409 Conflict", &[], problem));
    let ran = Operator::of(&server).run(&list());
    ran.assert_failed(1);
    assert!(
        !ran.stderr.chars().any(|c| c.is_control() && c != '\n'),
        "{ran:?}"
    );
}
