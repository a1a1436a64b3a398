use crate::testing::{Actor, NodeActor, TestApp, TestLimits};
use crate::wakes::Wake;
use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use plex_api::paths;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::{Error, values};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;
use uuid::Uuid;

/// Longer than a stream may outlive its credential.
const PATIENCE: Duration = Duration::from_secs(5);

fn key(byte: u8) -> [u8; 32] {
    let mut key = [byte; 32];
    key[0] = !byte;
    key
}

async fn ask(actor: &Actor, node: Uuid) -> (StatusCode, Value) {
    let (status, _, answer) = actor.send("POST", &paths::rotate_node_key(node), None).await;
    (status, answer)
}

async fn hand_in(node: &NodeActor, key: [u8; 32]) -> (u16, Value) {
    let body = json!({"nsk": STANDARD.encode(key)});
    let (status, answer) = node.post(&paths::node_key(node.id), body).await;
    (status.as_u16(), answer)
}

async fn works(node: &NodeActor) -> u16 {
    node.get(&paths::node_state(node.id)).await.0.as_u16()
}

async fn entries(app: &TestApp, relation: &str) -> usize {
    let rows = app.audit().await;
    rows.iter().filter(|row| row.relation == relation).count()
}

/// Reads a stream until a line with that text, or its end.
async fn until(body: &mut Body, text: &str) -> Option<String> {
    let mut seen = String::new();
    while !seen.contains(text) {
        let frame = tokio::time::timeout(PATIENCE, body.frame())
            .await
            .expect("nothing comes");
        let data = frame?.unwrap().into_data().unwrap();
        seen.push_str(std::str::from_utf8(&data).unwrap());
    }
    Some(seen)
}

async fn ends(body: &mut Body) {
    let end = async { while body.frame().await.is_some() {} };
    tokio::time::timeout(PATIENCE, end)
        .await
        .expect("the stream ends");
}

#[tokio::test]
async fn both_keys_hold_until_the_new_one_is_used() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let new = app.node_with(node.id, key(7));
    assert_eq!(
        hand_in(&node, key(7)).await.1["code"],
        "illegal_transition",
        "nobody asked"
    );
    let (status, asked) = ask(&app.admin(), node.id).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    assert_eq!(
        ask(&app.admin(), node.id).await.1["requested_at"],
        asked["requested_at"]
    );
    let beat = json!({
        "client_now": jiff::Timestamp::now(), "binary_checksum": STANDARD.encode([1; 32]), "binary_version": "1",
        "nat_summary": {},
    });
    let (_, told) = node.post(&paths::node_heartbeat(node.id), beat.clone()).await;
    assert_eq!(told["rotate_node_key"], true);
    let shown = app.admin().get(&paths::node(node.id)).await.1;
    assert_eq!(shown["key_rotation_requested_at"], asked["requested_at"]);

    assert_eq!(works(&new).await, 401, "not handed in yet");
    for _ in 0..2 {
        let (status, kept) = hand_in(&node, key(7)).await;
        assert_eq!(status, 200, "{kept}");
        assert!(kept["previous_key_until"].is_string());
    }
    assert_eq!(works(&node).await, 200);
    assert_eq!(works(&new).await, 200);
    assert_eq!(
        works(&node).await,
        401,
        "the old one ended with the first use of the new one"
    );
    assert_eq!(works(&new).await, 200);
    let (_, told) = new.post(&paths::node_heartbeat(node.id), beat).await;
    assert_eq!(told["rotate_node_key"], Value::Null);
    let shown = app.admin().get(&paths::node(node.id)).await.1;
    assert!(shown["key_rotated_at"].is_string() && shown["key_rotation_requested_at"].is_null());
    for (relation, count) in [("rotate_node_key", 1), ("put_node_key", 1), ("use_node_key", 1)] {
        assert_eq!(entries(&app, relation).await, count, "{relation}");
    }
    let secret = STANDARD.encode(key(7));
    assert!(
        app.audit()
            .await
            .iter()
            .all(|row| !row.entry().to_string().contains(&secret))
    );
}

#[tokio::test]
async fn what_is_no_new_key_is_refused() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    ask(&app.admin(), node.id).await;
    let path = paths::node_key(node.id);
    let cases = [
        json!({}),
        json!({"nsk": ""}),
        json!({"nsk": STANDARD.encode([0; 32])}),
        json!({"nsk": STANDARD.encode([9; 32])}),
        json!({"nsk": STANDARD.encode([1; 31])}),
        json!({"nsk": STANDARD.encode(key(1)), "more": 1}),
    ];
    for body in cases {
        assert_eq!(node.post(&path, body).await.1["code"], "invalid_body");
    }
    assert_eq!(hand_in(&node, key(3)).await.0, 200);
    let changed = app.node_with(node.id, key(3));
    assert_eq!(
        hand_in(&changed, key(3)).await.1["code"],
        "illegal_transition",
        "it is in use now"
    );
    let other = app.node("b").await;
    let (status, problem) = other.post(&path, json!({"nsk": STANDARD.encode(key(4))})).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (403, &json!("node_id_mismatch"))
    );
}

#[tokio::test]
async fn only_an_admin_asks_and_never_for_a_revoked_node() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let operator = app.user_with("operator", app.project_id).await;
    assert_eq!(ask(&operator, node.id).await.1["code"], "rebac_denied");
    let (path, missing) = (
        paths::rotate_node_key(node.id),
        paths::rotate_node_key(Uuid::now_v7()),
    );
    let (status, problem) = app.stranger().await.alike("POST", [&path, &missing], None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("node_not_found")));
    app.admin().delete(&paths::node(node.id)).await;
    let (status, problem) = ask(&app.admin(), node.id).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("illegal_transition"))
    );
    assert_eq!(ask(&app.admin(), Uuid::now_v7()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_open_stream_tells_the_node_and_ends_with_its_key() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let (status, mut old) = node.open(&paths::node_events(node.id)).await;
    assert_eq!(status, StatusCode::OK);
    until(&mut old, ":connected").await.unwrap();
    ask(&app.admin(), node.id).await;
    let told = until(&mut old, "\n\n").await.unwrap();
    assert!(told.contains("event: rotate_node_key"), "{told}");
    hand_in(&node, key(7)).await;
    let new = app.node_with(node.id, key(7));
    let (_, mut fresh) = new.open(&paths::node_events(node.id)).await;
    ends(&mut old).await;
    until(&mut fresh, ":connected").await.unwrap();
    app.admin().delete(&paths::node(node.id)).await;
    ends(&mut fresh).await;
}

#[tokio::test]
async fn what_another_replica_revoked_ends_streams_here() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let (_, mut stream) = node.open(&paths::node_events(node.id)).await;
    until(&mut stream, ":connected").await.unwrap();
    let id = node.id;
    // Without a wake, as a revocation elsewhere comes.
    app.app
        .db
        .write(async move |tx| plex_store::nodes::revoke(tx, id).await)
        .await
        .unwrap();
    ends(&mut stream).await;
}

#[tokio::test]
async fn an_operator_reads_a_nodes_stream_only_while_node_agent_holds() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let object = ObjectRef::of(ObjectKind::Node, node.id);
    for path in [paths::node_events(node.id), paths::node_state(node.id)] {
        let (status, problem) = app.admin().get(&path).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (403, &json!("rebac_denied")),
            "nobody holds it implicitly"
        );
        let missing = path.replace(&node.id.to_string(), &Uuid::now_v7().to_string());
        let (status, problem) = app.stranger().await.alike("GET", [&path, &missing], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("node_not_found")));
    }
    let agent = app.user_on("node-agent", object).await;
    let (status, state) = agent.get(&paths::node_state(node.id)).await;
    assert_eq!((status, &state["executions"]), (StatusCode::OK, &json!([])));
    let other = app.node("b").await;
    assert_eq!(
        agent.get(&paths::node_state(other.id)).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        agent.code("GET", &paths::node(node.id), None).await,
        (403, "rebac_denied".to_owned()),
        "it grants nothing else"
    );

    let (status, mut stream) = agent.open(&paths::node_events(node.id)).await;
    assert_eq!(status, StatusCode::OK);
    until(&mut stream, ":connected").await.unwrap();
    withdraw(&app, agent.id).await;
    ends(&mut stream).await;

    let agent = app.user_on("node-agent", object).await;
    let (_, mut stream) = agent.open(&paths::node_events(node.id)).await;
    until(&mut stream, ":connected").await.unwrap();
    expire(&app, agent.id).await;
    ends(&mut stream).await;
}

#[tokio::test]
async fn a_limit_on_requests_neither_ends_a_stream_nor_keeps_it_open() {
    let app = TestApp::start_limited(TestLimits {
        per_second: NonZeroU32::new(1),
        ..TestLimits::default()
    })
    .await;
    let node = app.node("a").await;
    let object = ObjectRef::of(ObjectKind::Node, node.id);
    let agent = app.user_on("node-agent", object).await;
    let (_, mut stream) = agent.open(&paths::node_events(node.id)).await;
    until(&mut stream, ":connected").await.unwrap();
    // Its holder asks for far more than is allowed.
    let asking = agent.clone();
    let pressed = tokio::spawn(async move {
        loop {
            let _ = asking.get(paths::WHOAMI).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let ended = tokio::time::timeout(PATIENCE, async { while stream.frame().await.is_some() {} }).await;
    assert!(ended.is_err(), "it ended while its credential held");
    withdraw(&app, agent.id).await;
    ends(&mut stream).await;
    pressed.abort();
}

#[tokio::test]
async fn what_is_said_about_a_key_during_a_look_is_heard() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let (_, mut stream) = node.open(&paths::node_events(node.id)).await;
    until(&mut stream, ":connected").await.unwrap();
    // The stream waits for the database when it is told, and what it was told of comes a little later.
    assert!(futures_util::poll!(pin!(stream.frame())).is_pending());
    app.app.wakes.tell_here(Wake::Keys, &[node.id]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    change(
        &app,
        "update nodes set rotation_requested_at = created_at where id = $1",
        node.id,
    )
    .await;
    until(&mut stream, "rotate_node_key").await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_when_nobody_can_say_whether_its_credential_holds() {
    let app = TestApp::start().await;
    let node = app.node("a").await;
    let object = ObjectRef::of(ObjectKind::Node, node.id);
    let agent = app.user_on("node-agent", object).await;
    let (_, mut stream) = agent.open(&paths::node_events(node.id)).await;
    until(&mut stream, ":connected").await.unwrap();
    let (_, mut own) = node.open(&paths::node_events(node.id)).await;
    until(&mut own, ":connected").await.unwrap();
    app.app
        .db
        .write(async |tx| {
            tx.execute("alter table api_tokens rename to no_tokens", &[])
                .await?;
            tx.execute("alter table nodes rename to no_nodes", &[]).await
        })
        .await
        .map_err(|error: Error| error)
        .unwrap();
    app.app.wakes.tell(Wake::Keys, &[node.id]);
    ends(&mut stream).await;
    ends(&mut own).await;
}

async fn withdraw(app: &TestApp, user: Uuid) {
    let sql = "delete from relation_tuples where subject_id = $1";
    change(app, sql, user).await;
}

/// Lets the clock run over the user's tokens.
async fn expire(app: &TestApp, user: Uuid) {
    let sql = "update api_tokens set expires_at = created_at where principal_id = $1";
    change(app, sql, user).await;
}

async fn change(app: &TestApp, sql: &'static str, id: Uuid) {
    let changed = app
        .app
        .db
        .write(async move |tx| tx.execute(sql, &values![id]).await);
    let changed: Result<usize, Error> = changed.await;
    assert_eq!(changed.unwrap(), 1);
}
