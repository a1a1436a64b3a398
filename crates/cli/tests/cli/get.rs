//! `exec-log get`, to the byte.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Server, execution, inline, target};
use serde_json::json;

const OTHER: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a4";

fn get(more: &str) -> String {
    format!("exec-log get --project {PROJECT} --id {EXECUTION} {more}")
}

fn archived() -> serde_json::Value {
    json!({"kind": "object_store", "bucket": "local", "key": "executions/a", "sha256": "00ff"})
}

#[test]
fn the_very_bytes_come_out() {
    let bytes: Vec<u8> = (0..16_384u32).map(|n| (n * 7 % 256) as u8).collect();
    let body = execution(&[target(NODE, inline(&bytes)), target(OTHER, archived())]);
    let server = Server::always(Answer::json(&body));
    let ran = Operator::of(&server).run(&get(""));
    assert!(ran.is_fine(), "{}", ran.stderr);
    let mut expected = format!(
        "id:      {EXECUTION}\nproject: {PROJECT}\naction:  rotate-keys (hook)\nstatus:  succeeded\n\
         created: 2026-01-01T00:00:00Z\nupdated: 2026-01-01T00:00:05Z\ntargets: 2/2 (2 succeeded)\n\n\
         ==> {NODE} succeeded bytes=16384 <==\n"
    )
    .into_bytes();
    expected.extend_from_slice(&bytes);
    expected.extend_from_slice(
        format!("\n==> {OTHER} succeeded archived <==\narchived: local/executions/a sha256:00ff\n")
            .as_bytes(),
    );
    assert!(ran.stdout == expected, "{}", String::from_utf8_lossy(&ran.stdout));
    assert_eq!(
        server.lines(),
        [format!("GET /v1/projects/{PROJECT}/executions/{EXECUTION}")]
    );
}

#[test]
fn bytes_prints_one_output_and_nothing_else() {
    let bytes = b"\0\xff\x1b[31m";
    let body = execution(&[target(NODE, inline(bytes)), target(OTHER, archived())]);
    let operator = Operator::of(&Server::always(Answer::json(&body)));
    let ran = operator.run(&get(&format!("--bytes --node {NODE}")));
    assert!(ran.is_fine() && ran.stdout == bytes, "{ran:?}");
    operator.run(&get("--bytes")).assert_failed(2);
    let ran = operator.run(&get(&format!("--bytes --node {OTHER}")));
    ran.assert_failed(1);
    assert!(ran.stderr.contains("hint: plexctl action output"), "{ran:?}");
    operator
        .run(&get(&format!("--bytes --node {PROJECT}")))
        .assert_failed(1);

    let single = execution(&[target(NODE, inline(bytes))]);
    let ran = Operator::of(&Server::always(Answer::json(&single))).run(&get("--bytes"));
    assert!(ran.is_fine() && ran.stdout == bytes, "{ran:?}");
}

#[test]
fn node_narrows_every_format() {
    let body = execution(&[target(NODE, inline(b"mine")), target(OTHER, inline(b"other"))]);
    let operator = Operator::of(&Server::always(Answer::json(&body)));
    let text = operator.run(&get(&format!("--node {OTHER}")));
    assert!(
        text.text()
            .ends_with(&format!("\n\n==> {OTHER} succeeded bytes=5 <==\nother")),
        "{text:?}"
    );
    let narrowed = operator
        .run(&get(&format!("--node {OTHER} --output json")))
        .json();
    let mut expected = body.clone();
    expected["targets"].as_array_mut().expect("targets").remove(0);
    assert_eq!(narrowed, expected);
    operator.run(&get(&format!("--node {PROJECT}"))).assert_failed(1);
}

#[test]
fn a_body_that_breaks_off_is_told_and_documents_print_nothing() {
    let body = execution(&[target(NODE, inline(b"first")), target(OTHER, inline(b"second"))]);
    let server = Server::always(Answer::json(&body).cut(40));
    let operator = Operator::of(&server);
    let ran = operator.run(&get(""));
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "error: response cut off after target 1\n");
    assert!(
        ran.text()
            .ends_with(&format!("==> {NODE} succeeded bytes=5 <==\nfirst")),
        "{ran:?}"
    );
    operator.run(&get("--output yaml")).assert_failed(1);
    let json = operator.run(&get("--output json"));
    assert!(json.code == Some(1) && json.stdout.is_empty(), "{json:?}");
}

#[test]
fn json_is_the_document_as_it_came() {
    let body = format!(
        "{{\"z\": 1.50, \"big\": 123456789012345678901234567890, {}",
        &execution(&[target(NODE, inline(b"x"))]).to_string()[1..]
    );
    let ran = Operator::of(&Server::always(Answer::ok(&body))).run(&get("--output json"));
    assert!(ran.is_fine(), "{ran:?}");
    assert_eq!(ran.text(), format!("{body}\n"));
    let yaml = Operator::of(&Server::always(Answer::ok(&body))).run(&get("--output yaml"));
    assert!(yaml.is_fine(), "{yaml:?}");
    assert!(
        yaml.text().contains("big: 123456789012345678901234567890\n"),
        "{yaml:?}"
    );
    assert!(yaml.text().contains("inline_bytes: eA=="), "{yaml:?}");
}

#[test]
fn ten_thousand_targets_stream() {
    let output = inline(&[b'o'; 1024]);
    let targets: Vec<_> = (0..10_000)
        .map(|n| target(&format!("0190a8b8-a0c0-7a0a-8a0a-{n:012}"), output.clone()))
        .collect();
    let mut body = execution(&targets);
    let in_order = Operator::of(&Server::always(Answer::json(&body))).run(&get(""));
    assert!(in_order.is_fine());
    assert_eq!(in_order.text().matches(" bytes=1024 <==\n").count(), 10_000);
    // Without the counts the sections wait for the end of the body, and come out the same.
    body.as_object_mut().expect("an object").remove("target_counts");
    let counted = Operator::of(&Server::always(Answer::json(&body))).run(&get(""));
    assert!(counted.is_fine() && counted.stdout == in_order.stdout);
}
