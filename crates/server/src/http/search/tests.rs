use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use plex_api::paths::{self, DOMAINS, OBJECT_SEARCH, PROJECTS};
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn everywhere(selector: &str) -> Value {
    json!({"selector": selector, "relation": "read", "scope": "platform"})
}

/// All hits, page by page.
async fn found(actor: &Actor, mut wanted: Value) -> Vec<Uuid> {
    let mut ids = Vec::new();
    loop {
        let (status, page) = actor.post(OBJECT_SEARCH, wanted.clone()).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page["correlation_id"].is_string());
        let items = page["items"].as_array().unwrap();
        ids.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
        );
        match page["next_cursor"].as_str().unwrap() {
            "" => return ids,
            next => wanted["cursor"] = json!(next),
        }
    }
}

async fn label(app: &TestApp, kind: &str, id: Uuid, key: &str, value: &str) {
    let path = paths::object_labels(kind, id);
    let (status, body) = app.admin().put(&path, json!({"key": key, "value": value})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

/// A second domain with a project; its id and the project's.
async fn elsewhere(app: &TestApp) -> (Uuid, Uuid) {
    let (_, domain) = app
        .admin()
        .post(DOMAINS, json!({"slug": "beta", "name": "b"}))
        .await;
    let wanted = json!({"domain_id": domain["id"], "slug": "far", "name": "far"});
    let (_, project) = app.admin().post(PROJECTS, wanted).await;
    let id = |value: &Value| value["id"].as_str().unwrap().parse().unwrap();
    (id(&domain), id(&project))
}

#[tokio::test]
async fn labels_in_effect_are_searched_and_what_is_foreign_is_not_there() {
    let app = TestApp::start().await;
    let (beta, far) = elsewhere(&app).await;
    let (a, b) = (app.node("a").await.id, app.node("b").await.id);
    let c = app.node_in(far, "c").await.id;
    label(&app, "project", app.project_id, "env", "prod").await;
    label(&app, "project", far, "env", "prod").await;
    label(&app, "node", b, "env", "test").await;
    let admin = app.admin();
    let viewer = app.user_with("viewer", app.project_id).await;
    assert_eq!(
        found(&admin, everywhere("env=prod")).await,
        [far, app.project_id, a, c]
    );
    assert_eq!(found(&viewer, everywhere("env=prod")).await, [app.project_id, a]);
    assert_eq!(found(&viewer, everywhere("env!=prod")).await, [b]);
    assert!(found(&app.stranger().await, everywhere("env")).await.is_empty());
    for (kind, expected) in [
        ("node", vec![a]),
        ("project", vec![app.project_id]),
        ("workload", vec![]),
    ] {
        let mut wanted = everywhere("env=prod");
        wanted["kind"] = json!(kind);
        assert_eq!(found(&viewer, wanted).await, expected, "{kind}");
    }
    let within = |scope: &str, id: Uuid| json!({"selector": "env=prod", "relation": "read", "scope": scope, "scope_id": id});
    assert_eq!(found(&admin, within("project", far)).await, [far, c]);
    assert!(
        found(&admin, within("domain", beta)).await.is_empty(),
        "the key is the project's"
    );
    assert!(found(&viewer, within("project", far)).await.is_empty());
    assert!(found(&viewer, within("project", Uuid::now_v7())).await.is_empty());
}

#[tokio::test]
async fn the_caller_holds_the_relation_on_every_hit() {
    let app = TestApp::start().await;
    let other = app.project("other").await;
    let (a, b) = (app.node("a").await.id, app.node_in(other, "b").await.id);
    for (kind, id) in [("node", a), ("node", b), ("project", other)] {
        label(&app, kind, id, "env", "prod").await;
    }
    let operator = app.user_with("operator", app.project_id).await;
    let admin = app.user_with("admin", other).await;
    let auditor = app.user_with("auditor", app.project_id).await;
    let wanted = |relation: &str| json!({"selector": "env", "relation": relation, "scope": "platform"});
    for relation in ["read", "view", "operate", "maintain", "label_node", "read_node"] {
        assert_eq!(found(&operator, wanted(relation)).await, [a], "{relation}");
        assert_eq!(found(&admin, wanted(relation)).await, [other, b], "{relation}");
    }
    for relation in ["manage", "revoke_node"] {
        assert!(found(&operator, wanted(relation)).await.is_empty(), "{relation}");
        assert_eq!(found(&admin, wanted(relation)).await, [other, b], "{relation}");
    }
    for relation in ["admin", "dispatch", "manage_project"] {
        let hits = found(&admin, wanted(relation)).await;
        assert_eq!(hits, [other], "{relation}: nodes do not have it");
    }
    assert!(
        found(&auditor, wanted("read")).await.is_empty(),
        "nodes that it cannot read"
    );
    let domain = ObjectRef::of(ObjectKind::Domain, app.domain_id);
    let domain_admin = app.user_on("admin", domain).await;
    assert_eq!(found(&domain_admin, wanted("read")).await, [other, a, b]);
    assert_eq!(found(&domain_admin, wanted("audit")).await, [other]);
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat() {
    let app = TestApp::start().await;
    let mut expected = BTreeSet::new();
    for slug in ["x", "a"] {
        let project = app.project(slug).await;
        label(&app, "project", project, "env", "prod").await;
        expected.insert(project);
        for name in ["n1", "n2"] {
            expected.insert(app.node_in(project, name).await.id);
        }
    }
    app.node("unlabelled").await;
    for limit in [1, 2, 3, 6, 1000] {
        let mut wanted = everywhere("env=prod");
        wanted["limit"] = json!(limit);
        let ids = found(&app.admin(), wanted).await;
        assert_eq!(ids.len(), 6, "{limit}");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected, "{limit}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_told_by_its_code() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let with = |name: &str, value: Value| {
        let mut wanted = everywhere("env");
        wanted[name] = value;
        wanted
    };
    let (a, b) = (app.node("a").await.id, app.node("b").await.id);
    for id in [a, b] {
        label(&app, "node", id, "env", "prod").await;
    }
    let (_, page) = admin.post(OBJECT_SEARCH, with("limit", json!(1))).await;
    let cursor = page["next_cursor"].clone();
    assert_ne!(cursor, "");
    let mut elsewhere = with("cursor", cursor.clone());
    elsewhere["selector"] = json!("env=prod");
    let body = (400, "invalid_body");
    for (wanted, expected) in [
        (json!({}), body),
        (with("selector", json!("")), body),
        (with("selector", json!("a".repeat(4097))), body),
        (with("relation", json!("")), body),
        (with("relation", json!("owner")), body),
        (with("scope", json!("galaxy")), body),
        (with("limit", json!(0)), body),
        (with("limit", json!(-1)), body),
        (with("selector", json!(" ")), (400, "selector_syntax")),
        (with("selector", json!("env=")), (400, "selector_syntax")),
        (with("scope", json!("domain")), (400, "scope_mismatch")),
        (with("scope_id", json!(app.domain_id)), (400, "scope_mismatch")),
        (with("cursor", json!("x")), (400, "invalid_cursor")),
        (elsewhere, (400, "invalid_cursor")),
        (
            with("kind", json!("x".repeat(65_536))),
            (413, "request_body_too_large"),
        ),
    ] {
        let (status, code) = admin.code("POST", OBJECT_SEARCH, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    let other = app.user_on("admin", ObjectRef::PLATFORM).await;
    let answer = other
        .code("POST", OBJECT_SEARCH, Some(with("cursor", cursor)))
        .await;
    assert_eq!(answer, (400, "invalid_cursor".to_owned()), "another's cursor");
    let answer = app
        .anybody()
        .code("POST", OBJECT_SEARCH, Some(everywhere("env")))
        .await;
    assert_eq!(answer, (401, "unauthenticated".to_owned()));
    assert_eq!(
        admin
            .post(OBJECT_SEARCH, with("scope_id", json!(Uuid::nil())))
            .await
            .0,
        StatusCode::OK
    );
}
