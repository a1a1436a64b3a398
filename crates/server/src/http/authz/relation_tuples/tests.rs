use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use plex_api::paths::{self, RELATION_TUPLES};
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const PLATFORM: &str = "platform:platform";

fn of(project: Uuid) -> String {
    format!("{RELATION_TUPLES}?project_id={project}")
}

fn tuple(subject: &str, relation: &str, resource: &str) -> Value {
    json!({"subject": subject, "relation": relation, "resource": resource})
}

fn somebody() -> String {
    format!("user:{}", Uuid::now_v7())
}

async fn grant(actor: &Actor, app: &TestApp, body: Value) -> (u16, Value) {
    let (status, answer) = actor.post(&of(app.project_id), body).await;
    (status.as_u16(), answer)
}

/// The path of a tuple that the platform admin grants to somebody.
async fn granted(app: &TestApp, resource: &str) -> String {
    let (status, made) = grant(&app.admin(), app, tuple(&somebody(), "viewer", resource)).await;
    assert_eq!(status, 201, "{made}");
    paths::relation_tuple(made["id"].as_str().unwrap().parse().unwrap())
}

async fn resources(actor: &Actor, app: &TestApp) -> BTreeSet<String> {
    let (status, page) = actor.get(&of(app.project_id)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["resource"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_grant_works_at_once_and_ends_at_once() {
    let app = TestApp::start().await;
    let project = format!("project:{}", app.project_id);
    let admin = app.user_with("admin", app.project_id).await;
    let member = app.stranger().await;
    let wanted = tuple(&member.subject(), "viewer", &project);
    let (status, made) = grant(&admin, &app, wanted.clone()).await;
    assert_eq!(status, 201, "{made}");
    for name in ["subject", "relation", "resource"] {
        assert_eq!(made[name], wanted[name]);
    }
    let read = paths::project(app.project_id);
    assert_eq!(member.get(&read).await.0, StatusCode::OK);

    let before = app.audit().await.len();
    let (status, again) = grant(&admin, &app, wanted).await;
    assert_eq!(
        (status, &again),
        (201, &made),
        "what is held already stays as it is"
    );
    assert_eq!(app.audit().await.len(), before, "and is no mutation");

    let path = paths::relation_tuple(made["id"].as_str().unwrap().parse().unwrap());
    assert_eq!(admin.delete(&path).await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(member.get(&read).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        admin.code("DELETE", &path, None).await,
        (404, "relation_tuple_not_found".to_owned())
    );
}

#[tokio::test]
async fn what_is_no_triple_is_refused() {
    let app = TestApp::start().await;
    let (project, user) = (format!("project:{}", app.project_id), somebody());
    let foreign = app.project("shop").await;
    let mut with_caveat = tuple(&user, "viewer", &project);
    with_caveat["caveat_name"] = json!("from_cidr");
    for body in [
        tuple("user:x", "viewer", &project),
        tuple(&format!("group:{}", Uuid::now_v7()), "viewer", &project),
        tuple(&user, "owner", &project),
        tuple(&user, "read_project", &project),
        tuple(&user, "viewer", "project:x"),
        tuple(&user, "viewer", &user),
        tuple(&user, "viewer", &format!("project:{foreign}")),
        with_caveat,
    ] {
        let answer = app
            .admin()
            .code("POST", &of(app.project_id), Some(body.clone()))
            .await;
        assert_eq!(answer, (400, "invalid_triple".to_owned()), "{body}");
    }
    // What is not there is answered as what the caller has no relation to.
    let nowhere = tuple(&user, "viewer", &format!("domain:{}", Uuid::now_v7()));
    let told = app.admin().code("POST", &of(app.project_id), Some(nowhere)).await;
    assert_eq!(told, (403, "rebac_denied".to_owned()));
    let (admin, good) = (app.admin(), tuple(&user, "viewer", &project));
    for path in [
        RELATION_TUPLES.to_owned(),
        format!("{RELATION_TUPLES}?project_id=x"),
    ] {
        for (method, body) in [("POST", Some(good.clone())), ("GET", None)] {
            assert_eq!(
                admin.code(method, &path, body).await,
                (400, "invalid_project_id".to_owned()),
                "{method} {path}"
            );
        }
    }
    let path = of(app.project_id);
    assert_eq!(
        admin.code("POST", &path, Some(json!({}))).await,
        (400, "invalid_body".to_owned())
    );
    let huge = tuple(&"x".repeat(8192), "viewer", &project);
    assert_eq!(
        admin.code("POST", &path, Some(huge)).await,
        (413, "request_body_too_large".to_owned())
    );
    assert_eq!(
        app.anybody().code("POST", &path, Some(good)).await,
        (401, "unauthenticated".to_owned())
    );
    let malformed = admin.code("DELETE", &format!("{RELATION_TUPLES}/x"), None).await;
    assert_eq!(malformed, (400, "invalid_relation_tuple_id".to_owned()));
}

#[tokio::test]
async fn an_identity_is_of_one_kind() {
    let app = TestApp::start().await;
    let member = app.stranger().await;
    let as_service = format!("service-identity:{}", member.id);
    let (status, problem) = grant(&app.admin(), &app, tuple(&as_service, "viewer", PLATFORM)).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_triple")));
}

#[tokio::test]
async fn nobody_grants_where_they_are_not_admin() {
    let app = TestApp::start().await;
    let (project, domain) = (format!("project:{}", app.project_id), app.domain().to_string());
    let (yes, bound, unbound) = ("", "insufficient_relation", "out_of_scope");
    for (actor, [on_project, on_domain, on_platform]) in [
        (app.admin(), [yes, yes, yes]),
        (app.user_on("admin", app.domain()).await, [yes, yes, unbound]),
        (
            app.user_with("admin", app.project_id).await,
            [yes, unbound, unbound],
        ),
        (
            app.user_with("operator", app.project_id).await,
            [bound, bound, bound],
        ),
        (
            app.user_with("auditor", app.project_id).await,
            [bound, bound, bound],
        ),
        (
            app.user_on("viewer", ObjectRef::PLATFORM).await,
            [bound, bound, bound],
        ),
    ] {
        for (resource, expected) in [
            (&*project, on_project),
            (&*domain, on_domain),
            (PLATFORM, on_platform),
        ] {
            let (status, answer) = grant(&actor, &app, tuple(&somebody(), "viewer", resource)).await;
            let told = answer["reason"].as_str().unwrap_or("");
            assert_eq!(
                (status, told),
                (if expected.is_empty() { 201 } else { 403 }, expected),
                "{resource}"
            );
        }
    }
    let denials = app.denials().await;
    for (object, what) in [(&*project, "grant"), (&*domain, "grant"), (PLATFORM, "grant")] {
        assert!(
            denials
                .iter()
                .any(|(_, noted, on, ..)| noted == what && on == object),
            "{object}: {denials:?}"
        );
    }
}

#[tokio::test]
async fn a_foreign_project_is_answered_as_a_missing_one() {
    let app = TestApp::start().await;
    let stranger = app.stranger().await;
    let (here, nowhere) = (of(app.project_id), of(Uuid::now_v7()));
    let body = || Some(tuple(&somebody(), "viewer", PLATFORM));
    for (method, body, expected) in [
        ("POST", body(), (404, "project_not_found")),
        ("GET", None, (403, "rebac_denied")),
    ] {
        let (status, problem) = stranger.alike(method, [&here, &nowhere], body.clone()).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), expected);
        let (admin_status, _, _) = app.admin().send(method, &nowhere, body).await;
        assert_eq!(
            admin_status.as_u16(),
            expected.0,
            "missing is missing for an admin, too"
        );
    }
}

#[tokio::test]
async fn a_list_shows_grants_on_what_the_caller_reads() {
    let app = TestApp::start().await;
    let (project, domain) = (format!("project:{}", app.project_id), app.domain().to_string());
    for resource in [&*project, &*domain, PLATFORM] {
        granted(&app, resource).await;
    }
    let shown = |objects: &[&str]| {
        objects
            .iter()
            .map(|object| (*object).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let of_project = app.user_with("viewer", app.project_id).await;
    assert_eq!(resources(&of_project, &app).await, shown(&[&project]));
    let of_domain = app.user_on("viewer", app.domain()).await;
    assert_eq!(resources(&of_domain, &app).await, shown(&[&project, &domain]));
    let of_platform = app.user_on("viewer", ObjectRef::PLATFORM).await;
    for actor in [of_platform, app.admin()] {
        assert_eq!(
            resources(&actor, &app).await,
            shown(&[&project, &domain, PLATFORM])
        );
    }
    let auditor = app.user_with("auditor", app.project_id).await;
    let (status, problem) = auditor.get(&of(app.project_id)).await;
    assert_eq!(
        (status.as_u16(), &problem["reason"]),
        (403, &json!("insufficient_relation"))
    );
    assert_eq!(
        app.anybody().code("GET", &of(app.project_id), None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_list_is_walked_oldest_first_and_its_cursors_belong_to_their_caller() {
    let app = TestApp::start().await;
    for resource in [
        PLATFORM.to_owned(),
        app.domain().to_string(),
        format!("project:{}", app.project_id),
    ] {
        granted(&app, &resource).await;
        granted(&app, &resource).await;
    }
    let admin = app.admin();
    let (_, all) = admin.get(&of(app.project_id)).await;
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = admin
            .get(&format!("{}&limit=2&cursor={cursor}", of(app.project_id)))
            .await;
        walked.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = next.to_owned();
    }
    assert_eq!(walked, ids(&all));
    assert!(walked.len() > 6 && walked.is_sorted(), "{walked:?}");
    let other = app.user_on("viewer", ObjectRef::PLATFORM).await;
    let foreign = other
        .code("GET", &format!("{}&cursor={cursor}", of(app.project_id)), None)
        .await;
    assert_eq!(foreign, (403, "cursor_binding_mismatch".to_owned()));
    let shop = app.project("shop").await;
    for (path, code) in [
        (format!("{}&cursor={cursor}", of(shop)), "invalid_cursor"),
        (format!("{}&cursor=x", of(app.project_id)), "invalid_cursor"),
        (format!("{}&limit=201", of(app.project_id)), "invalid_limit"),
    ] {
        assert_eq!(admin.code("GET", &path, None).await, (400, code.to_owned()));
    }
}

#[tokio::test]
async fn a_grant_is_withdrawn_by_admins_of_its_object_alone() {
    let app = TestApp::start().await;
    let nowhere = paths::relation_tuple(Uuid::now_v7());
    let project_admin = app.user_with("admin", app.project_id).await;
    let domain_admin = app.user_on("admin", app.domain()).await;
    let platform_viewer = app.user_on("viewer", ObjectRef::PLATFORM).await;
    let project_viewer = app.user_with("viewer", app.project_id).await;
    let stranger = app.stranger().await;
    let project = format!("project:{}", app.project_id);
    for (resource, outsiders, bound, admin) in [
        (
            project,
            vec![&stranger],
            vec![&platform_viewer, &project_viewer],
            &project_admin,
        ),
        (
            app.domain().to_string(),
            vec![&stranger, &project_admin],
            vec![&platform_viewer],
            &domain_admin,
        ),
        (
            PLATFORM.to_owned(),
            vec![&stranger, &project_admin, &domain_admin],
            vec![&platform_viewer],
            &app.admin(),
        ),
    ] {
        let path = granted(&app, &resource).await;
        for actor in outsiders {
            let (status, problem) = actor.alike("DELETE", [&path, &nowhere], None).await;
            assert_eq!(
                (status, &problem["code"]),
                (404, &json!("relation_tuple_not_found")),
                "{resource}"
            );
            let noted = app.denials().await;
            assert!(
                noted
                    .iter()
                    .any(|(who, _, on, ..)| *who == actor.subject() && *on == resource),
                "{noted:?}"
            );
        }
        for actor in bound {
            let (status, problem) = actor.delete(&path).await;
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (403, &json!("rebac_denied")),
                "{resource}"
            );
            assert_eq!(problem["reason"], "insufficient_relation");
        }
        assert_eq!(admin.delete(&path).await.0, StatusCode::NO_CONTENT, "{resource}");
    }
    assert_eq!(
        app.anybody().code("DELETE", &nowhere, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_grant_on_the_platform_is_found_by_listing_and_withdrawn() {
    let app = TestApp::start().await;
    let fallen = app.stranger().await;
    let (_, made) = grant(&app.admin(), &app, tuple(&fallen.subject(), "admin", PLATFORM)).await;
    let (_, page) = app.admin().get(&of(app.project_id)).await;
    let found = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["subject"] == fallen.subject());
    let id = found.expect("it is listed")["id"].as_str().unwrap();
    assert_eq!(id, made["id"]);
    assert_eq!(
        fallen.get(paths::DOMAINS).await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        app.admin()
            .delete(&paths::relation_tuple(id.parse().unwrap()))
            .await
            .0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fallen.get(paths::DOMAINS).await.1["empty_reason"],
        "no_rebac_membership"
    );
}

#[tokio::test]
async fn a_relation_is_changed_in_one_step_under_its_id_or_not_at_all() {
    let app = TestApp::start().await;
    let (project, domain) = (format!("project:{}", app.project_id), app.domain().to_string());
    let admin = app.user_with("admin", app.project_id).await;
    let anna = app.stranger().await;
    let (_, made) = grant(&admin, &app, tuple(&anna.subject(), "viewer", &project)).await;
    let path = paths::relation_tuple(made["id"].as_str().unwrap().parse().unwrap());
    let patch = async |who: &Actor, body: Value| {
        let (status, _, answer) = who.send("PATCH", &path, Some(body)).await;
        (status.as_u16(), answer)
    };
    let (status, changed) = patch(&admin, tuple(&anna.subject(), "operator", &project)).await;
    assert_eq!((status, &changed["id"]), (200, &made["id"]), "{changed}");
    assert_eq!(changed["relation"], "operator");
    let entries = app.audit().await;
    let words: Vec<_> = entries.iter().map(|entry| entry.relation.as_str()).collect();
    assert!(words.ends_with(&["withdraw", "grant"]), "{words:?}");

    // What is refused has changed nothing: the original is still there.
    let refused = [
        (json!({}), (400, "invalid_body")),
        (
            tuple(&anna.subject(), "dispatch", &project),
            (400, "invalid_triple"),
        ),
        (tuple(&anna.subject(), "viewer", &domain), (403, "rebac_denied")),
        (tuple(&anna.subject(), "viewer", PLATFORM), (403, "rebac_denied")),
    ];
    for (body, expected) in refused {
        let (status, problem) = patch(&admin, body.clone()).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), expected, "{body}");
        assert_eq!(anna.get(&paths::project(app.project_id)).await.0, StatusCode::OK);
    }
    let operator = app.user_with("operator", app.project_id).await;
    let wanted = tuple(&anna.subject(), "viewer", &project);
    assert_eq!(patch(&operator, wanted.clone()).await.0, 403);
    let nowhere = paths::relation_tuple(Uuid::now_v7());
    let (status, problem) = app
        .stranger()
        .await
        .alike("PATCH", [&path, &nowhere], Some(wanted.clone()))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (404, Some("relation_tuple_not_found"))
    );
    // Onto what another tuple states.
    grant(&admin, &app, wanted.clone()).await;
    assert_eq!(patch(&admin, wanted).await.0, 400);
    assert_eq!(
        patch(&admin, tuple(&anna.subject(), "auditor", &project)).await.0,
        200
    );
}

#[tokio::test]
async fn relations_of_a_node_are_granted_listed_and_end_there() {
    let app = TestApp::start().await;
    let node = app.node("web-1").await;
    let other = app.node("web-2").await;
    let elsewhere = app.project("other").await;
    let foreign = app.node_in(elsewhere, "db-1").await;
    let resource = format!("node:{}", node.id);
    let anna = app.stranger().await;
    let admin = app.user_with("admin", app.project_id).await;
    let (status, made) = grant(&admin, &app, tuple(&anna.subject(), "viewer", &resource)).await;
    assert_eq!(status, 201, "{made}");
    assert!(resources(&admin, &app).await.contains(&resource));
    assert_eq!(anna.get(&paths::node(node.id)).await.0, StatusCode::OK);
    anna.alike(
        "GET",
        [&paths::node(other.id), &paths::node(Uuid::now_v7())],
        None,
    )
    .await;
    let (_, page) = anna.get(paths::NODES).await;
    let shown: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    assert_eq!(
        shown,
        [json!(node.id)],
        "a list shows only what the caller may see"
    );
    let wanted = tuple(&anna.subject(), "viewer", &format!("node:{}", foreign.id));
    let (status, problem) = grant(&app.admin(), &app, wanted).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (400, Some("invalid_triple")),
        "of another project"
    );
}
