use crate::testing::{Actor, NodeActor, TestApp};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use serde_json::{Value, json};
use uuid::Uuid;

/// One report for each, apart in time, so that their order is known.
async fn report(node: &NodeActor, kind: &str, artifacts: &[&str]) {
    for artifact in artifacts {
        let violation = json!({
            "kind": kind, "detected_by": "startup_scan", "artifact_id": artifact,
            "observed_checksum": STANDARD.encode([1; 32]),
        });
        let path = paths::node_integrity_violations(node.id);
        let (status, answer) = node.post(&path, json!({"violations": [violation]})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn page(actor: &Actor, query: &str) -> Value {
    let (status, page) = actor
        .get(&format!("{}?{query}", paths::INTEGRITY_VIOLATIONS))
        .await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

async fn artifacts(actor: &Actor, query: &str) -> Vec<String> {
    let page = page(actor, query).await;
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["artifact_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see_and_every_filter_holds() {
    let app = TestApp::start().await;
    let elsewhere = app.project("elsewhere").await;
    let (a, b) = (app.node("a").await, app.node_in(elsewhere, "b").await);
    report(&a, "hook_checksum", &["one", "two"]).await;
    report(&b, "binary_checksum", &["plexd"]).await;
    let admin = app.admin();
    assert_eq!(artifacts(&admin, "").await, ["plexd", "two", "one"]);
    let viewer = app.user_with("viewer", app.project_id).await;
    assert_eq!(artifacts(&viewer, "").await, ["two", "one"]);
    assert_eq!(artifacts(&app.stranger().await, "").await, [""; 0]);
    let auditor = app.user_with("auditor", app.project_id).await;
    assert_eq!(artifacts(&auditor, "").await, [""; 0]);
    for (query, expected) in [
        (format!("project_id={elsewhere}"), vec!["plexd"]),
        (
            format!("domain_id={}", app.domain_id),
            vec!["plexd", "two", "one"],
        ),
        (format!("node_id={}", a.id), vec!["two", "one"]),
        ("kind=binary".to_owned(), vec!["plexd"]),
        ("kind=host_key".to_owned(), vec![]),
        ("status=open&limit=2".to_owned(), vec!["plexd", "two"]),
        ("status=acknowledged".to_owned(), vec![]),
        ("status=resolved".to_owned(), vec![]),
    ] {
        assert_eq!(artifacts(&admin, &query).await, expected, "{query}");
    }
    assert_eq!(artifacts(&viewer, &format!("node_id={}", b.id)).await, [""; 0]);
    let row = &page(&admin, "kind=binary").await["items"][0];
    assert_eq!((&row["node_id"], &row["status"]), (&json!(b.id), &json!("open")));
    for (query, code) in [
        ("domain_id=x", "invalid_domain_filter"),
        ("project_id=x", "invalid_project_id"),
        ("node_id=x", "invalid_query"),
        ("kind=hook_checksum", "invalid_query"),
        ("status=closed", "invalid_query"),
        ("limit=0", "invalid_limit"),
        ("cursor=x", "invalid_cursor"),
    ] {
        let (status, problem) = admin
            .get(&format!("{}?{query}", paths::INTEGRITY_VIOLATIONS))
            .await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_walk_shows_each_once_and_its_cursor_is_the_callers() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    report(&node, "hook_checksum", &["1", "2", "3", "4", "5"]).await;
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = page(&app.admin(), &format!("limit=2&cursor={next}")).await;
        let items = page["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["artifact_id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => next = cursor.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    let other = app.user_with("viewer", app.project_id).await;
    let path = |more: &str| format!("{}?cursor={next}{more}", paths::INTEGRITY_VIOLATIONS);
    let (status, problem) = other.get(&path("")).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("cursor_binding_mismatch"))
    );
    assert_eq!(
        app.admin().get(&path("&status=open")).await.1["code"],
        "invalid_cursor"
    );
}

#[tokio::test]
async fn a_violation_is_acknowledged_once_by_an_operator_and_audited() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    report(&node, "hook_checksum", &["h"]).await;
    let open = page(&app.admin(), "").await;
    let id: Uuid = open["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let path = paths::acknowledge_integrity_violation(id);
    let body = |reason: &str| json!({"reason": reason});
    let operator = app.user_with("operator", app.project_id).await;
    for reason in ["", "  ", "a\0", &"x".repeat(1025)] {
        let (status, problem) = operator.post(&path, body(reason)).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!("invalid_acknowledge_reason"))
        );
    }
    for bad in [json!({}), json!({"reason": "x", "more": 1}), json!({"reason": 1})] {
        assert_eq!(operator.post(&path, bad).await.1["code"], "invalid_body");
    }
    let viewer = app.user_with("viewer", app.project_id).await;
    let (status, problem) = viewer.post(&path, body("x")).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("rebac_denied")));
    let missing = paths::acknowledge_integrity_violation(Uuid::now_v7());
    let (status, problem) = app
        .stranger()
        .await
        .alike("POST", [&path, &missing], Some(body("x")))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (404, &json!("integrity_violation_not_found"))
    );
    assert_eq!(operator.post(&missing, body("x")).await.0, StatusCode::NOT_FOUND);
    let malformed = "/v1/integrity-violations/x/acknowledge";
    let (status, problem) = operator.post(malformed, body("x")).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (400, &json!("invalid_integrity_violation_id"))
    );

    let longest = "ü".repeat(1024);
    let (status, row) = operator.post(&path, body(&longest)).await;
    assert_eq!(status, StatusCode::OK, "{row}");
    assert_eq!(
        (
            &row["status"],
            &row["acknowledge_reason"],
            &row["acknowledged_by_subject"]
        ),
        (
            &json!("acknowledged"),
            &json!(longest),
            &json!(operator.subject())
        )
    );
    assert!(row["acknowledged_at"].is_string());
    let (status, problem) = operator.post(&path, body("again")).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("illegal_transition"))
    );
    let entries = app.audit().await;
    let said: Vec<_> = entries
        .iter()
        .filter(|row| row.relation == "acknowledge_integrity" && row.entry()["reason"] == "granted")
        .collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].entry().to_string().contains(&id.to_string()));
}
