use crate::testing::{Actor, NodeActor, TestApp};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use serde_json::{Value, json};

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

async fn declare(node: &NodeActor, hooks: &[(&str, char)]) {
    let hook = |(name, digit): &(&str, char)| json!({"name": name, "image_digest": digest(*digit)});
    let manifest = json!({
        "binary_version": "1", "binary_checksum": STANDARD.encode([1; 32]),
        "plexd_hooks": hooks.iter().map(hook).collect::<Vec<_>>(),
    });
    let (status, answer) = node.put(&paths::node_capabilities(node.id), manifest).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn page(actor: &Actor, query: &str) -> Value {
    let (status, page) = actor.get(&format!("{}?{query}", paths::HOOKS)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

async fn names(actor: &Actor, query: &str) -> Vec<String> {
    let page = page(actor, query).await;
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_first_image_is_catalogued_and_a_change_shows() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    declare(&node, &[("backup", 'a'), ("scan", 'a')]).await;
    declare(&node, &[("backup", 'b'), ("scan", 'a')]).await;
    let items = page(&app.admin(), "").await["items"].clone();
    assert_eq!(
        items[0],
        json!({
            "node_id": node.id, "domain_id": app.domain_id, "name": "backup", "image_digest": digest('b'),
            "image_digest_match": false, "pinned_image_digest": digest('a'),
        })
    );
    assert_eq!(names(&app.admin(), "image_digest_match=true").await, ["scan"]);
    assert_eq!(names(&app.admin(), "image_digest_match=false").await, ["backup"]);
    let list = paths::capabilities(app.project_id);
    let (_, rows) = app.admin().get(&format!("{list}?status=drift")).await;
    assert_eq!(rows["items"][0]["node_id"], json!(node.id));
}

#[tokio::test]
async fn an_operator_accepts_the_image_that_is_declared_and_it_is_audited() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    declare(&node, &[("backup", 'a')]).await;
    declare(&node, &[("backup", 'b')]).await;
    let path = paths::accept_node_hook(app.project_id);
    let accept = |name: &str, digit| json!({"node_id": node.id, "name": name, "checksum": digest(digit)});
    let operator = app.user_with("operator", app.project_id).await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let refused = async |actor: &Actor, body: Value| {
        let (status, problem) = actor.post(&path, body).await;
        (status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    };
    let violation = || (409, "hook_integrity_violation".to_owned());
    assert_eq!(
        refused(&viewer, accept("backup", 'b')).await,
        (403, "rebac_denied".to_owned())
    );
    assert_eq!(refused(&operator, accept("backup", 'c')).await, violation());
    assert_eq!(refused(&operator, accept("other", 'b')).await, violation());
    assert_eq!(names(&operator, "image_digest_match=false").await, ["backup"]);
    let (status, hook) = operator.post(&path, accept("backup", 'b')).await;
    assert_eq!((status, &hook["status"]), (StatusCode::OK, &json!("pinned")));
    assert_eq!(hook["pinned_checksum"], json!(digest('b')));
    assert_eq!(names(&operator, "image_digest_match=true").await, ["backup"]);
    let rows = app.audit().await;
    let entry = rows
        .iter()
        .find(|row| row.relation == "accept_hook" && !row.entry()["details"].is_null());
    let details = format!("hook:backup {} to {}", digest('a'), digest('b'));
    assert_eq!(entry.unwrap().entry()["details"], json!(details));
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see() {
    let app = TestApp::start().await;
    let elsewhere = app.project("elsewhere").await;
    let (a, b) = (app.node("a").await, app.node_in(elsewhere, "b").await);
    declare(&a, &[("one", 'a'), ("two", 'a')]).await;
    declare(&b, &[("three", 'a')]).await;
    let admin = app.admin();
    assert_eq!(names(&admin, "").await, ["one", "two", "three"]);
    assert_eq!(
        names(&app.user_with("viewer", elsewhere).await, "").await,
        ["three"]
    );
    assert_eq!(names(&app.stranger().await, "").await, [""; 0]);
    assert_eq!(
        names(&admin, &format!("project_id={}", app.project_id)).await,
        ["one", "two"]
    );
    assert_eq!(
        names(&admin, &format!("domain_id={}", app.domain_id)).await,
        ["one", "two", "three"]
    );
    let first = page(&admin, "limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        names(&admin, &format!("limit=2&cursor={cursor}")).await,
        ["three"]
    );
    let other = app.user_with("viewer", app.project_id).await;
    let (status, problem) = other.get(&format!("{}?cursor={cursor}", paths::HOOKS)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("cursor_binding_mismatch"))
    );
    for (query, code) in [
        ("domain_id=x".to_owned(), "invalid_domain_filter"),
        ("project_id=x".to_owned(), "invalid_project_id"),
        ("image_digest_match=yes".to_owned(), "invalid_query"),
        ("limit=201".to_owned(), "invalid_limit"),
        (
            format!("cursor={cursor}&image_digest_match=true"),
            "invalid_cursor",
        ),
    ] {
        let (status, problem) = admin.get(&format!("{}?{query}", paths::HOOKS)).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
}
