use crate::testing::TestApp;
use axum::http::StatusCode;
use plex_api::paths::{self, PROJECTS};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_project_admin_changes_what_is_named_and_nothing_else() {
    let app = TestApp::start().await;
    let admin = app.user_with("admin", app.project_id).await;
    let path = paths::project(app.project_id);
    let (_, before) = admin.get(&path).await;
    let wanted = json!({"name": "Shop", "description": "sells", "sub_range_cidr": "10.0.16.0/20"});
    let (status, changed) = admin.patch(&path, wanted).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Shop"), &json!("sells"))
    );
    assert_eq!(changed["sub_range_cidr"], "10.0.16.0/20");
    assert_eq!(
        (&changed["slug"], &changed["created_at"]),
        (&before["slug"], &before["created_at"])
    );
    let (status, kept) = admin.patch(&path, json!({"release_sub_range": false})).await;
    assert_eq!(
        (status, &kept["sub_range_cidr"]),
        (StatusCode::OK, &json!("10.0.16.0/20"))
    );
    let (_, changed) = admin
        .patch(&path, json!({"release_sub_range": true, "description": ""}))
        .await;
    assert!(changed.get("sub_range_cidr").is_none());
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Shop"), &json!(""))
    );
    let noted = app.audit().await;
    assert_eq!(
        noted.iter().filter(|row| row.relation == "patch_project").count(),
        3
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_patch_is_told_by_its_code() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let sibling =
        json!({"domain_id": app.domain_id, "slug": "db", "name": "db", "sub_range_cidr": "10.0.128.0/20"});
    assert_eq!(admin.post(PROJECTS, sibling).await.0, StatusCode::CREATED);
    app.node("web-1").await;
    app.node_in(app.project("other").await, "other-1").await;
    let path = paths::project(app.project_id);
    let invalidates = (422, "sub_range_invalidates_allocation");
    for (wanted, expected) in [
        (json!({}), (400, "empty_patch")),
        (json!({"description": null}), (400, "empty_patch")),
        (json!({"slug": "web"}), (400, "slug_immutable")),
        (json!({"slug": 1, "x": 1}), (400, "slug_immutable")),
        (json!({"domain_id": app.domain_id}), (400, "invalid_body")),
        (json!({"release_sub_range": "yes"}), (400, "invalid_body")),
        (json!({"name": ""}), (400, "invalid_project")),
        (json!({"description": "\n"}), (400, "invalid_project")),
        (json!({"sub_range_cidr": "10.0.0.0"}), (400, "invalid_project")),
        (json!({"sub_range_cidr": "10.9.0.0/20"}), (400, "invalid_project")),
        (
            json!({"sub_range_cidr": "10.0.0.0/20", "release_sub_range": true}),
            invalidates,
        ),
        // The project's node has 10.0.0.1, the other's 10.0.0.2.
        (json!({"sub_range_cidr": "10.0.16.0/20"}), invalidates),
        (json!({"sub_range_cidr": "10.0.0.0/20"}), invalidates),
        (
            json!({"sub_range_cidr": "10.0.0.0/16"}),
            (409, "sub_range_overlap"),
        ),
        (
            json!({"description": "x".repeat(8192)}),
            (413, "request_body_too_large"),
        ),
    ] {
        let (status, code) = admin.code("PATCH", &path, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    let (status, changed) = admin.patch(&path, json!({"sub_range_cidr": "10.0.0.0/31"})).await;
    assert_eq!(
        (status, &changed["sub_range_cidr"]),
        (StatusCode::OK, &json!("10.0.0.0/31"))
    );
    let taken =
        json!({"domain_id": app.domain_id, "slug": "x", "name": "x", "sub_range_cidr": "10.0.0.2/31"});
    let answer = admin.code("POST", PROJECTS, Some(taken)).await;
    assert_eq!(
        answer,
        (409, "sub_range_overlap".to_owned()),
        "the other's node is in there"
    );
    let answer = admin
        .code("PATCH", &format!("{PROJECTS}/x"), Some(json!({"name": "x"})))
        .await;
    assert_eq!(answer, (400, "invalid_project_id".to_owned()));
}

#[tokio::test]
async fn nodes_get_the_addresses_that_their_project_reserved_until_there_are_no_more() {
    let app = TestApp::start().await;
    let path = paths::project(app.project_id);
    let wanted = json!({"sub_range_cidr": "10.0.0.4/31"});
    assert_eq!(app.admin().patch(&path, wanted).await.0, StatusCode::OK);
    let tokens = paths::bootstrap_tokens(app.project_id);
    let issue = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300, "max_uses": 9});
    let (_, issued) = app.admin().post(&tokens, issue).await;
    let mut answers = Vec::new();
    for n in 0..3 {
        let request = json!({
            "project_id": app.project_id,
            "resource_handle": format!("n{n}"),
            "bootstrap_token": issued["token"],
            "nonce": format!("nonce-{n}"),
            "public_key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
        });
        let (status, answer) = app.anybody().post(paths::REGISTER, request).await;
        let told = if status.is_success() {
            &answer["mesh_ip"]
        } else {
            &answer["code"]
        };
        answers.push((status.as_u16(), told.clone()));
    }
    let expected: [(u16, Value); 3] = [
        (201, json!("10.0.0.4")),
        (201, json!("10.0.0.5")),
        (503, json!("subrange_exhausted")),
    ];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn only_an_admin_changes_a_project() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::project(app.project_id), paths::project(Uuid::now_v7()));
    let body = || Some(json!({"name": "x"}));
    for relation in ["operator", "viewer", "auditor"] {
        let member = app.user_with(relation, app.project_id).await;
        let answer = member.code("PATCH", &here, body()).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()), "{relation}");
    }
    let other = app.project("other").await;
    for actor in [app.stranger().await, app.user_with("admin", other).await] {
        let (status, problem) = actor.alike("PATCH", [&here, &nowhere], body()).await;
        assert_eq!((status, &problem["code"]), (404, &json!("project_not_found")));
    }
    let answer = app.anybody().code("PATCH", &here, body()).await;
    assert_eq!(answer, (401, "unauthenticated".to_owned()));
}
