use crate::testing::{TestApp, without_request};
use axum::http::StatusCode;
use plex_api::paths;
use plex_store::{Error, Sql, values};
use serde_json::{Value, json};
use uuid::Uuid;

async fn audited(app: &TestApp) -> i64 {
    let sql = "select count(*) from audit_entries where relation in ('label_node', 'unlabel_node')";
    let found = app
        .app
        .db
        .read(async move |tx| tx.optional(sql, &values![], |row| row.get(0)).await)
        .await;
    let found: Result<Option<i64>, Error> = found;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn an_operator_sets_replaces_and_removes_labels() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let operator = app.user_with("operator", app.project_id).await;
    let path = paths::node_labels(node.id);
    let (status, first) = operator.put(&path, json!({"key": "env", "value": "prod"})).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!(
        (&first["value"], &first["assigned_by"]),
        (&json!("prod"), &json!("user"))
    );
    let qualified = first["qualified_key"].as_str().unwrap().to_owned();
    assert!(
        qualified.ends_with("/env") && qualified.contains(':'),
        "{qualified}"
    );
    let by_id = json!({"definition_id": first["definition_id"], "value": "test"});
    assert_eq!(operator.put(&path, by_id).await.1["value"], "test");
    let by_full_key = json!({"key": qualified, "value": "dev"});
    assert_eq!(operator.put(&path, by_full_key).await.1["value"], "dev");
    let (_, all) = operator.get(&path).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&all["items"][0]["value"], &all["items"][0]["object_id"]),
        (&json!("dev"), &json!(node.id))
    );
    assert_eq!(audited(&app).await, 3);
    let encoded = qualified.replace(':', "%3A").replace('/', "%2F");
    for key in [encoded.as_str(), "env", "env"] {
        let (status, _) = operator.delete(&format!("{path}?qualified_key={key}")).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "also when nothing is removed");
    }
    assert_eq!(audited(&app).await, 4, "what removed nothing is no mutation");
    assert_eq!(operator.get(&path).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_key_that_is_defined_on_its_way_is_told_of_once() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let operator = app.user_with("operator", app.project_id).await;
    let path = paths::node_labels(node.id);
    let (status, _) = operator.put(&path, json!({"key": "env", "value": 7})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "and defines nothing");
    for value in ["prod", "test"] {
        let (status, _) = operator.put(&path, json!({"key": "env", "value": value})).await;
        assert_eq!(status, StatusCode::OK);
    }
    let rows = app.written_audit().await;
    let told: Vec<_> = rows.iter().filter(|row| row.relation == "define_label").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].chain, &told[0].identity),
        (app.domain_id, &operator.subject())
    );
    let entry = told[0].entry();
    assert_eq!(
        (&entry["object_type"], &entry["object_id"]),
        (&json!("project"), &json!(app.project_id.to_string()))
    );
    assert_eq!(entry["details"], "label:acme:web/env");
}

#[tokio::test]
async fn a_project_full_of_definitions_takes_no_new_key() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let operator = app.user_with("operator", app.project_id).await;
    let path = paths::node_labels(node.id);
    operator.put(&path, json!({"key": "k0", "value": "x"})).await;
    let sql = Sql::Each {
        sqlite: "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        )
        with recursive n (n) as (select 1 union all select n + 1 from n where n < 999)
        select randomblob(16), d.scope, d.scope_id, 'k' || n.n, 'acme:web/k' || n.n, d.value_schema, 'user', 0, 0
        from n join label_definitions d on d.local_key = 'k0'",
        postgres: "insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        )
        with recursive n (n) as (select 1 union all select n + 1 from n where n < 999)
        select gen_random_uuid(), d.scope, d.scope_id, 'k' || n.n, 'acme:web/k' || n.n, d.value_schema, 'user', 0, 0
        from n join label_definitions d on d.local_key = 'k0'",
    };
    let filled = app
        .app
        .db
        .write(async move |tx| tx.execute(sql, &values![]).await);
    let filled: Result<_, Error> = filled.await;
    assert_eq!(filled.unwrap(), 999);
    let token = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600, "labels": {"more": "x"}});
    let (_, token) = app
        .admin()
        .post(&paths::bootstrap_tokens(app.project_id), token)
        .await;
    let register = json!({"project_id": app.project_id, "resource_handle": "n", "nonce": "n",
        "bootstrap_token": token["token"], "public_key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="});
    let answer = app.anybody().code("POST", paths::REGISTER, Some(register)).await;
    assert_eq!(answer, (422, "invariant_violation".to_owned()));
    let project = paths::object_labels("project", app.project_id);
    for path in [&path, &project] {
        let (status, known) = app.admin().put(path, json!({"key": "k999", "value": "x"})).await;
        assert_eq!(status, StatusCode::OK, "{known}");
        let answer = app
            .admin()
            .code("PUT", path, Some(json!({"key": "more", "value": "x"})))
            .await;
        assert_eq!(answer, (409, "label_limit_reached".to_owned()));
    }
    let definition = json!({"scope": "project", "scope_id": app.project_id, "local_key": "more",
        "value_schema": {"kind": "string"}, "applicable_kinds": ["node"]});
    let answer = app
        .admin()
        .code("POST", paths::LABEL_DEFINITIONS, Some(definition))
        .await;
    assert_eq!(answer, (409, "label_limit_reached".to_owned()));
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let admin = app.admin();
    let path = paths::node_labels(node.id);
    let cases: [(u16, &str, Value); 9] = [
        (400, "invalid_body", json!({"value": "x"})),
        (400, "invalid_body", json!({"key": "env"})),
        (
            400,
            "invalid_body",
            json!({"key": "env", "definition_id": Uuid::now_v7(), "value": "x"}),
        ),
        (400, "invalid_body", json!({"key": "Env", "value": "x"})),
        (400, "invalid_body", json!({"key": "", "value": "x"})),
        (
            404,
            "label_definition_not_found",
            json!({"key": "platform/env", "value": "x"}),
        ),
        (
            404,
            "label_definition_not_found",
            json!({"definition_id": Uuid::now_v7(), "value": "x"}),
        ),
        (
            422,
            "scope_mismatch",
            json!({"key": "env", "value": "x".repeat(257)}),
        ),
        (422, "scope_mismatch", json!({"key": "env", "value": 1})),
    ];
    for (status, code, body) in cases {
        let (got, problem) = admin.put(&path, body).await;
        assert_eq!(
            (got.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{problem}"
        );
    }
    assert_eq!(admin.get(&path).await.1["items"], json!([]));
    for n in 0..64 {
        let (status, _) = admin
            .put(&path, json!({"key": format!("k{n}"), "value": "x"}))
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, problem) = admin.put(&path, json!({"key": "one-more", "value": "x"})).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("label_limit_reached"))
    );
    let (status, problem) = admin.delete(&format!("{path}?qualified_key=one-more")).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (404, &json!("label_definition_not_found"))
    );
    assert_eq!(admin.delete(&path).await.1["code"], "invalid_query");
    for other in ["/v1/objects/project/x/labels", "/v1/objects/node/x/labels"] {
        let (status, problem) = admin.get(other).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_id")));
    }
}

#[tokio::test]
async fn a_viewer_reads_and_a_stranger_learns_nothing() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let path = paths::node_labels(node.id);
    let label = || json!({"key": "env", "value": "x"});
    let viewer = app.user_with("viewer", app.project_id).await;
    assert_eq!(viewer.get(&path).await.0, StatusCode::OK);
    for (status, problem) in [
        viewer.put(&path, label()).await,
        viewer.delete(&format!("{path}?qualified_key=env")).await,
    ] {
        assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("rebac_denied")));
    }
    let stranger = app.stranger().await;
    let missing = paths::node_labels(Uuid::now_v7());
    for (method, body, expected) in [
        ("GET", None, 403),
        ("PUT", Some(label()), 404),
        ("DELETE", None, 404),
    ] {
        let (status, _, foreign) = stranger.send(method, &path, body.clone()).await;
        let (absent_status, _, absent) = stranger.send(method, &missing, body.clone()).await;
        assert_eq!(
            (status.as_u16(), absent_status.as_u16()),
            (expected, expected),
            "{method}"
        );
        assert_eq!(without_request(foreign), without_request(absent), "{method}");
        let (admin_status, _, _) = app.admin().send(method, &missing, body).await;
        assert_eq!(
            admin_status.as_u16(),
            expected,
            "missing is missing for an admin, too"
        );
    }
}

#[tokio::test]
async fn a_node_cannot_label_itself() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let (status, _) = node
        .put(&paths::node_labels(node.id), json!({"key": "env", "value": "x"}))
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_node_inherits_its_projects_labels_and_a_selector_sees_that() {
    let app = TestApp::start().await;
    let (a, b) = (app.node("a").await.id, app.node("b").await.id);
    let operator = app.user_with("operator", app.project_id).await;
    let (project, node) = (
        paths::object_labels("project", app.project_id),
        paths::node_labels(b),
    );
    let (status, label) = operator
        .put(&project, json!({"key": "env", "value": "prod"}))
        .await;
    assert_eq!(
        (status, &label["object_kind"]),
        (StatusCode::OK, &json!("project")),
        "{label}"
    );
    operator.put(&node, json!({"key": "env", "value": "test"})).await;
    let (_, shown) = operator.get(&paths::node(a)).await;
    assert_eq!(shown["labels"], json!({"env": "prod"}));
    assert_eq!(
        operator.get(&paths::node_labels(a)).await.1["items"],
        json!([]),
        "its own"
    );
    let (_, effective) = operator
        .get(&format!("{}?effective=true", paths::node_labels(a)))
        .await;
    let inherited = &effective["items"][0];
    assert_eq!(
        (&inherited["object_kind"], &inherited["object_id"]),
        (&json!("project"), &json!(app.project_id))
    );
    let answer = operator
        .code("GET", &format!("{node}?effective=maybe"), None)
        .await;
    assert_eq!(answer, (400, "invalid_query".to_owned()));
    for (selector, expected) in [("env=prod", a), ("env=test", b), ("env!=prod", b)] {
        let (_, page) = operator
            .get(&format!("{}?selector={selector}", paths::NODES))
            .await;
        let ids: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| &node["id"])
            .collect();
        assert_eq!(ids, [&json!(expected)], "{selector}");
    }
    let rows = app.audit().await;
    let told = rows
        .iter()
        .find(|row| row.relation == "label_project")
        .expect("an entry");
    assert_eq!(told.entry()["object_id"], app.project_id.to_string());
    let (status, _) = operator.delete(&format!("{project}?qualified_key=env")).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(operator.get(&paths::node(a)).await.1["labels"], json!({}));
}

#[tokio::test]
async fn a_projects_labels_are_set_by_its_operators_and_seen_by_its_readers() {
    let app = TestApp::start().await;
    let (here, nowhere) = (
        paths::object_labels("project", app.project_id),
        paths::object_labels("project", Uuid::now_v7()),
    );
    let label = || Some(json!({"key": "env", "value": "x"}));
    for relation in ["viewer", "auditor"] {
        let reader = app.user_with(relation, app.project_id).await;
        assert_eq!(reader.get(&here).await.0, StatusCode::OK);
        let answer = reader.code("PUT", &here, label()).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()));
    }
    let stranger = app.stranger().await;
    for (method, body, expected) in [("GET", None, 403), ("PUT", label(), 404), ("DELETE", None, 404)] {
        let (status, _) = stranger.alike(method, [&here, &nowhere], body).await;
        assert_eq!(status, expected, "{method}");
    }
    for kind in ["domain", "workload", "Node"] {
        let path = paths::object_labels(kind, app.project_id);
        assert_eq!(
            app.admin().code("GET", &path, None).await,
            (400, "invalid_id".to_owned())
        );
    }
}

#[tokio::test]
async fn a_definition_is_held_to_what_it_says() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = paths::node_labels(app.node("a").await.id);
    let define = async |key: &str, more: Value| {
        let mut body = json!({"scope": "project", "scope_id": app.project_id, "local_key": key,
            "value_schema": {"kind": "string"}, "applicable_kinds": ["node"]});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, made) = admin.post(paths::LABEL_DEFINITIONS, body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
    };
    define("frozen", json!({"immutable": true})).await;
    define("pair", json!({"cardinality": 2})).await;
    define("owner", json!({"applicable_kinds": ["project"]})).await;
    define("tier", json!({"value_schema": {"kind": "numeric", "min": 1}})).await;
    let put = async |key: &str, value: Value| {
        let body = json!({"key": key, "value": value});
        admin.code("PUT", &path, Some(body)).await
    };
    let told = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(put("frozen", json!("a")).await, told(200, ""));
    assert_eq!(put("frozen", json!("a")).await, told(200, ""), "the same again");
    assert_eq!(put("frozen", json!("b")).await, told(409, "immutable_violation"));
    for value in ["x", "y", "x"] {
        assert_eq!(put("pair", json!(value)).await, told(200, ""));
    }
    assert_eq!(put("pair", json!("z")).await, told(409, "label_limit_reached"));
    assert_eq!(put("owner", json!("me")).await, told(422, "scope_mismatch"));
    assert_eq!(put("tier", json!(0)).await, told(422, "scope_mismatch"));
    assert_eq!(put("tier", json!(3)).await, told(200, ""));
    assert_eq!(
        put("plexsphere.version", json!("3")).await,
        told(422, "scope_mismatch")
    );
    let nodes = |selector: &str| format!("{}?selector={selector}", paths::NODES);
    for selector in [
        "pair=x",
        "pair=y",
        "pair%20in%20(y,q)",
        "tier=3",
        "frozen=a,pair!=z",
    ] {
        let (_, page) = admin.get(&nodes(selector)).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{selector}");
    }
    let (_, page) = admin.get(&nodes("pair=x")).await;
    assert_eq!(page["items"][0]["labels"]["pair"], json!(["x", "y"]));
}
