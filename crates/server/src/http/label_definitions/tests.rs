use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use plex_api::paths::{self, LABEL_DEFINITIONS};
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use uuid::Uuid;

fn wanted(scope: &str, id: Option<Uuid>, key: &str) -> Value {
    let mut wanted = json!({"scope": scope, "local_key": key, "value_schema": {"kind": "string"},
        "applicable_kinds": ["node", "project"]});
    if let Some(id) = id {
        wanted["scope_id"] = json!(id);
    }
    wanted
}

async fn define(actor: &Actor, body: Value) -> Value {
    let (status, made) = actor.post(LABEL_DEFINITIONS, body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

fn path(definition: &Value) -> String {
    paths::label_definition(definition["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_definition_reads_back_without_what_is_not_echoed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let nil = Uuid::nil();
    for (scope, id, prefix) in [
        ("platform", None, "platform"),
        ("domain", Some(app.domain_id), "acme"),
        ("project", Some(app.project_id), "acme:web"),
    ] {
        let mut body = wanted(scope, id, "env");
        body["value_schema"] = json!({"kind": "enum", "values": ["prod", "test"]});
        body["required"] = json!(true);
        body["default_value"] = json!("test");
        let (status, headers, made) = admin.send("POST", LABEL_DEFINITIONS, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        assert_eq!(headers["location"], path(&made));
        let mut expected = json!({"scope": scope, "scope_id": id.unwrap_or(nil), "local_key": "env",
            "qualified_key": format!("{prefix}/env"), "created_by": "user", "on_delete": "block",
            "value_schema": {"kind": "enum", "values": ["prod", "test"]}, "cardinality": 1,
            "applicable_kinds": ["node", "project"], "immutable": false, "cloud_tag_propagation": false});
        for minted in ["id", "created_at", "updated_at"] {
            expected[minted] = made[minted].clone();
        }
        assert_eq!(made, expected);
        assert_eq!(admin.get(&path(&made)).await, (StatusCode::OK, made));
    }
    let rows = app.audit().await;
    let told = rows
        .iter()
        .filter(|row| row.relation == "create_label_definition");
    let mut chains: Vec<_> = told.map(|row| row.chain).collect();
    chains.sort();
    assert_eq!(chains, [nil, app.domain_id, app.domain_id]);
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_told_by_its_code() {
    let app = TestApp::start().await;
    let admin = app.admin();
    define(&admin, wanted("platform", None, "taken")).await;
    let with = |name: &str, value: Value| {
        let mut body = wanted("platform", None, "env");
        body[name] = value;
        body
    };
    let body = (400, "invalid_body");
    let schema = (422, "invalid_value_schema");
    for (wanted, expected) in [
        (json!({}), body),
        (with("scope", json!("galaxy")), body),
        (with("scope_id", json!(app.domain_id)), body),
        (wanted("domain", None, "env"), body),
        (wanted("project", Some(Uuid::nil()), "env"), body),
        (with("local_key", json!("Env")), body),
        (with("local_key", json!("-env")), body),
        (with("local_key", json!("e".repeat(65))), body),
        (with("description", json!("d".repeat(513))), body),
        (with("applicable_kinds", json!([])), body),
        (with("applicable_kinds", json!(["Node"])), body),
        (with("on_delete", json!("shrug")), body),
        (with("cardinality", json!(-1)), body),
        (with("value_schema", json!({"kind": "colour"})), body),
        (with("value_schema", json!({"kind": "enum"})), schema),
        (
            with("value_schema", json!({"kind": "regex", "pattern": "("})),
            schema,
        ),
        (with("default_value", json!(7)), schema),
        (
            with("local_key", json!("plexsphere.version")),
            (422, "label_key_reserved"),
        ),
        (
            with("local_key", json!("taken")),
            (409, "label_definition_conflict"),
        ),
        (
            with("description", json!("d".repeat(128 * 1024))),
            (413, "request_body_too_large"),
        ),
    ] {
        let (status, code) = admin.code("POST", LABEL_DEFINITIONS, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
}

#[tokio::test]
async fn who_manages_the_scope_defines_its_labels_and_who_sees_it_sees_them() {
    let app = TestApp::start().await;
    let other = app.project("other").await;
    let project_admin = app.user_with("admin", app.project_id).await;
    let domain_admin = app.user_on("admin", app.domain()).await;
    let operator = app.user_with("operator", app.project_id).await;
    let stranger = app.stranger().await;
    let nowhere = Uuid::now_v7();
    for (actor, scope, id, status) in [
        (&project_admin, "project", Some(app.project_id), 201),
        (&project_admin, "domain", Some(app.domain_id), 403),
        (&project_admin, "project", Some(other), 403),
        (&domain_admin, "domain", Some(app.domain_id), 201),
        (&domain_admin, "project", Some(other), 201),
        (&domain_admin, "platform", None, 403),
        (&operator, "project", Some(app.project_id), 403),
        (&stranger, "project", Some(app.project_id), 403),
        (&stranger, "project", Some(nowhere), 403),
        (&app.admin(), "domain", Some(nowhere), 403),
        (&app.admin(), "platform", None, 201),
    ] {
        let (got, problem) = actor.post(LABEL_DEFINITIONS, wanted(scope, id, "env")).await;
        assert_eq!(got.as_u16(), status, "{scope} {id:?} {problem}");
    }
    let lists = |scope: String| format!("{LABEL_DEFINITIONS}?scope={scope}");
    let (here, gone) = (
        format!("project:{}", app.project_id),
        format!("project:{nowhere}"),
    );
    let (status, _) = stranger
        .alike("GET", [&lists(here.clone()), &lists(gone)], None)
        .await;
    assert_eq!(status, 403);
    let (_, page) = operator.get(&lists(here)).await;
    let of_project = &page["items"][0];
    assert_eq!(of_project["qualified_key"], "acme:web/env");
    let missing = paths::label_definition(nowhere);
    let (status, problem) = stranger.alike("GET", [&path(of_project), &missing], None).await;
    assert_eq!(
        (status, &problem["code"]),
        (404, &json!("label_definition_not_found"))
    );
    for method in ["PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!({"description": "x"}));
        let (status, _) = stranger
            .alike(method, [&path(of_project), &missing], body.clone())
            .await;
        assert_eq!(status, 404, "{method}");
        let answer = operator.code(method, &path(of_project), body).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()), "{method}");
    }
    let (status, page) = stranger.get(&lists("platform".to_owned())).await;
    assert_eq!(
        (status, page["items"].as_array().unwrap().len()),
        (StatusCode::OK, 1)
    );
    let of_platform = path(&page["items"][0]);
    assert_eq!(stranger.get(&of_platform).await.0, StatusCode::OK);
    let answer = stranger.code("DELETE", &of_platform, None).await;
    assert_eq!(answer, (403, "rebac_denied".to_owned()));
    let answer = app.anybody().code("GET", &of_platform, None).await;
    assert_eq!(answer, (401, "unauthenticated".to_owned()));
    assert_eq!(
        app.admin()
            .code("GET", &format!("{LABEL_DEFINITIONS}/x"), None)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_list_is_walked_by_key_and_its_cursors_belong_to_their_scope() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for key in ["d", "a", "c", "b"] {
        define(&admin, wanted("platform", None, key)).await;
    }
    let list = |query: String| format!("{LABEL_DEFINITIONS}?{query}");
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = admin
            .get(&list(format!("scope=platform&limit=3&cursor={cursor}")))
            .await;
        let items = page["items"].as_array().unwrap();
        keys.extend(
            items
                .iter()
                .map(|item| item["local_key"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = next.to_owned();
    }
    assert_eq!(keys, ["a", "b", "c", "d"]);
    let domain = format!("scope=domain:{}", app.domain_id);
    for (query, code) in [
        ("limit=3".to_owned(), "invalid_query"),
        ("scope=galaxy".to_owned(), "invalid_query"),
        (format!("scope=domain:{}", Uuid::nil()), "invalid_query"),
        ("scope=platform&scope=platform".to_owned(), "invalid_query"),
        ("scope=platform&limit=201".to_owned(), "invalid_limit"),
        (format!("{domain}&cursor={cursor}"), "invalid_cursor"),
        ("scope=platform&cursor=x".to_owned(), "invalid_cursor"),
    ] {
        assert_eq!(
            admin.code("GET", &list(query), None).await,
            (400, code.to_owned())
        );
    }
    let stranger = app.stranger().await;
    let (status, _) = stranger
        .get(&list(format!("scope=platform&cursor={cursor}")))
        .await;
    assert_eq!(status, StatusCode::OK, "the cursor is bound to nobody");
}

#[tokio::test]
async fn a_change_is_told_from_a_contradiction() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let plain = path(&define(&admin, wanted("project", Some(app.project_id), "env")).await);
    let mut frozen = wanted("platform", None, "frozen");
    frozen["immutable"] = json!(true);
    let frozen = path(&define(&admin, frozen).await);
    let labels = paths::object_labels("project", app.project_id);
    admin.put(&labels, json!({"key": "env", "value": "prod"})).await;
    let body = (400, "invalid_body");
    for (path, wanted, expected) in [
        (&plain, json!({}), (400, "empty_patch")),
        (&plain, json!({"unknown": 1}), (400, "empty_patch")),
        (&plain, json!({"immutable": true}), body),
        (&plain, json!({"cardinality": 2}), body),
        (&plain, json!({"local_key": "env", "description": "x"}), body),
        (&plain, json!({"applicable_kinds": []}), (422, "scope_mismatch")),
        (
            &plain,
            json!({"applicable_kinds": ["node"]}),
            (422, "scope_mismatch"),
        ),
        (
            &plain,
            json!({"value_schema": {"kind": "boolean"}}),
            (422, "invalid_value_schema"),
        ),
        (&plain, json!({"default_value": 7}), (422, "invalid_value_schema")),
        (
            &frozen,
            json!({"value_schema": {"kind": "boolean"}}),
            (409, "immutable_violation"),
        ),
    ] {
        let (status, code) = admin.code("PATCH", path, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    let (status, idle) = admin.patch(&frozen, json!({"applicable_kinds": []})).await;
    assert_eq!(
        (status, &idle["applicable_kinds"]),
        (StatusCode::OK, &json!([])),
        "{idle}"
    );
    let wanted = json!({"description": "where", "value_schema": {"kind": "regex", "pattern": "p.*"},
        "on_delete": "orphan", "cloud_tag_propagation": true, "default_value": null});
    let (status, changed) = admin.patch(&plain, wanted).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(
        (&changed["description"], &changed["on_delete"]),
        (&json!("where"), &json!("orphan"))
    );
    assert_eq!(changed["value_schema"]["pattern"], "p.*");
    let (status, problem) = admin.put(&labels, json!({"key": "env", "value": "xp"})).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("scope_mismatch"))
    );
}

#[tokio::test]
async fn what_becomes_of_labels_is_seen_on_their_objects() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let node = app.node("web-1").await;
    let labels = paths::node_labels(node.id);
    let mut kept = Vec::new();
    for on_delete in ["block", "cascade", "orphan"] {
        let mut body = wanted("domain", Some(app.domain_id), on_delete);
        body["on_delete"] = json!(on_delete);
        let definition = define(&admin, body).await;
        let label = json!({"definition_id": definition["id"], "value": "x"});
        assert_eq!(admin.put(&labels, label).await.0, StatusCode::OK);
        let (status, code) = admin.code("DELETE", &path(&definition), None).await;
        kept.push((status, code));
    }
    let answers = [(409, "assignments_exist"), (204, ""), (204, "")];
    assert_eq!(kept, answers.map(|(status, code)| (status, code.to_owned())));
    let (_, left) = admin.get(&labels).await;
    let left = left["items"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["qualified_key"]), (2, &json!("acme/block")));
    assert_eq!(left[1]["qualified_key"], "acme/orphan");
    assert!(left[1].get("definition_id").is_none());
    let nodes = |selector: &str| format!("{}?selector={selector}", paths::NODES);
    assert_eq!(
        admin.get(&nodes("block")).await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(admin.get(&nodes("orphan")).await.1["items"], json!([]));
    let (status, _) = admin.delete(&format!("{labels}?qualified_key=acme/orphan")).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&labels).await.1["items"].as_array().unwrap().len(), 1);
    let answer = admin
        .code("DELETE", &format!("{labels}?qualified_key=acme/orphan"), None)
        .await;
    assert_eq!(answer, (404, "label_definition_not_found".to_owned()));
    let platform = app.user_on("viewer", ObjectRef::PLATFORM).await;
    assert_eq!(platform.get(&labels).await.0, StatusCode::OK);
}
