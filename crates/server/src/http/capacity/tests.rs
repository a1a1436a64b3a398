use crate::testing::{Actor, NodeActor, TestApp, TestLimits};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use plex_api::paths;
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;
use uuid::Uuid;

async fn a_node(app: &TestApp) -> NodeActor {
    let node = app.node("a").await;
    let manifest = json!({
        "binary_version": "1", "binary_checksum": STANDARD.encode([1; 32]), "builtin_actions": [{"name": "probe"}],
    });
    node.put(&paths::node_capabilities(node.id), manifest).await;
    node
}

async fn dispatch(app: &TestApp, actor: &Actor, node: Uuid) -> (u16, Value) {
    let body = json!({"action": "probe", "node_id": node});
    let (status, answer) = actor.post(&paths::dispatch(app.project_id), body).await;
    (status.as_u16(), answer)
}

/// Waits for a sample that is as wanted.
async fn sample(app: &TestApp, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = paths::domain_capacity(app.domain_id);
    for _ in 0..300 {
        let (status, snapshot) = app.admin().get(&path).await;
        if status == StatusCode::OK && wanted(&snapshot) {
            return snapshot;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no such sample came");
}

#[tokio::test]
async fn a_domain_that_was_not_measured_yet_is_503_and_a_hidden_one_403() {
    let app = TestApp::start().await;
    sample(&app, |_| true).await;
    // As before the first sample; the next one is seconds away.
    app.app.capacity.replace(HashMap::new());
    let path = paths::domain_capacity(app.domain_id);
    let (status, headers, problem) = app.admin().send("GET", &path, None).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &json!("capacity_snapshot_unavailable"))
    );
    assert_eq!(headers["retry-after"], "10");
    let missing = paths::domain_capacity(Uuid::now_v7());
    let (status, problem) = app.stranger().await.alike("GET", [&path, &missing], None).await;
    assert_eq!((status, &problem["reason"]), (403, &json!("out_of_scope")));
    assert_eq!(app.admin().get(&missing).await.0, StatusCode::FORBIDDEN);
    let malformed = "/v1/domains/x/capacity";
    assert_eq!(app.admin().get(malformed).await.1["code"], "invalid_domain_id");
    let viewer = app
        .user_on("viewer", ObjectRef::of(ObjectKind::Domain, app.domain_id))
        .await;
    assert_eq!(
        viewer.get(&path).await.0,
        StatusCode::SERVICE_UNAVAILABLE,
        "may read it"
    );
}

#[tokio::test]
async fn the_figures_are_what_is_there() {
    let app = TestApp::start_limited(TestLimits {
        live_executions: 40,
        ..TestLimits::default()
    })
    .await;
    let node = a_node(&app).await;
    app.node("b").await;
    app.admin().delete(&paths::node(app.node("gone").await.id)).await;
    for _ in 0..3 {
        assert_eq!(dispatch(&app, &app.admin(), node.id).await.0, 201);
    }
    let snapshot = sample(&app, |snapshot| snapshot["dimensions"][5]["used"] == json!(3.0)).await;
    let order: Vec<_> = snapshot["dimensions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["dimension"].clone())
        .collect();
    let expected = [
        "nodes",
        "sse_fanout",
        "secret_reads",
        "mediated_sessions",
        "observability_ingest",
        "action_executions",
    ];
    assert_eq!(order, expected);
    assert_eq!(
        snapshot["dimensions"][0],
        json!({"dimension": "nodes", "unit": "count", "used": 3.0, "target": 65_534.0, "ratio": 3.0 / 65_534.0})
    );
    assert_eq!(
        snapshot["dimensions"][5],
        json!({"dimension": "action_executions", "unit": "count", "used": 3.0, "target": 40.0, "ratio": 0.075})
    );
    assert_eq!(snapshot["dimensions"][2]["target"], json!(0.0));
}

#[tokio::test]
async fn no_race_gets_past_the_cap_on_live_executions() {
    let app = TestApp::start_limited(TestLimits {
        live_executions: 5,
        ..TestLimits::default()
    })
    .await;
    let node = a_node(&app).await;
    let admin = app.admin();
    let answers = join_all((0..30).map(|_| dispatch(&app, &admin, node.id))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 201);
    assert_eq!(taken.len(), 5);
    for (status, problem) in &refused {
        assert_eq!(
            (*status, &problem["code"], &problem["dimension"]),
            (429, &json!("capacity_exceeded"), &json!("action_executions"))
        );
        assert!(
            problem["detail"].as_str().unwrap().contains("5 executions"),
            "{problem}"
        );
    }
    // One ends, and there is room for one.
    let id: Uuid = taken[0].1["id"].as_str().unwrap().parse().unwrap();
    let body = json!({"status": "failed", "error": "refused"});
    let (status, answer) = node.post(&paths::callback(node.id, id), body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(dispatch(&app, &admin, node.id).await.0, 201);
    assert_eq!(dispatch(&app, &admin, node.id).await.0, 429);
}

#[tokio::test]
async fn a_repeat_of_what_was_taken_is_answered_though_the_domain_is_full() {
    let app = TestApp::start_limited(TestLimits {
        live_executions: 1,
        ..TestLimits::default()
    })
    .await;
    let node = a_node(&app).await;
    let body = json!({"action": "probe", "node_id": node.id});
    let path = paths::dispatch(app.project_id);
    let key = [("idempotency-key", "one")];
    let (first, _, one) = app
        .admin()
        .send_with("POST", &path, Some(body.clone()), &key)
        .await;
    let (again, _, two) = app
        .admin()
        .send_with("POST", &path, Some(body.clone()), &key)
        .await;
    assert_eq!((first.as_u16(), again.as_u16()), (201, 201));
    assert_eq!(one["id"], two["id"]);
    let (status, headers, _) = app.admin().send_with("POST", &path, Some(body), &[]).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        !headers.contains_key("retry-after"),
        "nobody knows when there is room"
    );
}

#[tokio::test]
async fn a_principal_that_asks_for_too_much_waits_and_others_do_not() {
    let app = TestApp::start_limited(TestLimits {
        per_second: NonZeroU32::new(1),
        ..TestLimits::default()
    })
    .await;
    let (a, b) = (app.stranger().await, app.stranger().await);
    let mut limited = None;
    for _ in 0..20 {
        let (status, headers, problem) = a.send("GET", paths::WHOAMI, None).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            limited = Some((headers, problem));
            break;
        }
        assert_eq!(status, StatusCode::OK);
    }
    let (headers, problem) = limited.expect("20 at once are more than 5");
    assert_eq!(problem["code"], "rate_limited");
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(b.get(paths::WHOAMI).await.0, StatusCode::OK);
}
