//! Dispatching, and fetching an output.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Server, TOKEN, execution, inline, target};
use serde_json::{Value, json};

fn dispatch(more: &[&str]) -> Vec<String> {
    let words = [
        "action",
        "dispatch",
        "--project",
        PROJECT,
        "--action",
        "rotate-keys",
        "--node",
        NODE,
    ];
    words.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn output(more: &str) -> String {
    format!("action output --project {PROJECT} --id {EXECUTION} --node {NODE} {more}")
}

/// An object store, and a control plane whose log says that `digest` is in it.
fn archive(content: &'static [u8], digest: &str) -> (Server, Server) {
    let store = Server::always(Answer::ok(content));
    let place = format!("{}/local/executions/a?signature=s", store.url);
    let log = execution(&[target(
        NODE,
        json!({"kind": "object_store", "bucket": "local", "key": "executions/a", "sha256": digest}),
    )]);
    let control_plane = Server::answering(move |asked, _| match asked.line.ends_with("/output") {
        true => Answer::new("303 See Other", &[("Location", &place)], ""),
        false => Answer::json(&log),
    });
    (control_plane, store)
}

const CONTENT: &[u8] = b"\0large\xff";
const DIGEST: &str = "5fd6d86ef92ebbcabf2e7a9f5d3a8c6e3f1d2c4b5a69788796a5b4c3d2e1f001";

fn digest_of(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn parameters_travel_token_by_token() {
    let server = Server::always(Answer::new(
        "201 Created",
        &[],
        execution(&[target(NODE, Value::Null)]).to_string(),
    ));
    let operator = Operator::of(&server);
    let parameters = r#"{"n": 1.0, "big": 123456789012345678901234567890, "a": "b"}"#;
    let ran = operator.run_words(dispatch(&[
        "--type",
        "hook",
        "--timeout-seconds",
        "5",
        "--parameters",
        parameters,
    ]));
    assert!(ran.is_fine(), "{ran:?}");
    assert!(
        ran.text().starts_with(&format!("id:      {EXECUTION}\n")),
        "{ran:?}"
    );
    let asked = &server.asked()[0];
    assert_eq!(
        asked.line,
        format!("POST /v1/projects/{PROJECT}/executions/dispatch")
    );
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(
        asked.body,
        format!(
            r#"{{"action":"rotate-keys","type":"hook","parameters":{parameters},"timeout_seconds":5,"node_id":"{NODE}"}}"#
        )
    );
    let path = operator.file("parameters.json", 0o644, &format!(" {parameters}\n"));
    let path = path.to_str().expect("UTF-8");
    assert!(
        operator
            .run_words(dispatch(&["--parameters-file", path]))
            .is_fine()
    );
    assert!(server.asked()[1].body.contains(parameters));
}

#[test]
fn a_dispatch_is_repeated_under_one_key_and_a_new_one_has_another() {
    let server = Server::answering(|_, before| match before {
        0 => Answer::nothing(),
        1 => Answer::new("502 Bad Gateway", &[], ""),
        2 => Answer::new("503 Service Unavailable", &[("Retry-After", "0")], ""),
        _ => Answer::new("201 Created", &[], execution(&[]).to_string()),
    });
    let operator = Operator::of(&server);
    assert!(operator.run_words(dispatch(&[])).is_fine());
    assert!(operator.run_words(dispatch(&[])).is_fine());
    let keys: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 5);
    assert!(keys[0].as_ref().is_some_and(|key| key.len() == 36));
    assert!(keys[..4].iter().all(|key| *key == keys[0]) && keys[4] != keys[0]);
}

#[test]
fn what_is_not_safe_to_repeat_is_sent_once() {
    for answer in [
        Answer::nothing(),
        Answer::new("503 Service Unavailable", &[("Retry-After", "0")], ""),
    ] {
        let server = Server::always(answer);
        let operator = Operator::of(&server);
        operator
            .run(&format!("node revoke {NODE} --yes"))
            .assert_failed(1);
        operator
            .run(&format!("bootstrap-token issue --project {PROJECT}"))
            .assert_failed(1);
        assert_eq!(server.asked().len(), 2);
    }
    let server = Server::always(Answer::problem("429 Too Many Requests", "capacity_exceeded"));
    Operator::of(&server).run_words(dispatch(&[])).assert_failed(1);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn an_archived_output_is_fetched_without_the_token_and_checked() {
    let (control_plane, store) = archive(CONTENT, &digest_of(CONTENT));
    let operator = Operator::of(&control_plane);
    let ran = operator.run(&output(""));
    assert!(ran.is_fine() && ran.stdout == CONTENT, "{ran:?}");
    let asked = &store.asked()[0];
    assert_eq!(asked.line, "GET /local/executions/a?signature=s");
    assert!(
        asked.header("authorization").is_none(),
        "the token went to the object store"
    );
    assert!(!format!("{asked:?}").contains(TOKEN));

    assert!(operator.run(&output("--file out")).is_fine());
    assert_eq!(
        std::fs::read(operator.home().join("out")).expect("written"),
        CONTENT
    );
    operator.run(&output("--file out")).assert_failed(2);
    assert!(operator.run(&output("--file out --yes")).is_fine());
}

#[test]
fn a_changed_object_is_not_shown() {
    let (control_plane, _store) = archive(CONTENT, DIGEST);
    let operator = Operator::of(&control_plane);
    operator.run(&output("")).assert_failed(1);
    operator.run(&output("--file out")).assert_failed(1);
    let left: Vec<_> = std::fs::read_dir(operator.home()).expect("a directory").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_object_that_breaks_off_is_not_shown() {
    let log = execution(&[target(
        NODE,
        json!({"kind": "object_store", "bucket": "b", "key": "k"}),
    )]);
    let server = Server::answering(move |asked, _| match asked.line.ends_with("/output") {
        true => Answer::ok(CONTENT).cut(1),
        false => Answer::json(&log),
    });
    Operator::of(&server).run(&output("")).assert_failed(1);
}

#[test]
fn an_inline_output_needs_no_store() {
    let server = Server::always(Answer::json(&execution(&[target(NODE, inline(CONTENT))])));
    let ran = Operator::of(&server).run(&output(""));
    assert!(ran.is_fine() && ran.stdout == CONTENT, "{ran:?}");
    assert_eq!(server.asked().len(), 1);
    let server = Server::always(Answer::json(&execution(&[target(NODE, Value::Null)])));
    Operator::of(&server).run(&output("")).assert_failed(1);
}

#[test]
fn get_tells_errors_and_exit_codes_but_no_output() {
    let mut failed = target(NODE, inline(b"secret words"));
    failed["error"] = json!("timed out after 5 s");
    failed["node_name"] = json!("web-1");
    failed["exit_code"] = json!(-7);
    let mut body = execution(&[failed]);
    body["excluded"] = json!([{"node_id": PROJECT, "reason": "action_not_declared"}]);
    let server = Server::always(Answer::json(&body));
    let ran = Operator::of(&server).run(&format!("action get --project {PROJECT} --id {EXECUTION}"));
    assert!(ran.is_fine(), "{ran:?}");
    for part in [
        "web-1",
        "-7",
        "timed out after 5 s",
        "12 bytes",
        "action_not_declared",
    ] {
        assert!(ran.text().contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.text().contains("secret words"));
}

#[test]
fn outputs_that_are_not_shown_may_be_of_any_size() {
    let mut target = target(NODE, inline(b"secret words"));
    target["padding"] = "x".repeat(7 << 20).into();
    let server = Server::always(Answer::json(&execution(&vec![target; 10])));
    let get = format!("action get --project {PROJECT} --id {EXECUTION}");
    let ran = Operator::of(&server).run(&get);
    assert!(ran.is_fine(), "{}", ran.stderr);
    assert_eq!(
        ran.text().lines().filter(|line| line.starts_with(NODE)).count(),
        10
    );
}
