use crate::testing::{Actor, TestApp};
use plex_api::paths;
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use uuid::Uuid;

async fn ask(actor: &Actor, subject: &str, relation: &str, resource: &str) -> (String, Value) {
    let body = json!({"subject": subject, "relation": relation, "resource": resource});
    let (status, answer) = actor.post(paths::AUTHZ_CHECK, body).await;
    assert_eq!(status, 200, "{answer}");
    let outcome = answer["decision"].as_str().unwrap();
    let outcome = answer["reason"].as_str().unwrap_or(outcome).to_owned();
    assert!(answer["correlation_id"].is_string());
    assert_eq!(answer.get("relation_path").is_some(), outcome == "allowed");
    (outcome, answer["relation_path"].clone())
}

#[tokio::test]
async fn a_check_tells_the_way_or_the_reason() {
    let app = TestApp::start().await;
    let project = format!("project:{}", app.project_id);
    let domain_admin = app.user_on("admin", app.domain()).await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let me = viewer.subject();
    let answer = async |relation: &str| ask(&viewer, &me, relation, &project).await;
    assert_eq!(answer("viewer").await, ("allowed".to_owned(), json!([])));
    assert_eq!(
        answer("read_node").await,
        ("allowed".to_owned(), json!([format!("{project}#viewer")]))
    );
    assert_eq!(answer("dispatch").await.0, "insufficient_relation");
    let (outcome, path) = ask(&domain_admin, &domain_admin.subject(), "manage", &project).await;
    assert_eq!(
        (outcome.as_str(), path),
        ("allowed", json!([format!("{}#admin", app.domain())]))
    );
}

#[tokio::test]
async fn what_the_caller_cannot_see_is_answered_as_what_is_not_there() {
    let app = TestApp::start().await;
    let (here, nowhere) = (
        format!("project:{}", app.project_id),
        format!("project:{}", Uuid::now_v7()),
    );
    let viewer = app.user_with("viewer", app.project_id).await;
    let auditor = app.user_with("auditor", app.project_id).await;
    let stranger = app.stranger().await;
    for resource in [&here, &nowhere] {
        assert_eq!(
            ask(&stranger, &stranger.subject(), "viewer", resource).await.0,
            "out_of_scope"
        );
        assert_eq!(
            ask(&stranger, &viewer.subject(), "viewer", resource).await.0,
            "out_of_scope"
        );
    }
    assert_eq!(
        ask(&viewer, &auditor.subject(), "auditor", &here).await.0,
        "allowed"
    );
    // About others only a viewer may ask, and an auditor is none.
    assert_eq!(
        ask(&auditor, &viewer.subject(), "viewer", &here).await.0,
        "out_of_scope"
    );
    assert_eq!(
        ask(&auditor, &auditor.subject(), "auditor", &here).await.0,
        "allowed"
    );
}

#[tokio::test]
async fn a_question_that_means_nothing_is_refused() {
    let app = TestApp::start().await;
    let (user, project) = (app.admin().subject(), format!("project:{}", app.project_id));
    for (subject, relation, resource) in [
        ("user", "viewer", &*project),
        ("user:x", "viewer", &project),
        (&user, "owner", &project),
        (&user, "node-agent", &project),
        (&user, "viewer", "moon:1"),
        (&user, "", &project),
        (
            "group:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0#member",
            "viewer",
            &project,
        ),
    ] {
        let body = json!({"subject": subject, "relation": relation, "resource": resource});
        let told = app.admin().code("POST", paths::AUTHZ_CHECK, Some(body)).await;
        assert_eq!(
            told,
            (400, "invalid_check_request".to_owned()),
            "{subject} {relation} {resource}"
        );
    }
    let told = app
        .admin()
        .code("POST", paths::AUTHZ_CHECK, Some(json!({})))
        .await;
    assert_eq!(told, (400, "invalid_body".to_owned()));
    let large = json!({"subject": user, "relation": "r".repeat(8192), "resource": project});
    let told = app.admin().code("POST", paths::AUTHZ_CHECK, Some(large)).await;
    assert_eq!(told, (413, "request_body_too_large".to_owned()));
}

#[tokio::test]
async fn conditions_see_the_callers_request_or_what_the_question_says() {
    let app = TestApp::start().await;
    let project = format!("project:{}", app.project_id);
    let member = app.stranger().await;
    let grant = json!({
        "subject": member.subject(), "relation": "viewer", "resource": project,
        "caveat_name": "from_cidr", "caveat_context": {"cidr": "192.0.2.0/24"},
    });
    let path = format!("{}?project_id={}", paths::RELATION_TUPLES, app.project_id);
    let (status, made) = app.admin().post(&path, grant).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["caveat_context"], json!({"cidr": "192.0.2.0/24"}));
    let inside = member.clone().from("192.0.2.7");
    let outside = member.clone().from("198.51.100.7");
    let me = member.subject();
    assert_eq!(ask(&inside, &me, "read_node", &project).await.0, "allowed");
    assert_eq!(
        ask(&outside, &me, "read_node", &project).await.0,
        "caveat_violation"
    );
    // The door decides likewise, and tells who is bound but for the condition.
    let read = paths::project(app.project_id);
    assert_eq!(inside.get(&read).await.0, 200);
    let (status, problem) = outside.get(&read).await;
    assert_eq!(
        (status.as_u16(), problem["reason"].as_str()),
        (403, Some("caveat_violation"))
    );
    // About another, the question itself must say it.
    let about = |context: Value| {
        let body = json!({
            "subject": me, "relation": "viewer", "resource": project, "caveat_context": context,
        });
        let admin = app.admin();
        async move { admin.post(paths::AUTHZ_CHECK, body).await.1["decision"].clone() }
    };
    assert_eq!(about(json!({})).await, "denied");
    assert_eq!(about(json!({"ip": "192.0.2.9"})).await, "allowed");
    assert_eq!(
        about(json!({"ip": "192.0.3.9", "cidr": "192.0.3.0/24"})).await,
        "denied"
    );
}

#[tokio::test]
async fn look_ups_are_whole_and_show_what_the_caller_may_know() {
    let app = TestApp::start().await;
    let other = app.project("other").await;
    let (project, other) = (format!("project:{}", app.project_id), format!("project:{other}"));
    let viewer = app.user_with("viewer", app.project_id).await;
    let domain_viewer = app.user_on("viewer", app.domain()).await;
    let stranger = app.stranger().await;
    let resources = async |actor: &Actor, subject: &str| {
        let body = json!({"subject": subject, "relation": "read_node", "resource_type": "project"});
        let (status, answer) = actor.post(paths::LOOKUP_RESOURCES, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["items"].clone()
    };
    assert_eq!(resources(&viewer, &viewer.subject()).await, json!([project]));
    let both = json!([project, other]);
    assert_eq!(resources(&domain_viewer, &domain_viewer.subject()).await, both);
    assert_eq!(
        resources(&viewer, &domain_viewer.subject()).await,
        json!([project])
    );
    assert_eq!(resources(&stranger, &domain_viewer.subject()).await, json!([]));

    let subjects = async |actor: &Actor, resource: &str| {
        let body = json!({"subject_type": "user", "relation": "read_node", "resource": resource});
        let (status, answer) = actor.post(paths::LOOKUP_SUBJECTS, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["items"].clone()
    };
    let admin = app.admin().subject();
    let all = json!([admin, viewer.subject(), domain_viewer.subject()]);
    assert_eq!(subjects(&viewer, &project).await, all);
    assert_eq!(subjects(&viewer, &other).await, json!([]));
    assert_eq!(subjects(&stranger, &project).await, json!([]));
    let nowhere = format!("project:{}", Uuid::now_v7());
    assert_eq!(subjects(&app.admin(), &nowhere).await, json!([]));
    assert_eq!(
        subjects(&app.admin(), &ObjectRef::PLATFORM.to_string()).await,
        json!([admin])
    );

    for (path, body) in [
        (
            paths::LOOKUP_RESOURCES,
            json!({"subject": admin, "relation": "viewer", "resource_type": "moon"}),
        ),
        (
            paths::LOOKUP_RESOURCES,
            json!({"subject": "me", "relation": "viewer", "resource_type": "project"}),
        ),
        (
            paths::LOOKUP_SUBJECTS,
            json!({"subject_type": "user", "relation": "owner", "resource": project}),
        ),
        (
            paths::LOOKUP_SUBJECTS,
            json!({"subject_type": "moon", "relation": "viewer", "resource": project}),
        ),
    ] {
        let told = app.admin().code("POST", path, Some(body)).await;
        assert_eq!(told, (400, "invalid_lookup_request".to_owned()));
    }
}
