use crate::testing::{Actor, NodeActor, TestApp, without_request};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use plex_api::{limits, paths};
use plex_store::{Error, values};
use serde_json::{Value, json};
use uuid::Uuid;

fn sum(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn beat() -> Value {
    json!({"client_now": Timestamp::now(), "binary_checksum": sum(1), "binary_version": "v1.2", "nat_summary": {}})
}

fn manifest() -> Value {
    json!({"binary_version": "v1.2", "binary_checksum": sum(1)})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

async fn names(actor: &Actor, query: &str) -> Vec<String> {
    let (status, page) = actor.get(&format!("{}?{query}", paths::NODES)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn entries(app: &TestApp, relation: &'static str) -> i64 {
    let found = app.app.db.read(async move |tx| {
        let sql = "select count(*) from audit_entries where relation = $1";
        tx.optional(sql, &values![relation], |row| row.get(0)).await
    });
    let found: Result<Option<i64>, Error> = found.await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see() {
    let app = TestApp::start().await;
    let elsewhere = app.project("elsewhere").await;
    app.node("a").await;
    app.node_in(elsewhere, "b").await;
    let home = app.project_id;
    assert_eq!(names(&app.admin(), "").await, ["a", "b"]);
    assert_eq!(names(&app.user_with("viewer", home).await, "").await, ["a"]);
    let of_elsewhere = app.user_with("operator", elsewhere).await;
    assert_eq!(names(&of_elsewhere, "").await, ["b"]);
    assert_eq!(
        names(&of_elsewhere, &format!("project_id={elsewhere}")).await,
        ["b"]
    );
    assert_eq!(
        names(&of_elsewhere, &format!("domain_id={}", app.domain_id)).await,
        ["b"]
    );
    let nothing: [&str; 0] = [];
    assert_eq!(names(&of_elsewhere, &format!("project_id={home}")).await, nothing);
    assert_eq!(
        names(&app.user_with("auditor", home).await, "").await,
        nothing,
        "an auditor reads no nodes"
    );
    assert_eq!(names(&app.stranger().await, "").await, nothing);
    assert_eq!(names(&app.admin(), &format!("project_id={home}")).await, ["a"]);
    assert_eq!(
        names(&app.admin(), &format!("domain_id={}", app.domain_id)).await,
        ["a", "b"]
    );
    assert_eq!(
        names(&app.admin(), &format!("domain_id={}", Uuid::now_v7())).await,
        nothing
    );
    for (query, code) in [
        ("domain_id=x", "invalid_domain_filter"),
        ("project_id=x", "invalid_project_id"),
        ("selector=", "malformed_selector"),
        ("selector=a%3D", "malformed_selector"),
        ("limit=201", "invalid_limit"),
        ("cursor=x", "invalid_cursor"),
        ("limit=1&limit=2", "invalid_query"),
    ] {
        let (status, problem) = app.admin().get(&format!("{}?{query}", paths::NODES)).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn selectors_and_cursors_walk_the_fleet() {
    let app = TestApp::start().await;
    for n in 0..6 {
        let node = app.node(&format!("n{n}")).await;
        let label = json!({"key": "env", "value": if n % 2 == 0 { "even" } else { "odd" }});
        assert_eq!(
            app.admin().put(&paths::node_labels(node.id), label).await.0,
            StatusCode::OK
        );
    }
    for (selector, expected) in [
        ("", vec!["n0", "n1", "n2", "n3", "n4", "n5"]),
        ("env%3Deven", vec!["n0", "n2", "n4"]),
    ] {
        for limit in [1, 2, 3, 50] {
            let (mut walked, mut next): (Vec<String>, _) = (Vec::new(), String::new());
            let query = if selector.is_empty() {
                String::new()
            } else {
                format!("&selector={selector}")
            };
            loop {
                let path = format!("{}?limit={limit}&cursor={next}{query}", paths::NODES);
                let (_, page) = app.admin().get(&path).await;
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                walked.extend(items.iter().map(|node| node["name"].as_str().unwrap().to_owned()));
                match page["next_cursor"].as_str() {
                    Some(cursor) => next = cursor.to_owned(),
                    None => break,
                }
            }
            assert_eq!(walked, expected, "{selector} by {limit}");
        }
    }
    let (_, page) = app.admin().get(&format!("{}?limit=1", paths::NODES)).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = app.user_with("viewer", app.project_id).await;
    let (status, problem) = other.get(&format!("{}?cursor={cursor}", paths::NODES)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("cursor_binding_mismatch"))
    );
    let (_, problem) = app
        .admin()
        .get(&format!("{}?cursor={cursor}&selector=env", paths::NODES))
        .await;
    assert_eq!(problem["code"], "invalid_cursor", "made for another selector");
}

#[tokio::test]
async fn a_node_is_shown_in_full_and_hidden_from_strangers() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let path = paths::node(node.id);
    let viewer = app.user_with("viewer", app.project_id).await;
    let (status, fresh) = viewer.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{fresh}");
    assert_eq!(fresh["reachability"]["state"], "never_reported");
    assert_eq!(fresh["manifest_at"], Value::Null);
    node.post(&paths::node_heartbeat(node.id), beat()).await;
    node.put(&paths::node_capabilities(node.id), manifest()).await;
    let (_, seen) = viewer.get(&path).await;
    assert_eq!(
        (&seen["reachability"]["state"], &seen["binary_version"]),
        (&json!("healthy"), &json!("v1.2"))
    );
    assert!(seen["manifest_at"].is_string() && seen["revoked_at"].is_null());
    assert_eq!(
        (&seen["project_id"], &seen["kind"]),
        (&json!(app.project_id), &json!("node"))
    );
    let stranger = app.stranger().await;
    let missing = paths::node(Uuid::now_v7());
    for method in ["GET", "DELETE"] {
        let (status, _, foreign) = stranger.send(method, &path, None).await;
        let (_, _, absent) = stranger.send(method, &missing, None).await;
        assert_eq!(
            (status.as_u16(), &foreign["code"]),
            (404, &json!("node_not_found"))
        );
        assert_eq!(without_request(foreign), without_request(absent));
        assert_eq!(
            app.admin().send(method, &missing, None).await.0,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(app.admin().get("/v1/nodes/x").await.1["code"], "invalid_id");
}

#[tokio::test]
async fn a_revoked_node_is_out_at_once() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let path = paths::node(node.id);
    let operator = app.user_with("operator", app.project_id).await;
    let (status, problem) = operator.delete(&path).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("rebac_denied")));
    for _ in 0..2 {
        assert_eq!(app.admin().delete(&path).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(entries(&app, "revoke_node").await, 1);
    assert!(app.admin().get(&path).await.1["revoked_at"].is_string());
    for (status, problem) in [
        node.post(&paths::node_heartbeat(node.id), beat()).await,
        node.put(&paths::node_capabilities(node.id), manifest()).await,
    ] {
        assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("nsk_revoked")));
    }
}

#[tokio::test]
async fn heartbeats_are_checked_field_by_field() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let path = paths::node_heartbeat(node.id);
    let (status, answer) = node.post(&path, beat()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        (&answer["reconcile"], &answer["rotate_keys"]),
        (&json!(false), &json!(false))
    );
    let off = |seconds| json!(Timestamp::now() + SignedDuration::from_secs(seconds));
    for near in [off(50), off(-50)] {
        assert_eq!(
            node.post(&path, with(beat(), "client_now", near)).await.0,
            StatusCode::OK
        );
    }
    let cases = [
        ("clock_skew", with(beat(), "client_now", off(70))),
        ("clock_skew", with(beat(), "client_now", off(-70))),
        ("binary_version_empty", with(beat(), "binary_version", json!(" "))),
        (
            "binary_checksum_empty",
            with(beat(), "binary_checksum", json!("")),
        ),
        (
            "malformed_heartbeat_request",
            with(beat(), "binary_checksum", json!("a".repeat(64))),
        ),
        (
            "malformed_heartbeat_request",
            with(beat(), "binary_version", json!("x".repeat(4097))),
        ),
        (
            "malformed_heartbeat_request",
            with(beat(), "nat_summary", Value::Null),
        ),
        ("malformed_heartbeat_request", with(beat(), "uptime", json!(1))),
        (
            "malformed_heartbeat_request",
            with(beat(), "client_now", json!("yesterday")),
        ),
        ("malformed_heartbeat_request", json!({})),
    ];
    for (code, body) in cases {
        let (status, problem) = node.post(&path, body).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!(code)),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_key_opens_its_own_path_only() {
    let app = TestApp::start().await;
    let (node, other) = (app.node("a").await, app.node("b").await);
    for foreign in [other.id, Uuid::now_v7()] {
        let answers = [
            node.post(&paths::node_heartbeat(foreign), beat()).await,
            node.put(&paths::node_capabilities(foreign), manifest()).await,
        ];
        for (status, problem) in answers {
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (403, &json!("node_id_mismatch"))
            );
            assert!(problem["reason"].is_string());
        }
    }
    let impostor = app.node_with(node.id, [0; 32]);
    let (status, problem) = impostor.post(&paths::node_heartbeat(node.id), beat()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("nsk_invalid")));
    let (status, problem) = app.admin().post(&paths::node_heartbeat(node.id), beat()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("unauthorized")));
}

async fn declared(node: &NodeActor, field: &str, value: Value) -> (u16, Value) {
    let (status, problem) = node
        .put(&paths::node_capabilities(node.id), with(manifest(), field, value))
        .await;
    (status.as_u16(), problem["code"].clone())
}

#[tokio::test]
async fn manifests_are_refused_with_the_code_of_their_fault() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let hook = |name: &str| json!({"name": name, "checksum": sum(1)});
    let k8s = |digest: &str| json!({"name": "k", "image_digest": digest});
    let many = |item: &dyn Fn(usize) -> Value| Value::from((0..129).map(item).collect::<Vec<_>>());
    let good = format!("sha256:{}", "a".repeat(64));
    let cases = [
        (400, "binary_version_empty", "binary_version", json!(" ")),
        (400, "binary_checksum_invalid", "binary_checksum", json!("AAAA")),
        (
            400,
            "ssh_host_key_fingerprint_invalid",
            "ssh_host_key_fingerprint",
            json!("MD5:x"),
        ),
        (
            400,
            "declared_hook_invalid",
            "declared_hooks",
            json!([hook("../a")]),
        ),
        (
            400,
            "declared_hook_duplicate",
            "declared_hooks",
            json!([hook("a"), hook("a")]),
        ),
        (
            400,
            "declared_hooks_too_many",
            "declared_hooks",
            many(&|n| hook(&format!("h{n}"))),
        ),
        (400, "malformed_capabilities_request", "extra", json!(1)),
        (
            400,
            "malformed_capabilities_request",
            "declared_hooks",
            json!("x"),
        ),
        (422, "plexd_hook_invalid", "plexd_hooks", json!([k8s("md5:x")])),
        (
            422,
            "plexd_hook_duplicate",
            "plexd_hooks",
            json!([k8s(&good), k8s(&good)]),
        ),
        (422, "plexd_hooks_too_many", "plexd_hooks", many(&|_| k8s(&good))),
        (
            422,
            "builtin_action_invalid",
            "builtin_actions",
            json!([{"name": ""}]),
        ),
        (
            422,
            "builtin_action_duplicate",
            "builtin_actions",
            json!([{"name": "a"}, {"name": "a"}]),
        ),
        (
            422,
            "builtin_actions_too_many",
            "builtin_actions",
            many(&|n| json!({"name": format!("b{n}")})),
        ),
        (
            413,
            "capabilities_body_too_large",
            "binary_version",
            json!("x".repeat(limits::CAPABILITIES_BODY_BYTES)),
        ),
    ];
    for (status, code, field, value) in cases {
        assert_eq!(declared(&node, field, value).await, (status, json!(code)));
    }
    let (_, list) = app.admin().get(&paths::capabilities(app.project_id)).await;
    assert_eq!(list["items"], json!([]), "a refused manifest leaves nothing");
}

#[tokio::test]
async fn manifests_are_listed_and_audited_when_they_change() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let path = paths::node_capabilities(node.id);
    let (status, first) = node.put(&path, manifest()).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!(
        first["fields_changed"],
        json!(["binary_checksum", "binary_version"])
    );
    assert_eq!(node.put(&path, manifest()).await.1["fields_changed"], json!([]));
    assert_eq!(
        entries(&app, "put_capabilities").await,
        1,
        "nothing changed the second time"
    );
    let hooked = with(
        manifest(),
        "declared_hooks",
        json!([{"name": "h", "checksum": sum(1)}]),
    );
    assert_eq!(
        node.put(&path, hooked).await.1["fields_changed"],
        json!(["declared_hooks"])
    );
    assert_eq!(entries(&app, "put_capabilities").await, 2);
    let list = paths::capabilities(app.project_id);
    let viewer = app.user_with("viewer", app.project_id).await;
    let (_, page) = viewer.get(&list).await;
    let row = &page["items"][0];
    assert_eq!(
        (&row["node_id"], &row["status"]),
        (&json!(node.id), &json!("match"))
    );
    assert_eq!(
        (&row["builtin_actions"], &row["declared_hooks"][0]["name"]),
        (&json!([]), &json!("h"))
    );
    for (query, count) in [
        ("status=match".to_owned(), 1),
        ("status=unknown".to_owned(), 0),
        ("status=drift".to_owned(), 0),
        (format!("node_id={}", node.id), 1),
        (format!("node_id={}", Uuid::now_v7()), 0),
    ] {
        let (_, page) = viewer.get(&format!("{list}?{query}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    for bad in ["status=good", "node_id=x"] {
        assert_eq!(
            viewer.get(&format!("{list}?{bad}")).await.1["code"],
            "invalid_query"
        );
    }
    let auditor = app.user_with("auditor", app.project_id).await;
    for path in [
        list.clone(),
        paths::node(node.id),
        paths::node_hooks(app.project_id),
    ] {
        let (status, problem) = auditor.get(&path).await;
        assert_eq!(
            (status.as_u16(), &problem["reason"]),
            (403, &json!("insufficient_relation")),
            "{path}"
        );
    }
    let stranger = app.stranger().await;
    let (status, foreign) = stranger.get(&list).await;
    let (_, absent) = stranger.get(&paths::capabilities(Uuid::now_v7())).await;
    assert_eq!(
        (status.as_u16(), &foreign["reason"]),
        (403, &json!("out_of_scope"))
    );
    assert_eq!(without_request(foreign), without_request(absent));
}
