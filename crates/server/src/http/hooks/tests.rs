use crate::testing::{NodeActor, TestApp, without_request};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use serde_json::json;
use uuid::Uuid;

fn sum(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

async fn declare(node: &NodeActor, hooks: &[(&str, u8)]) {
    let hooks: Vec<_> = hooks
        .iter()
        .map(|(name, byte)| json!({"name": name, "checksum": sum(*byte)}))
        .collect();
    let manifest = json!({"binary_version": "v1", "binary_checksum": sum(0), "declared_hooks": hooks});
    let (status, answer) = node.put(&paths::node_capabilities(node.id), manifest).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_changed_hook_is_drifted_until_its_digest_is_accepted() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    declare(&node, &[("rotate-keys", 1)]).await;
    declare(&node, &[("rotate-keys", 2)]).await;
    let (list, accept) = (
        paths::node_hooks(app.project_id),
        paths::accept_node_hook(app.project_id),
    );
    let operator = app.user_with("operator", app.project_id).await;
    let (status, page) = operator.get(&list).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let hook = &page["items"][0];
    assert_eq!(
        (&hook["status"], &hook["node_name"]),
        (&json!("drifted"), &json!("web-1"))
    );
    assert_eq!(
        (&hook["pinned_checksum"], &hook["declared_checksum"]),
        (&json!(sum(1)), &json!(sum(2)))
    );
    let body = |name: &str, byte| json!({"node_id": node.id, "name": name, "checksum": sum(byte)});
    for stale in [body("rotate-keys", 1), body("rotate-keys", 3), body("unknown", 2)] {
        let (status, problem) = operator.post(&accept, stale).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (409, &json!("hook_integrity_violation"))
        );
    }
    let (status, hook) = operator.post(&accept, body("rotate-keys", 2)).await;
    assert_eq!((status, &hook["status"]), (StatusCode::OK, &json!("pinned")));
    assert_eq!(
        operator.get(&list).await.1["items"][0]["pinned_checksum"],
        json!(sum(2))
    );
    let entries = app.audit().await;
    let accepted: Vec<_> = entries
        .iter()
        .filter(|row| row.relation == "accept_hook")
        .map(|row| row.entry().to_string())
        .collect();
    assert_eq!(accepted.len(), 1);
    let told = format!("hook:rotate-keys sha256:{} to sha256:{}", sum(1), sum(2));
    assert!(accepted[0].contains(&told), "{}", accepted[0]);
}

#[tokio::test]
async fn who_may_not_accept_is_told_apart_from_what_is_not_there() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    declare(&node, &[("h", 1)]).await;
    let accept = paths::accept_node_hook(app.project_id);
    let body = |node: Uuid| json!({"node_id": node, "name": "h", "checksum": sum(1)});
    let viewer = app.user_with("viewer", app.project_id).await;
    let (status, problem) = viewer.post(&accept, body(node.id)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("rebac_denied")));
    assert_eq!(
        viewer.get(&paths::node_hooks(app.project_id)).await.0,
        StatusCode::OK
    );
    let (status, problem) = app.admin().post(&accept, body(Uuid::now_v7())).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("node_not_found"))
    );
    assert_eq!(
        app.admin().post(&accept, json!({"name": "h"})).await.1["code"],
        "invalid_body"
    );
    let elsewhere = app.project("elsewhere").await;
    let foreign = app.node_in(elsewhere, "b").await;
    declare(&foreign, &[("h", 1)]).await;
    let (status, problem) = app.admin().post(&accept, body(foreign.id)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("node_not_found")),
        "not of this project"
    );
    let stranger = app.stranger().await;
    for path in [
        paths::node_hooks(app.project_id),
        paths::node_hooks(Uuid::now_v7()),
    ] {
        let (status, problem) = stranger.get(&path).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (404, &json!("project_not_found"))
        );
    }
    let (_, foreign) = stranger.post(&accept, body(node.id)).await;
    let (_, absent) = stranger
        .post(&paths::accept_node_hook(Uuid::now_v7()), body(node.id))
        .await;
    assert_eq!(without_request(foreign), without_request(absent));
    app.admin().delete(&paths::node(node.id)).await;
    assert_eq!(
        app.admin().post(&accept, body(node.id)).await.1["code"],
        "node_not_found",
        "it was revoked"
    );
}

#[tokio::test]
async fn a_walk_shows_every_hook_once() {
    let app = TestApp::start().await;
    let (a, b) = (app.node("a").await, app.node("b").await);
    for node in [&a, &b] {
        declare(node, &[("x", 1), ("y", 1), ("z", 1)]).await;
    }
    let path = paths::node_hooks(app.project_id);
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let (_, page) = app.admin().get(&format!("{path}?limit=4&cursor={next}")).await;
        let items = page["items"].as_array().unwrap();
        walked.extend(
            items
                .iter()
                .map(|hook| (hook["node_id"].clone(), hook["name"].clone())),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => next = cursor.to_owned(),
            None => break,
        }
    }
    let expected: Vec<_> = [&a, &b]
        .iter()
        .flat_map(|node| ["x", "y", "z"].map(|name| (json!(node.id), json!(name))))
        .collect();
    assert_eq!(walked, expected);
    let (_, only) = app.admin().get(&format!("{path}?node_id={}", b.id)).await;
    assert_eq!(only["items"].as_array().unwrap().len(), 3);
    let (status, problem) = app
        .admin()
        .get(&format!("{path}?node_id={}&cursor={next}", b.id))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (400, &json!("invalid_cursor")),
        "made for another filter"
    );
    assert_eq!(
        app.admin().get(&format!("{path}?node_id=x")).await.1["code"],
        "invalid_query"
    );
}
