use crate::testing::{NodeActor, TestApp};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use serde_json::{Value, json};

fn sum(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn hook(name: &str) -> Value {
    json!({
        "kind": "hook_checksum", "detected_by": "startup_scan", "artifact_id": name,
        "observed_checksum": sum(1), "expected_checksum": sum(2),
    })
}

fn host_key() -> Value {
    json!({
        "kind": "ssh_host_key", "detected_by": "inotify", "artifact_id": "/etc/ssh/key",
        "observed_fingerprint": "SHA256:abc",
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn without(mut body: Value, field: &str) -> Value {
    body.as_object_mut().unwrap().remove(field);
    body
}

async fn report(node: &NodeActor, violations: Value) -> (u16, Value) {
    let body = json!({"violations": violations});
    let (status, answer) = node.post(&paths::node_integrity_violations(node.id), body).await;
    (status.as_u16(), answer)
}

async fn listed(app: &TestApp) -> usize {
    let (_, page) = app.admin().get(paths::INTEGRITY_VIOLATIONS).await;
    page["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_batch_with_one_fault_is_refused_whole_with_its_code() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let cases = [
        (
            "integrity_violation_kind_invalid",
            with(hook("h"), "kind", json!("hook")),
        ),
        (
            "integrity_violation_detected_by_invalid",
            with(hook("h"), "detected_by", json!("luck")),
        ),
        (
            "integrity_violation_artifact_id_empty",
            with(hook("h"), "artifact_id", json!(" ")),
        ),
        (
            "integrity_violation_checksum_invalid",
            with(hook("h"), "observed_checksum", json!("AAAA")),
        ),
        (
            "integrity_violation_checksum_invalid",
            with(hook("h"), "expected_checksum", json!("AAAA")),
        ),
        (
            "integrity_violation_checksum_invalid",
            without(hook("h"), "observed_checksum"),
        ),
        (
            "integrity_violation_kind_mismatch",
            with(hook("h"), "observed_fingerprint", json!("SHA256:a")),
        ),
        (
            "integrity_violation_kind_mismatch",
            with(host_key(), "observed_checksum", json!(sum(1))),
        ),
        (
            "integrity_violation_host_key_fingerprint_invalid",
            with(host_key(), "observed_fingerprint", json!("MD5:a")),
        ),
        (
            "integrity_violation_host_key_fingerprint_invalid",
            with(host_key(), "expected_fingerprint", json!("SHA256:")),
        ),
        (
            "integrity_violation_host_key_fingerprint_invalid",
            without(host_key(), "observed_fingerprint"),
        ),
        (
            "malformed_integrity_violations_request",
            with(hook("h"), "extra", json!(1)),
        ),
        (
            "malformed_integrity_violations_request",
            with(hook("h"), "artifact_id", json!("x".repeat(4097))),
        ),
        (
            "malformed_integrity_violations_request",
            with(hook("h"), "artifact_id", json!("a\0")),
        ),
        (
            "malformed_integrity_violations_request",
            without(hook("h"), "kind"),
        ),
    ];
    for (code, bad) in cases {
        let (status, problem) = report(&node, json!([hook("good"), bad])).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)), "{problem}");
    }
    assert_eq!(
        report(&node, json!([])).await.1["code"],
        "integrity_violations_empty"
    );
    let path = paths::node_integrity_violations(node.id);
    let malformed = json!("malformed_integrity_violations_request");
    for body in [
        json!({}),
        json!({"violations": {}}),
        json!({"violations": [hook("h")], "x": 1}),
    ] {
        assert_eq!(node.post(&path, body).await.1["code"], malformed);
    }
    assert_eq!(listed(&app).await, 0, "a refused batch leaves nothing");
}

#[tokio::test]
async fn batches_are_bounded_in_number_and_in_bytes() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let small = |n: usize| {
        json!({"kind": "ssh_host_key", "detected_by": "inotify", "artifact_id": format!("{n}"),
            "observed_fingerprint": "SHA256:a"})
    };
    let most: Vec<_> = (0..128).map(small).collect();
    let (status, answer) = report(&node, json!(most)).await;
    assert_eq!(
        (status, &answer["violation_count"]),
        (200, &json!(128)),
        "{answer}"
    );
    let many: Vec<_> = (0..129).map(small).collect();
    let (status, problem) = report(&node, json!(many)).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &json!("integrity_violations_too_many"))
    );
    let large = with(hook("h"), "artifact_id", json!("x".repeat(33_000)));
    let (status, problem) = report(&node, json!([large])).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &json!("integrity_violations_body_too_large"))
    );
}

#[tokio::test]
async fn the_same_finding_is_one_open_violation_and_one_entry() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    for _ in 0..3 {
        let (status, answer) = report(&node, json!([hook("h"), hook("h"), host_key()])).await;
        assert_eq!((status, &answer["violation_count"]), (200, &json!(3)), "{answer}");
    }
    assert_eq!(listed(&app).await, 2);
    let entries = app.audit().await;
    let reports: Vec<_> = entries
        .iter()
        .filter(|row| row.relation == "report_integrity")
        .collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].identity, format!("node:{}", node.id));
}

#[tokio::test]
async fn a_node_with_too_many_open_violations_waits() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    for batch in 0..8 {
        let many: Vec<_> = (0..125).map(|n| hook(&format!("{batch}-{n}"))).collect();
        assert_eq!(report(&node, json!(many)).await.0, 200);
    }
    let body = json!({"violations": [hook("more")]});
    let path = paths::node_integrity_violations(node.id);
    let (status, headers, problem) = node.send("POST", &path, Some(body)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (429, &json!("rate_limited")));
    assert!(headers.contains_key("retry-after"));
}

#[tokio::test]
async fn only_the_node_itself_reports() {
    let app = TestApp::start().await;
    let (node, other) = (app.node("a").await, app.node("b").await);
    let path = paths::node_integrity_violations(node.id);
    let body = json!({"violations": [hook("h")]});
    let (status, problem) = other.post(&path, body.clone()).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("node_id_mismatch"))
    );
    let (status, problem) = app.admin().post(&path, body.clone()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("unauthorized")));
    app.admin().delete(&paths::node(node.id)).await;
    let (status, problem) = node.post(&path, body).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNAUTHORIZED, &json!("nsk_revoked"))
    );
}
