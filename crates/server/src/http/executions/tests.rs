use crate::testing::{self, Actor, NodeActor, TestApp, TestLimits, without_request};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use plex_api::nodes::NodeStateSnapshot;
use plex_api::paths;
use plex_domain::credential;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::nodes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

const CHECKSUM: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Declares a built-in `check` with a secret parameter, and a hook `backup`.
async fn declare(node: &NodeActor, checksum: &str) {
    let manifest = json!({
        "binary_version": "v1",
        "binary_checksum": CHECKSUM,
        "builtin_actions": [{"name": "check", "parameters": [{"name": "password", "secret": true}]}],
        "declared_hooks": [{"name": "backup", "checksum": checksum}],
    });
    let (status, answer) = node.put(&paths::node_capabilities(node.id), manifest).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn with_node() -> (TestApp, NodeActor) {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    declare(&node, CHECKSUM).await;
    (app, node)
}

async fn dispatch(actor: &Actor, app: &TestApp, body: Value) -> (u16, Value) {
    let (status, answer) = actor.post(&paths::dispatch(app.project_id), body).await;
    (status.as_u16(), answer)
}

async fn dispatched(app: &TestApp, node: &NodeActor) -> Uuid {
    let (status, execution) =
        dispatch(&app.admin(), app, json!({"action": "check", "node_id": node.id})).await;
    assert_eq!(status, 201, "{execution}");
    execution["id"].as_str().unwrap().parse().unwrap()
}

async fn report(node: &NodeActor, execution: Uuid, body: Value) -> (u16, Value) {
    let (status, answer) = node.post(&paths::callback(node.id, execution), body).await;
    (status.as_u16(), answer)
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or(""))
}

/// What the log says of the only target.
async fn status_of(app: &TestApp, execution: Uuid) -> Value {
    let (_, got) = app
        .admin()
        .get(&paths::execution(app.project_id, execution))
        .await;
    got["targets"][0]["status"].clone()
}

#[tokio::test]
async fn a_report_is_stored_while_all_who_read_and_write_are_stuck() {
    let (app, node) = with_node().await;
    let execution = dispatched(&app, &node).await;
    assert_eq!(report(&node, execution, json!({"status": "ack"})).await.0, 200);
    let _readers = app.take_readers().await;
    // SQLite has one writer for all.
    let _writer = match testing::is_on_sqlite() {
        true => None,
        false => Some(app.take_writer().await),
    };
    let started = report(&node, execution, json!({"status": "started"}));
    let started = tokio::time::timeout(Duration::from_secs(30), started).await;
    assert_eq!(started.expect("it waits for none of them").0, 200);
}

/// As another replica does it: nobody tells this one.
#[tokio::test]
async fn a_key_that_was_revoked_elsewhere_reports_nothing_more() {
    let (app, node) = with_node().await;
    let (id, node_id) = (dispatched(&app, &node).await, node.id);
    assert_eq!(report(&node, id, json!({"status": "ack"})).await.0, 200);
    let revoke = app.app.db.write(async move |tx| nodes::revoke(tx, node_id).await);
    assert!(revoke.await.unwrap());
    for (execution, body) in [
        (id, json!({"status": "started"})),
        (id, json!({"status": "ack"})),
        (id, json!({"status": "pending"})),
        (id, json!({"statuss": "started"})),
        (Uuid::now_v7(), json!({"status": "ack"})),
        (
            id,
            json!({"status": "failed", "output": {"object_key": "uploads/x", "sha256": "00".repeat(32)}}),
        ),
    ] {
        let refused = report(&node, execution, body.clone()).await;
        assert_eq!(code(&refused), (401, "nsk_revoked"), "{body}");
    }
    assert_eq!(status_of(&app, id).await, "ack");
}

/// As another replica does it: nobody tells this one.
#[tokio::test]
async fn a_key_that_was_replaced_elsewhere_reports_nothing_more() {
    let (app, node) = with_node().await;
    let (id, node_id, new) = (dispatched(&app, &node).await, node.id, [9; 32]);
    assert_eq!(report(&node, id, json!({"status": "ack"})).await.0, 200);
    let hash = credential::hash(&app.app.keys.node_keys, &new);
    let replace = app.app.db.write(async move |tx| {
        nodes::request_rotation(tx, node_id).await?;
        nodes::offer_key(tx, node_id, &hash, Duration::from_secs(600)).await?;
        nodes::promote_key(tx, node_id, &hash).await
    });
    assert!(replace.await.unwrap());
    let started = || json!({"status": "started"});
    let refused = report(&node, id, started()).await;
    assert_eq!(code(&refused), (401, "nsk_invalid"));
    assert_eq!(status_of(&app, id).await, "ack");
    let node = app.node_with(node_id, new);
    for _ in 0..2 {
        assert_eq!(report(&node, id, started()).await.0, 200);
    }
    assert_eq!(status_of(&app, id).await, "started");
}

#[tokio::test]
async fn what_a_node_reports_is_what_the_log_shows() {
    let (app, node) = with_node().await;
    let id = dispatched(&app, &node).await;
    for (body, status) in [
        (json!({"status": "ack"}), "ack"),
        (json!({"status": "started"}), "started"),
        (
            json!({"status": "failed", "exit_code": 3, "error": "exit code 3", "output": {"inline": "AP8K"}}),
            "failed",
        ),
    ] {
        // A lost answer is asked for again: the same bytes, the same answer.
        for _ in 0..2 {
            assert_eq!(
                report(&node, id, body.clone()).await,
                (200, json!({"status": status}))
            );
        }
    }
    let refused = report(&node, id, json!({"status": "succeeded"})).await;
    assert_eq!(code(&refused), (409, "execution_already_terminal"));
    assert_eq!(refused.1["current_status"], "failed");

    let (_, got) = app.admin().get(&paths::execution(app.project_id, id)).await;
    let target = &got["targets"][0];
    assert_eq!(
        (&got["status"], &got["target_counts"]),
        (&json!("failed"), &json!({"failed": 1}))
    );
    assert_eq!(
        (&target["exit_code"], &target["error"]),
        (&json!(3), &json!("exit code 3"))
    );
    assert_eq!(
        target["output_ref"],
        json!({"kind": "inline", "inline_bytes": "AP8K"})
    );
    let (_, page) = app.admin().get(&paths::executions(app.project_id)).await;
    assert!(
        page["items"][0]["targets"][0].get("output_ref").is_none(),
        "a list carries no outputs"
    );
}

#[tokio::test]
async fn a_callback_is_checked_before_it_is_stored() {
    let (app, node) = with_node().await;
    let id = dispatched(&app, &node).await;
    let malformed = "malformed_execution_callback";
    let big = STANDARD.encode(vec![b'x'; 16_385]);
    for (body, expected) in [
        (json!({"status": "done"}), (400, malformed)),
        (json!({"status": "timeout"}), (409, "invalid_state_transition")),
        (json!({"status": "pending"}), (409, "invalid_state_transition")),
        (json!({"status": "started"}), (409, "invalid_state_transition")),
        (json!({"status": "succeeded"}), (409, "invalid_state_transition")),
        (
            json!({"status": "ack", "output": {"inline": ""}}),
            (400, malformed),
        ),
        (
            json!({"status": "failed", "output": {"inline": "not base64"}}),
            (400, malformed),
        ),
        (
            json!({"status": "failed", "output": {"inline": "YQ"}}),
            (400, malformed),
        ),
        (
            json!({"status": "failed", "output": {"inline": big}}),
            (413, "inline_output_too_large"),
        ),
        (
            json!({"status": "failed", "output": {"object_key": "k"}}),
            (400, malformed),
        ),
        (
            json!({"status": "failed", "output": {"object_key": "k", "sha256": "AB".repeat(32)}}),
            (400, malformed),
        ),
        (
            json!({"status": "failed", "output": {"object_key": "k", "sha256": "ab".repeat(32)}}),
            (422, "output_mismatch"),
        ),
        (
            json!({"status": "failed", "error": "e".repeat(4097)}),
            (400, malformed),
        ),
        (
            json!({"status": "ack", "declared_output_bytes": 1_u64 << 40}),
            (413, "output_too_large"),
        ),
        (json!({"status": "ack", "output_sha256": "x"}), (400, malformed)),
    ] {
        assert_eq!(code(&report(&node, id, body.clone()).await), expected, "{body}");
    }
    let (_, got) = app.admin().get(&paths::execution(app.project_id, id)).await;
    assert_eq!(got["status"], "pending", "nothing of it was stored");
    assert_eq!(
        code(&report(&node, Uuid::now_v7(), json!({"status": "ack"})).await),
        (404, "execution_not_found")
    );
    let other = app.node("web-2").await;
    assert_eq!(
        code(&report(&other, id, json!({"status": "ack"})).await),
        (404, "execution_not_found")
    );
    for execution in [id, Uuid::now_v7()] {
        let (status, problem) = other
            .post(&paths::callback(node.id, execution), json!({"status": "ack"}))
            .await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (403, &json!("nsk_node_mismatch"))
        );
    }
}

#[tokio::test]
async fn an_output_without_members_is_none() {
    let (app, node) = with_node().await;
    let id = dispatched(&app, &node).await;
    let (status, _) = report(&node, id, json!({"status": "failed", "output": {}})).await;
    assert_eq!(status, 200);
    let (_, got) = app.admin().get(&paths::execution(app.project_id, id)).await;
    assert_eq!(got["targets"][0]["output_ref"], Value::Null, "{got}");
}

#[tokio::test]
async fn a_large_output_is_uploaded_checked_and_moved_out_of_reach() {
    let (app, node) = with_node().await;
    let id = dispatched(&app, &node).await;
    let bytes = vec![b'z'; 16_385];
    let sha256 = data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref());
    report(&node, id, json!({"status": "ack"})).await;
    report(&node, id, json!({"status": "started"})).await;
    let declaration =
        json!({"status": "started", "declared_output_bytes": bytes.len(), "output_sha256": sha256});
    let (status, answer) = report(&node, id, declaration).await;
    let url = answer["output_upload_url"].as_str().unwrap().to_owned();
    assert_eq!((status, &answer["status"]), (200, &json!("started")));
    let path = url.strip_prefix(&app.app.public_url).unwrap().to_owned();
    let key = path.split_once('?').unwrap().0.trim_start_matches('/').to_owned();

    let anybody = app.anybody();
    let put = async |path: &str, bytes: &[u8]| {
        let length = bytes.len().to_string();
        anybody
            .call("PUT", path, bytes.to_vec(), &[("content-length", &length)])
            .await
            .0
            .as_u16()
    };
    assert_eq!(
        put(&path.replace("expires=", "expires=9"), &bytes).await,
        403,
        "another expiry than signed"
    );
    assert_eq!(
        put(&path.replace("uploads/", "executions/"), &bytes).await,
        403,
        "another key than signed"
    );
    assert_eq!(put(&path, &bytes[1..]).await, 400, "another length than declared");
    assert_eq!(
        put(&path, &vec![b'y'; 16_385]).await,
        422,
        "another digest than announced"
    );
    assert_eq!(put(&path, &bytes).await, 200);
    assert_eq!(
        put(&path, &bytes).await,
        200,
        "the same bytes again, after a lost answer"
    );

    let wrong = json!({"status": "succeeded", "output": {"object_key": key, "sha256": "ab".repeat(32)}});
    assert_eq!(code(&report(&node, id, wrong).await), (422, "output_mismatch"));
    let last =
        json!({"status": "succeeded", "exit_code": 0, "output": {"object_key": key, "sha256": sha256}});
    for _ in 0..2 {
        assert_eq!(
            report(&node, id, last.clone()).await,
            (200, json!({"status": "succeeded"}))
        );
    }
    let (_, got) = app.admin().get(&paths::execution(app.project_id, id)).await;
    let final_key = format!("executions/{}/{id}/{}", app.project_id, node.id);
    let expected = json!({"kind": "object_store", "bucket": "local", "key": final_key, "sha256": sha256});
    assert_eq!(got["targets"][0]["output_ref"], expected);
    assert_eq!(
        put(&path, &bytes).await,
        200,
        "an upload after the end lands beside the stored object"
    );

    let output = paths::target_output(app.project_id, id, node.id);
    let (status, headers, _) = app.admin().send("GET", &output, None).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let location = headers["location"]
        .to_str()
        .unwrap()
        .strip_prefix(&app.app.public_url)
        .unwrap()
        .to_owned();
    assert_eq!(anybody.call("GET", &location, Vec::new(), &[]).await.2, bytes);
    let auditor = app.user_with("auditor", app.project_id).await;
    assert_eq!(auditor.get(&output).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_dispatch_is_refused_for_what_is_wrong_with_it() {
    let (app, node) = with_node().await;
    let admin = app.admin();
    let id = node.id;
    let long = format!("a={}", "b".repeat(4096));
    for (body, expected) in [
        (json!({"action": "check"}), (400, "invalid_body")),
        (
            json!({"action": "check", "node_id": id, "selector": "a=b"}),
            (400, "invalid_body"),
        ),
        (
            json!({"action": "check", "selector": " "}),
            (400, "malformed_selector"),
        ),
        (
            json!({"action": "check", "selector": "a=="}),
            (400, "malformed_selector"),
        ),
        (
            json!({"action": "check", "selector": long}),
            (400, "malformed_selector"),
        ),
        (
            json!({"action": "check", "selector": "role=none"}),
            (422, "selector_empty_cohort"),
        ),
        (
            json!({"action": "check", "node_id": Uuid::now_v7()}),
            (422, "selector_empty_cohort"),
        ),
        (json!({"action": "Check", "node_id": id}), (400, "invalid_body")),
        (json!({"action": "-rf", "node_id": id}), (400, "invalid_body")),
        (
            json!({"action": "other", "node_id": id}),
            (400, "action_not_declared"),
        ),
        (
            json!({"action": "check", "type": "hook", "node_id": id}),
            (400, "action_not_declared"),
        ),
        (
            json!({"action": "check", "node_id": id, "timeout_seconds": 86_401}),
            (400, "invalid_body"),
        ),
        (
            json!({"action": "check", "node_id": id, "timeout_seconds": -1}),
            (400, "invalid_body"),
        ),
        (
            json!({"action": "check", "node_id": id, "parameters": [1]}),
            (400, "invalid_body"),
        ),
        (
            json!({"action": "check", "node_id": id, "parameters": {"a": "\u{0}"}}),
            (400, "invalid_body"),
        ),
    ] {
        assert_eq!(
            code(&dispatch(&admin, &app, body.clone()).await),
            expected,
            "{body}"
        );
    }
    let (_, page) = admin.get(&paths::executions(app.project_id)).await;
    assert_eq!(page, json!({"items": []}), "nothing was stored");
}

#[tokio::test]
async fn a_drifted_hook_is_not_dispatched_until_it_is_accepted() {
    let (app, node) = with_node().await;
    let drifted = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    declare(&node, drifted).await;
    let body = json!({"action": "backup", "type": "hook", "node_id": node.id});
    let refused = dispatch(&app.admin(), &app, body.clone()).await;
    assert_eq!(code(&refused), (409, "hook_integrity_violation"));
    assert!(
        refused.1["detail"]
            .as_str()
            .unwrap()
            .contains(&node.id.to_string()),
        "the node is named"
    );
    let accept = json!({"node_id": node.id, "name": "backup", "checksum": drifted});
    let (status, _) = app
        .admin()
        .post(&paths::accept_node_hook(app.project_id), accept)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(dispatch(&app.admin(), &app, body).await.0, 201);
}

#[tokio::test]
async fn a_secret_parameter_is_shown_to_the_node_alone() {
    let (app, node) = with_node().await;
    let parameters = json!({"user": "anna", "password": "canary"});
    let body = json!({"action": "check", "node_id": node.id, "parameters": parameters});
    let (status, execution) = dispatch(&app.admin(), &app, body).await;
    assert_eq!(
        (status, &execution["parameters"]),
        (201, &json!({"user": "anna", "password": "***"}))
    );
    let (_, state) = node.get(&paths::node_state(node.id)).await;
    assert_eq!(state["executions"][0]["parameters"], parameters);
    assert_eq!(
        state["executions"][0]["envelope"]["payload"]["parameters"],
        parameters
    );
    let auditor = app.user_with("auditor", app.project_id).await;
    let id: Uuid = execution["id"].as_str().unwrap().parse().unwrap();
    let (status, seen) = auditor.get(&paths::execution(app.project_id, id)).await;
    assert_eq!(
        (status, seen.get("parameters")),
        (StatusCode::OK, None),
        "an auditor sees no parameters at all"
    );
}

#[tokio::test]
async fn a_pull_brings_the_envelope_as_it_was_signed() {
    let (app, node) = with_node().await;
    let body = json!({"action": "check", "node_id": node.id, "parameters": {"user": "<&>"}});
    assert_eq!(dispatch(&app.admin(), &app, body).await.0, 201);
    let (_, state) = node.open(&paths::node_state(node.id)).await;
    let state = state.collect().await.unwrap().to_bytes();
    let state: NodeStateSnapshot = serde_json::from_slice(&state).unwrap();
    let envelope = state.executions[0].envelope.as_ref().unwrap();
    // A signature covers these escapes; a JSON writer would undo them.
    assert!(
        envelope.get().contains(r#"{"user":"\u003c\u0026\u003e"}"#),
        "{envelope}"
    );
}

#[tokio::test]
async fn an_operator_who_reads_for_a_node_sees_no_secret_parameter() {
    let (app, node) = with_node().await;
    let parameters = json!({"user": "anna", "password": "canary"});
    let body = json!({"action": "check", "node_id": node.id, "parameters": parameters});
    assert_eq!(dispatch(&app.admin(), &app, body).await.0, 201);
    let object = ObjectRef::of(ObjectKind::Node, node.id);
    let agent = app.user_on("node-agent", object).await;
    let (status, state) = agent.get(&paths::node_state(node.id)).await;
    assert_eq!(status, StatusCode::OK);
    let masked = json!({"user": "anna", "password": "***"});
    assert_eq!(state["executions"][0]["parameters"], masked);
    assert!(!state.to_string().contains("canary"), "{state}");
    let (_, mut stream) = agent.open(&paths::node_events(node.id)).await;
    let mut seen = String::new();
    while !seen.contains("event: action_request") || !seen.ends_with("\n\n") {
        let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
        seen.push_str(std::str::from_utf8(&frame).unwrap());
    }
    assert!(seen.contains("anna") && !seen.contains("canary"), "{seen}");
}

#[tokio::test]
async fn what_cannot_run_is_told_so_even_when_there_is_no_room() {
    let app = TestApp::start_limited(TestLimits {
        live_executions: 1,
        ..TestLimits::default()
    })
    .await;
    let node = app.node("web-1").await;
    declare(&node, CHECKSUM).await;
    dispatched(&app, &node).await;
    let order = |action: &str| json!({"action": action, "node_id": node.id});
    let full = dispatch(&app.admin(), &app, order("check")).await;
    assert_eq!(code(&full), (429, "capacity_exceeded"));
    let undeclared = dispatch(&app.admin(), &app, order("unheard.of")).await;
    assert_eq!(code(&undeclared), (400, "action_not_declared"));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_execution() {
    let (app, node) = with_node().await;
    let admin = app.admin();
    let path = paths::dispatch(app.project_id);
    let body = json!({"action": "check", "node_id": node.id});
    let send = async |key: &str, body: &Value| {
        let (status, headers, answer) = admin
            .send_with("POST", &path, Some(body.clone()), &[("idempotency-key", key)])
            .await;
        (status.as_u16(), headers.get("location").cloned(), answer)
    };
    let (status, location, first) = send("k1", &body).await;
    assert_eq!(status, 201);
    let (again, same, second) = send("k1", &body).await;
    assert_eq!((again, same, &second["id"]), (201, location, &first["id"]));
    let (reused, _, problem) = send("k1", &json!({"action": "check", "selector": "!x"})).await;
    assert_eq!(
        (reused, &problem["code"]),
        (409, &json!("idempotency_key_reused"))
    );
    assert_ne!(send("k2", &body).await.2["id"], first["id"]);
    let (_, page) = admin.get(&paths::executions(app.project_id)).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_walk_by_cursor_is_bound_to_its_list() {
    let (app, node) = with_node().await;
    let mut expected = BTreeSet::new();
    for _ in 0..7 {
        expected.insert(dispatched(&app, &node).await.to_string());
    }
    let path = paths::executions(app.project_id);
    let admin = app.admin();
    let mut seen = BTreeSet::new();
    let mut query = "limit=3".to_owned();
    let mut cursors = Vec::new();
    loop {
        let (status, page) = admin.get(&format!("{path}?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "repeated");
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        cursors.push(cursor.to_owned());
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(seen, expected);
    let cursor = &cursors[0];
    let other = app.user_with("viewer", app.project_id).await;
    for (actor, query) in [
        (&admin, format!("status=ack&cursor={cursor}")),
        (&admin, format!("order=asc&cursor={cursor}")),
        (&admin, format!("action_name=check&cursor={cursor}")),
        (
            &admin,
            format!("created_from=2026-01-01T00:00:00Z&cursor={cursor}"),
        ),
        (
            &admin,
            format!("created_before=2126-01-01T00:00:00Z&cursor={cursor}"),
        ),
        (&admin, format!("cursor={cursor}A")),
        (&other, format!("cursor={cursor}")),
    ] {
        let (status, problem) = actor.get(&format!("{path}?{query}")).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!("invalid_cursor")),
            "{query}"
        );
    }
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
        ("limit=%2B5", "invalid_limit"),
        ("limit=1e2", "invalid_limit"),
        ("limit=5&limit=5", "invalid_query"),
        ("status=done", "invalid_query"),
        ("order=up", "invalid_query"),
        ("created_from=yesterday", "invalid_query"),
        ("created_before=2026-01-01", "invalid_query"),
        (
            "created_from=2026-01-01T00:00:00Z&created_before=2026-01-01T00:00:00Z",
            "invalid_query",
        ),
        ("action_name=%ff", "invalid_query"),
    ] {
        let (status, problem) = admin.get(&format!("{path}?{query}")).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_one_may_not_know_of_is_answered_as_what_is_missing() {
    let (app, node) = with_node().await;
    let id = dispatched(&app, &node).await;
    let stranger = app.stranger().await;
    let (foreign, missing) = (app.project_id, Uuid::now_v7());
    for path in [
        |project: Uuid, id: Uuid| paths::execution(project, id),
        |project: Uuid, _: Uuid| paths::executions(project),
    ] {
        let (status, theirs) = stranger.get(&path(foreign, id)).await;
        let (_, nobodys) = stranger.get(&path(missing, id)).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(without_request(theirs), without_request(nobodys));
    }
    let viewer = app.user_with("viewer", app.project_id).await;
    let (status, denied) = dispatch(&viewer, &app, json!({"action": "check", "node_id": node.id})).await;
    assert_eq!((status, &denied["code"]), (403, &json!("rebac_denied")));
    assert_eq!(denied["reason"], "insufficient_relation");
    assert_eq!(viewer.get(&paths::execution(foreign, id)).await.0, StatusCode::OK);
}
