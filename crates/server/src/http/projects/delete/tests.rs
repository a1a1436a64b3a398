use crate::testing::TestApp;
use axum::http::StatusCode;
use plex_api::paths;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_project_that_holds_something_says_what() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    app.node("web-2").await;
    app.user_with("viewer", app.project_id).await;
    let path = paths::project(app.project_id);
    let counts = json!({"resources": 0, "nodes": 2, "relation_tuples": 1});
    let (status, problem) = app.admin().delete(&path).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("project_not_empty"))
    );
    assert_eq!(problem["project_child_counts"], counts);
    assert!(problem.get("child_counts").is_none());
    app.admin().delete(&paths::node(node.id)).await;
    let (_, problem) = app.admin().delete(&path).await;
    assert_eq!(problem["project_child_counts"], counts, "a revoked node counts");
    assert_eq!(app.admin().get(&path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_project_goes_with_its_labels_and_its_tokens() {
    let app = TestApp::start().await;
    let id = app.project("db").await;
    let labels = paths::object_labels("project", id);
    let admin = app.user_on("admin", app.domain()).await;
    let (status, _) = admin.put(&labels, json!({"key": "env", "value": "prod"})).await;
    assert_eq!(status, StatusCode::OK);
    let issue = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
    let (_, issued) = admin.post(&paths::bootstrap_tokens(id), issue).await;
    let (status, body) = admin.delete(&paths::project(id)).await;
    assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
    let answer = admin.code("DELETE", &paths::project(id), None).await;
    assert_eq!(answer, (404, "project_not_found".to_owned()));
    let request = json!({
        "project_id": id,
        "resource_handle": "late",
        "bootstrap_token": issued["token"],
        "nonce": "nonce",
        "public_key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
    });
    let answer = app.anybody().code("POST", paths::REGISTER, Some(request)).await;
    assert_eq!(answer, (422, "bootstrap_token_invalid".to_owned()));
    let rows = app.audit().await;
    let told = rows
        .iter()
        .find(|row| row.relation == "delete_project")
        .expect("an entry");
    assert_eq!(
        (told.chain, told.identity.clone()),
        (app.domain_id, admin.subject())
    );
}

#[tokio::test]
async fn only_an_admin_deletes_a_project() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::project(app.project_id), paths::project(Uuid::now_v7()));
    for relation in ["operator", "viewer", "auditor"] {
        let member = app.user_with(relation, app.project_id).await;
        let answer = member.code("DELETE", &here, None).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()), "{relation}");
    }
    let other = app.project("other").await;
    for actor in [app.stranger().await, app.user_with("admin", other).await] {
        let (status, problem) = actor.alike("DELETE", [&here, &nowhere], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("project_not_found")));
    }
    let answer = app.anybody().code("DELETE", &here, None).await;
    assert_eq!(answer, (401, "unauthenticated".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_deletion_and_what_is_issued_meanwhile_neither_breaks() {
    let app = TestApp::start().await;
    for n in 0..20 {
        let id = app.project(&format!("p{n}")).await;
        let (deleter, issuer) = (app.admin(), app.admin());
        let path = paths::project(id);
        let deleted = tokio::spawn(async move { deleter.delete(&path).await });
        let issue = json!({"kind": "node", "env_prefix": "test", "ttl_seconds": 300});
        let issued = tokio::spawn(async move { issuer.post(&paths::bootstrap_tokens(id), issue).await });
        let (deleted, issued) = (deleted.await.unwrap(), issued.await.unwrap());
        assert_eq!(
            deleted.0,
            StatusCode::NO_CONTENT,
            "a token does not keep a project"
        );
        match issued.0 {
            StatusCode::CREATED => {}
            status => assert_eq!(
                (status.as_u16(), &issued.1["code"]),
                (404, &json!("project_not_found"))
            ),
        }
    }
}
