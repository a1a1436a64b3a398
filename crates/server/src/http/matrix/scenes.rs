//! Codes that take more than one call.

use super::races;
use super::requests::CHECKSUM;
use super::world::{Answer, Place, World, id};
use crate::http::contract::conformance::Operation;
use crate::testing::{Actor, NodeActor, TestApp, TestLimits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use plex_store::{Sql, values};
use serde_json::{Value, json};
use uuid::Uuid;

/// What happened, by operation.
pub(super) type Played = Vec<(&'static str, Answer)>;

/// Plays all of them.
pub(super) async fn play(world: &World) -> Played {
    let mut played = on_condition(world).await;
    played.extend(devices(world).await);
    played.extend(bootstrap_tokens(world).await);
    played.extend(registrations(world).await);
    played.extend(hooks(world).await);
    played.extend(labels(world).await);
    played.extend(definitions(world).await);
    played.extend(crowded(world).await);
    played.extend(identities(world).await);
    played.extend(settled(world).await);
    played.extend(exhausted(world).await);
    played.extend(callbacks(world).await);
    played.extend(uploads(world).await);
    played.extend(node_keys(world).await);
    played.extend(races::leaving(world).await);
    played.extend(races::queued().await);
    played
}

/// A call; its answer as it came, and as JSON.
pub(super) async fn call(actor: &Actor, method: &str, path: &str, body: Option<&Value>) -> (Answer, Value) {
    let headers: &[(&str, &str)] = if body.is_some() {
        &[("content-type", "application/json")]
    } else {
        &[]
    };
    let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let answer = actor.call(method, path, bytes, headers).await;
    let json = serde_json::from_slice(&answer.2).unwrap_or(Value::Null);
    (answer, json)
}

/// Somebody who would see everything in the domain, from another address.
async fn on_condition(world: &World) -> Played {
    let (somebody, domain) = (world.app.stranger().await, world.app.domain());
    let grant = json!({
        "subject": somebody.subject(),
        "relation": "viewer",
        "resource": domain.to_string(),
        "caveat_name": "from_cidr",
        "caveat_context": {"cidr": "198.51.100.0/24"},
    });
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, world.app.project_id);
    let (granted, _) = call(&world.app.admin(), "POST", &path, Some(&grant)).await;
    assert_eq!(granted.0.as_u16(), 201);
    let mut played = Vec::new();
    for operation in Operation::all().filter(|operation| operation.id() != "PostAuthLogout") {
        let request = world.request(&operation, "platform-admin", Place::Own).await;
        let caller = somebody.clone().from("192.0.2.9");
        played.push((
            operation.id(),
            world.send(operation.method, &caller, &request).await,
        ));
    }
    played
}

/// Devices that ask too often, that are refused, and that come too late.
async fn devices(world: &World) -> Played {
    let mut played = Vec::new();
    let (nobody, admin) = (world.caller("nobody"), world.app.admin());
    let start = async || {
        call(&nobody, "POST", paths::DEVICE_CODE, Some(&json!({})))
            .await
            .1
    };
    let poll = async |device: &Value| {
        let body = json!({"device_code": device["device_code"]});
        let answer = call(&nobody, "POST", paths::DEVICE_TOKEN, Some(&body)).await;
        ("PostAuthDeviceToken", answer.0)
    };
    let decide = async |device: &Value, decision: &str| {
        let body = json!({"user_code": device["user_code"], "decision": decision});
        let answer = call(&admin, "POST", paths::DEVICE_APPROVE, Some(&body)).await;
        ("PostAuthDeviceApprove", answer.0)
    };
    let look = async |device: &Value| {
        let code = device["user_code"].as_str().unwrap();
        let path = format!("/v1/auth/device/pending?user_code={code}");
        ("GetAuthDevicePending", call(&admin, "GET", &path, None).await.0)
    };
    let (hasty, refused, late) = (start().await, start().await, start().await);
    played.extend([poll(&hasty).await, poll(&hasty).await]);
    played.push(decide(&refused, "deny").await);
    played.extend([
        look(&refused).await,
        decide(&refused, "deny").await,
        poll(&refused).await,
    ]);
    let approved = start().await;
    played.push(decide(&approved, "approve").await);
    played.extend([look(&approved).await, decide(&approved, "approve").await]);
    let write = async |tx: &mut plex_store::Tx| {
        tx.execute("update device_codes set expires_at = created_at", &values![])
            .await
    };
    let written: Result<_, plex_store::Error> = world.app.app.db.write(write).await;
    written.unwrap();
    played.extend([
        look(&late).await,
        decide(&late, "approve").await,
        poll(&late).await,
    ]);
    played
}

async fn issue(world: &World, kind: &str) -> Value {
    let wanted = json!({"kind": kind, "env_prefix": "test", "ttl_seconds": 300});
    let path = paths::bootstrap_tokens(world.app.project_id);
    call(&world.app.admin(), "POST", &path, Some(&wanted)).await.1
}

async fn bootstrap_tokens(world: &World) -> Played {
    let token = id(&issue(world, "node").await["token_id"]);
    let path = paths::bootstrap_token(world.app.project_id, token);
    call(&world.app.admin(), "DELETE", &path, None).await;
    let again = call(&world.app.admin(), "DELETE", &path, None).await.0;
    vec![("RevokeBootstrapToken", again)]
}

/// All that a token and its redemption can be wrong about.
async fn registrations(world: &World) -> Played {
    let (node, bridge) = (issue(world, "node").await, issue(world, "bridge").await);
    let request = |token: &Value, nonce: &str| {
        json!({
            "project_id": world.app.project_id,
            "resource_handle": "scene",
            "bootstrap_token": token["token"],
            "nonce": nonce,
            "public_key": STANDARD.encode([9; 32]),
        })
    };
    let register = async |body: Value| {
        let answer = call(&world.caller("nobody"), "POST", paths::REGISTER, Some(&body)).await;
        ("PostRegister", answer.0)
    };
    let write = async |sql: &'static str| {
        let written = world
            .app
            .app
            .db
            .write(async move |tx| tx.execute(sql, &values![]).await);
        let written: Result<_, plex_store::Error> = written.await;
        written.unwrap();
    };
    let mut elsewhere = request(&node, "scene-1");
    elsewhere["project_id"] = json!(Uuid::now_v7());
    let mut played = vec![
        register(request(&bridge, "scene-2")).await,
        register(elsewhere).await,
    ];
    write("update domains set addresses_used = 65534").await;
    played.push(register(request(&node, "scene-3")).await);
    write("update domains set addresses_used = 1000").await;
    played.push(register(request(&node, "scene-4")).await);
    played.push(register(request(&node, "scene-5")).await);
    let next = issue(world, "node").await;
    played.push(register(request(&next, "scene-4")).await);
    write("update bootstrap_tokens set expires_at = issued_at").await;
    played.push(register(request(&next, "scene-6")).await);
    write("update bootstrap_tokens set revoked_at = issued_at").await;
    played.push(register(request(&next, "scene-7")).await);
    played
}

/// A hook whose content is no longer what was pinned.
async fn hooks(world: &World) -> Played {
    let node = world.app.node("drifting").await;
    for checksum in [CHECKSUM.to_owned(), STANDARD.encode([7; 32])] {
        let manifest = json!({
            "binary_version": "v1",
            "binary_checksum": CHECKSUM,
            "declared_hooks": [{"name": "backup", "checksum": checksum}],
        });
        call(&node, "PUT", &paths::node_capabilities(node.id), Some(&manifest)).await;
    }
    let order = json!({"action": "backup", "type": "hook", "node_id": node.id});
    let path = paths::dispatch(world.app.project_id);
    let refused = call(&world.app.admin(), "POST", &path, Some(&order)).await.0;
    vec![("DispatchExecution", refused)]
}

/// One label too many.
async fn labels(world: &World) -> Played {
    let node = world.app.node("labelled").await;
    let mut played = Vec::new();
    for number in 0..65 {
        let label = json!({"key": format!("key-{number}"), "value": "x"});
        let path = paths::node_labels(node.id);
        played = vec![(
            "PutObjectLabel",
            call(&world.app.admin(), "PUT", &path, Some(&label)).await.0,
        )];
    }
    played
}

/// Definitions that are in use, one that never changes, and one that the platform came with.
async fn definitions(world: &World) -> Played {
    let (admin, node) = (world.app.admin(), world.app.node("defined").await);
    let wanted = json!({
        "scope": "project",
        "scope_id": world.app.project_id,
        "local_key": "fixed",
        "value_schema": {"kind": "string"},
        "applicable_kinds": ["node"],
        "immutable": true,
    });
    let (_, made) = call(&admin, "POST", "/v1/label-definitions", Some(&wanted)).await;
    let definition = format!("/v1/label-definitions/{}", id(&made["id"]));
    let mut played = Vec::new();
    for value in ["first", "second"] {
        let label = json!({"definition_id": made["id"], "value": value});
        let path = paths::node_labels(node.id);
        played.push(("PutObjectLabel", call(&admin, "PUT", &path, Some(&label)).await.0));
    }
    let change = json!({"value_schema": {"kind": "boolean"}});
    let changed = call(&admin, "PATCH", &definition, Some(&change)).await.0;
    played.push(("UpdateLabelDefinition", changed));
    played.push((
        "DeleteLabelDefinition",
        call(&admin, "DELETE", &definition, None).await.0,
    ));
    let wanted = json!({
        "scope": "platform",
        "local_key": "seeded",
        "value_schema": {"kind": "string"},
        "applicable_kinds": ["node"],
    });
    let (_, seeded) = call(&admin, "POST", "/v1/label-definitions", Some(&wanted)).await;
    let sql = "update label_definitions set created_by = 'system' where local_key = 'seeded'";
    let written = world
        .app
        .app
        .db
        .write(async move |tx| tx.execute(sql, &values![]).await);
    let written: Result<_, plex_store::Error> = written.await;
    assert_eq!(written.unwrap(), 1);
    let path = format!("/v1/label-definitions/{}", id(&seeded["id"]));
    played.push((
        "DeleteLabelDefinition",
        call(&admin, "DELETE", &path, None).await.0,
    ));
    played
}

/// A project with as many definitions as it can have.
async fn crowded(world: &World) -> Played {
    let (admin, project) = (world.app.admin(), world.app.project("crowded").await);
    let wanted = |key: &str| {
        json!({
            "scope": "project",
            "scope_id": project,
            "local_key": key,
            "value_schema": {"kind": "string"},
            "applicable_kinds": ["node"],
        })
    };
    call(&admin, "POST", "/v1/label-definitions", Some(&wanted("first"))).await;
    let sql = Sql::Each {
        sqlite: "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        )
        with recursive n (n) as (select 1 union all select n + 1 from n where n < 999)
        select randomblob(16), d.scope, d.scope_id, 'k' || n.n, 'acme:crowded/k' || n.n, d.value_schema, 'user', 0, 0
        from n join label_definitions d on d.local_key = 'first'",
        postgres: "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        )
        with recursive n (n) as (select 1 union all select n + 1 from n where n < 999)
        select gen_random_uuid(), d.scope, d.scope_id, 'k' || n.n, 'acme:crowded/k' || n.n, d.value_schema, 'user', 0, 0
        from n join label_definitions d on d.local_key = 'first'",
    };
    let filled = world
        .app
        .app
        .db
        .write(async move |tx| tx.execute(sql, &values![]).await);
    assert_eq!(filled.await.expect("room"), 999);
    let refused = call(&admin, "POST", "/v1/label-definitions", Some(&wanted("last")))
        .await
        .0;
    vec![("CreateLabelDefinition", refused)]
}

/// A violation that is acknowledged twice, and a node without a key that is to change it.
async fn settled(world: &World) -> Played {
    let admin = world.app.admin();
    let operation = Operation::named("AcknowledgeIntegrityViolation");
    let request = world.request(&operation, "platform-admin", Place::Own).await;
    call(&admin, "POST", &request.path, request.body.as_ref()).await;
    let again = call(&admin, "POST", &request.path, request.body.as_ref()).await.0;
    let node = world.app.node("gone").await;
    call(&admin, "DELETE", &paths::node(node.id), None).await;
    let path = format!("/v1/nodes/{}/rotate-key", node.id);
    let refused = call(&admin, "POST", &path, None).await.0;
    vec![
        ("AcknowledgeIntegrityViolation", again),
        ("RotateNodeKey", refused),
    ]
}

/// One execution more than a domain may have, one node more than a project has addresses, and a question about
/// capacity before anything was measured.
async fn exhausted(world: &World) -> Played {
    let limits = TestLimits {
        live_executions: 1,
        ..TestLimits::default()
    };
    let app = TestApp::start_limited(limits).await;
    let (admin, node) = (app.admin(), app.node("full").await);
    call(
        &node,
        "PUT",
        &paths::node_capabilities(node.id),
        Some(&super::requests::manifest()),
    )
    .await;
    let order = json!({"action": "check", "node_id": node.id});
    let mut played = Vec::new();
    for _ in 0..2 {
        let path = paths::dispatch(app.project_id);
        played.push((
            "DispatchExecution",
            call(&admin, "POST", &path, Some(&order)).await.0,
        ));
    }
    let admin = world.app.admin();
    let wanted = json!({"name": "Unmeasured", "slug": "unmeasured"});
    let (_, domain) = call(&admin, "POST", paths::DOMAINS, Some(&wanted)).await;
    let path = format!("/v1/domains/{}/capacity", id(&domain["id"]));
    played.push(("GetDomainCapacity", call(&admin, "GET", &path, None).await.0));
    let wanted = json!({
        "domain_id": world.app.domain_id,
        "name": "Small",
        "slug": "small",
        "sub_range_cidr": "10.0.250.0/30",
    });
    let (_, project) = call(&admin, "POST", paths::PROJECTS, Some(&wanted)).await;
    let project = id(&project["id"]);
    for number in 0..6 {
        let wanted = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
        let (_, token) = call(&admin, "POST", &paths::bootstrap_tokens(project), Some(&wanted)).await;
        let request = json!({
            "project_id": project,
            "resource_handle": format!("small-{number}"),
            "bootstrap_token": token["token"],
            "nonce": token["token_id"],
            "public_key": STANDARD.encode([9; 32]),
        });
        let answer = call(&world.caller("nobody"), "POST", paths::REGISTER, Some(&request)).await;
        played.push(("PostRegister", answer.0));
    }
    played
}

/// Somebody who erases themselves.
async fn identities(world: &World) -> Played {
    let admin = world.app.admin();
    let path = format!("/v1/identities/{}/erase", admin.id);
    vec![("EraseIdentity", call(&admin, "POST", &path, None).await.0)]
}

/// A node with something to run, and what it is to run.
async fn dispatched(world: &World, name: &str) -> (NodeActor, Uuid) {
    let node = world.app.node(name).await;
    call(
        &node,
        "PUT",
        &paths::node_capabilities(node.id),
        Some(&super::requests::manifest()),
    )
    .await;
    let order = json!({"action": "check", "node_id": node.id});
    let path = paths::dispatch(world.app.project_id);
    let (_, execution) = call(&world.app.admin(), "POST", &path, Some(&order)).await;
    let execution = id(&execution["id"]);
    (node, execution)
}

async fn callbacks(world: &World) -> Played {
    let (node, execution) = dispatched(world, "reporting").await;
    let mut played = Vec::new();
    for report in [
        json!({"status": "succeeded"}),
        json!({"status": "failed", "output": {"inline": STANDARD.encode(vec![0; 16_385])}}),
        json!({"status": "ack", "declared_output_bytes": 1_u64 << 40}),
        json!({"status": "failed", "output": {"object_key": "k", "sha256": "ab".repeat(32)}}),
        json!({"status": "ack"}),
    ] {
        let path = paths::callback(node.id, execution);
        let answer = call(&node, "POST", &path, Some(&report)).await.0;
        played.push(("PostNodeExecutionCallback", answer));
    }
    let nothing = paths::callback(node.id, Uuid::now_v7());
    let answer = call(&node, "POST", &nothing, Some(&json!({"status": "ack"})))
        .await
        .0;
    played.push(("PostNodeExecutionCallback", answer));
    let path = paths::target_output(world.app.project_id, execution, node.id);
    played.push((
        "GetTargetOutput",
        call(&world.app.admin(), "GET", &path, None).await.0,
    ));
    played
}

/// An output whose store is gone when the node says that it is there.
async fn uploads(world: &World) -> Played {
    let (node, execution) = dispatched(world, "uploading").await;
    let path = paths::callback(node.id, execution);
    call(&node, "POST", &path, Some(&json!({"status": "ack"}))).await;
    let bytes = vec![7; 20_000];
    let started = json!({"status": "started", "declared_output_bytes": bytes.len()});
    let (_, answer) = call(&node, "POST", &path, Some(&started)).await;
    let url = answer["output_upload_url"].as_str().unwrap();
    let upload = url.strip_prefix("https://plexsphere.test").unwrap();
    let key = upload
        .split('?')
        .next()
        .unwrap()
        .strip_prefix("/local/")
        .unwrap()
        .to_owned();
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let sha256 = data_encoding::HEXLOWER.encode(digest.as_ref());
    let length = bytes.len().to_string();
    world
        .caller("nobody")
        .call("PUT", upload, bytes, &[("content-length", &length)])
        .await;
    let root = world.app.app.objects.local().unwrap().root();
    let aside = root.with_extension("aside");
    std::fs::rename(root, &aside).unwrap();
    std::fs::write(root, "in the way").unwrap();
    let report = json!({"status": "succeeded", "output": {"object_key": key, "sha256": sha256}});
    let refused = call(&node, "POST", &path, Some(&report)).await.0;
    std::fs::remove_file(root).unwrap();
    std::fs::rename(&aside, root).unwrap();
    vec![("PostNodeExecutionCallback", refused)]
}

/// Node keys that are unknown or were revoked, on every operation of nodes.
async fn node_keys(world: &World) -> Played {
    let node = world.app.node("revoked").await;
    call(&world.app.admin(), "DELETE", &paths::node(node.id), None).await;
    let unknown = world.app.node_with(node.id, [0; 32]);
    let execution = Uuid::now_v7();
    let mut played = Vec::new();
    for (operation, method, path) in [
        ("GetNodeEvents", "GET", paths::node_events(node.id)),
        ("GetNodeState", "GET", paths::node_state(node.id)),
        ("PostNodeHeartbeat", "POST", paths::node_heartbeat(node.id)),
        ("PostNodeKey", "POST", format!("/v1/nodes/{}/key", node.id)),
        (
            "PostNodeIntegrityViolations",
            "POST",
            format!("/v1/nodes/{}/integrity-violations", node.id),
        ),
        ("PutNodeCapabilities", "PUT", paths::node_capabilities(node.id)),
        (
            "PostNodeExecutionCallback",
            "POST",
            paths::callback(node.id, execution),
        ),
    ] {
        for caller in [&node, &unknown] {
            let caller = (**caller).clone().from("192.0.2.1");
            played.push((operation, call(&caller, method, &path, None).await.0));
        }
    }
    played
}
