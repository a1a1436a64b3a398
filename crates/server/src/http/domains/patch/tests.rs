use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use plex_api::paths::{self, DOMAINS, PROJECTS};
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Value, json};
use uuid::Uuid;

async fn made(actor: &Actor, path: &str, body: Value) -> Uuid {
    let (status, made) = actor.post(path, body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_domain_admin_changes_what_is_named_and_nothing_else() {
    let app = TestApp::start().await;
    let admin = app.user_on("admin", app.domain()).await;
    let path = paths::domain(app.domain_id);
    let (_, before) = admin.get(&path).await;
    let policy = json!({"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "1m0s"});
    let wanted = json!({"name": " Other ", "description": "new", "region": "eu-1", "reachability": policy});
    let (status, changed) = admin.patch(&path, wanted).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Other"), &json!("new"))
    );
    assert_eq!(
        (&changed["region"], &changed["reachability"]),
        (&json!("eu-1"), &policy)
    );
    for kept in ["id", "slug", "mesh_cidr", "created_at"] {
        assert_eq!(changed[kept], before[kept], "{kept}");
    }
    let (_, changed) = admin.patch(&path, json!({"description": "", "region": ""})).await;
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Other"), &json!(""))
    );
    assert!(changed.get("region").is_none());
    assert_eq!(admin.get(&path).await.1, changed);
    let noted = app.audit().await;
    let noted = noted.iter().filter(|row| row.relation == "patch_domain");
    assert!(noted.clone().all(|row| row.chain == app.domain_id) && noted.count() == 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_patch_is_told_by_its_code() {
    let app = TestApp::start().await;
    let admin = app.admin();
    made(
        &admin,
        DOMAINS,
        json!({"slug": "beta", "name": "b", "mesh_cidr": "10.9.0.0/16"}),
    )
    .await;
    let path = paths::domain(app.domain_id);
    let half = json!({"heartbeat_interval": "30s", "stale_after": "", "unreachable_after": ""});
    for (wanted, expected) in [
        (json!({}), (400, "empty_patch")),
        (json!({"name": null}), (400, "empty_patch")),
        (json!({"slug": "acme"}), (400, "slug_immutable")),
        (json!({"slug": null, "nonsense": 1}), (400, "slug_immutable")),
        (json!({"nonsense": 1}), (400, "invalid_body")),
        (json!({"name": 1}), (400, "invalid_body")),
        (json!([]), (400, "invalid_body")),
        (json!({"name": " "}), (400, "invalid_domain")),
        (json!({"name": "n".repeat(256)}), (400, "invalid_domain")),
        (json!({"description": " "}), (400, "invalid_domain")),
        (json!({"region": "EU"}), (400, "invalid_domain")),
        (json!({"mesh_cidr": "ten"}), (400, "invalid_domain")),
        (
            json!({"reachability": half}),
            (400, "invalid_reachability_policy"),
        ),
        (json!({"mesh_cidr": "10.0.0.0/8"}), (409, "mesh_cidr_overlap")),
        (
            json!({"description": "x".repeat(8192)}),
            (413, "request_body_too_large"),
        ),
    ] {
        let (status, code) = admin.code("PATCH", &path, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    let duplicate = br#"{"name":"a","name":"b"}"#.to_vec();
    let json_body = [("content-type", "application/json")];
    let (status, ..) = admin.call("PATCH", &path, duplicate, &json_body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let answer = admin
        .code("PATCH", &format!("{DOMAINS}/x"), Some(json!({"name": "x"})))
        .await;
    assert_eq!(answer, (400, "invalid_domain_id".to_owned()));
}

#[tokio::test]
async fn a_pool_that_would_leave_something_outside_is_refused_and_names_the_project() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let wanted =
        json!({"domain_id": app.domain_id, "slug": "db", "name": "db", "sub_range_cidr": "10.0.16.0/20"});
    let project = made(&admin, PROJECTS, wanted).await;
    app.node("web-1").await;
    let path = paths::domain(app.domain_id);
    for (pool, named) in [("10.0.0.0/20", project), ("10.0.16.0/20", app.project_id)] {
        let (status, problem) = admin.patch(&path, json!({"mesh_cidr": pool})).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (422, &json!("mesh_cidr_invalidates_subrange"))
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(&named.to_string()),
            "{problem}"
        );
    }
    let (status, changed) = admin.patch(&path, json!({"mesh_cidr": "10.0.0.0/15"})).await;
    assert_eq!(
        (status, &changed["mesh_cidr"]),
        (StatusCode::OK, &json!("10.0.0.0/15"))
    );
    let (_, node) = admin
        .get(&format!("{}?project_id={}", paths::NODES, app.project_id))
        .await;
    assert_eq!(node["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_an_admin_of_the_domain_changes_it() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::domain(app.domain_id), paths::domain(Uuid::now_v7()));
    let body = || Some(json!({"name": "x"}));
    for relation in ["operator", "viewer", "auditor"] {
        let member = app.user_on(relation, app.domain()).await;
        let answer = member.code("PATCH", &here, body()).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()), "{relation}");
    }
    let project = ObjectRef::of(ObjectKind::Project, app.project_id);
    for actor in [app.stranger().await, app.user_on("admin", project).await] {
        let (status, problem) = actor.alike("PATCH", [&here, &nowhere], body()).await;
        assert_eq!((status, &problem["code"]), (404, &json!("domain_not_found")));
        // Also with a body that would not do.
        let (status, problem) = actor.alike("PATCH", [&here, &nowhere], Some(json!({}))).await;
        assert_eq!((status, &problem["code"]), (404, &json!("domain_not_found")));
    }
    assert_eq!(
        app.anybody().code("PATCH", &here, body()).await,
        (401, "unauthenticated".to_owned())
    );
}
