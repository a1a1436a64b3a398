use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use plex_api::paths::{self, DOMAINS};
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use uuid::Uuid;

fn named(slug: &str) -> Value {
    json!({"slug": slug, "name": slug})
}

/// The wanted domain with one member changed.
fn with(name: &str, value: Value) -> Value {
    let mut wanted = named("beta");
    wanted[name] = value;
    wanted
}

async fn slugs(actor: &Actor, query: &str) -> (Vec<String>, Option<String>, Value) {
    let (status, page) = actor.get(&format!("{DOMAINS}{query}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let items = page["items"].as_array().unwrap();
    let slugs = items
        .iter()
        .map(|item| item["slug"].as_str().unwrap().to_owned())
        .collect();
    (
        slugs,
        page["next_cursor"].as_str().map(str::to_owned),
        page["empty_reason"].clone(),
    )
}

#[tokio::test]
async fn a_domain_comes_with_defaults_and_reads_back() {
    let app = TestApp::start().await;
    let wanted = json!({"slug": "beta", "name": "  Beta  "});
    let (status, headers, made) = app.admin().send("POST", DOMAINS, Some(wanted)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        headers["location"],
        format!("{DOMAINS}/{}", made["id"].as_str().unwrap())
    );
    assert_eq!(
        (&made["name"], &made["description"]),
        (&json!("Beta"), &json!(""))
    );
    assert!(made.get("region").is_none());
    assert_eq!(
        made["mesh_cidr"], "10.1.0.0/16",
        "the first domain has 10.0.0.0/16"
    );
    let patience = json!({"heartbeat_interval": "30s", "stale_after": "1m30s", "unreachable_after": "5m0s"});
    assert_eq!(made["reachability"], patience);
    let (status, got) = app.admin().get(headers["location"].to_str().unwrap()).await;
    assert_eq!((status, got), (StatusCode::OK, made));
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_made() {
    let app = TestApp::start().await;
    let wanted = json!({
        "slug": "beta-2",
        "name": "Größe",
        "description": "two\nlines",
        "region": "eu-1",
        "mesh_cidr": "10.9.0.0/16",
        "reachability": {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "1m0s"},
    });
    let (status, mut made) = app.admin().post(DOMAINS, wanted.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    for added in ["id", "created_at", "updated_at"] {
        made.as_object_mut().unwrap().remove(added).expect(added);
    }
    assert_eq!(made, wanted);
}

#[tokio::test]
async fn what_is_wrong_with_a_domain_is_told_by_its_code() {
    let app = TestApp::start().await;
    let policy = |interval: &str, stale: &str, unreachable: &str| {
        let policy =
            json!({"heartbeat_interval": interval, "stale_after": stale, "unreachable_after": unreachable});
        with("reachability", policy)
    };
    for (wanted, expected) in [
        (with("slug", json!("Beta")), (400, "invalid_domain")),
        (with("slug", json!("b".repeat(65))), (400, "invalid_domain")),
        (with("name", json!(" ")), (400, "invalid_domain")),
        (with("name", json!("a\u{1b}[31m")), (400, "invalid_domain")),
        (with("description", json!(" ")), (400, "invalid_domain")),
        (with("description", json!("a\u{0}b")), (400, "invalid_domain")),
        (with("region", json!("EU")), (400, "invalid_domain")),
        (with("mesh_cidr", json!("10.1.0.0/33")), (400, "invalid_domain")),
        (with("mesh_cidr", json!("ten")), (400, "invalid_domain")),
        (policy("9s", "90s", "300s"), (400, "invalid_reachability_policy")),
        (policy("30s", "", ""), (400, "invalid_reachability_policy")),
        (
            policy("10500ms", "90s", "300s"),
            (400, "invalid_reachability_policy"),
        ),
        (with("slug", json!(7)), (400, "invalid_body")),
        (json!({"slug": "beta"}), (400, "invalid_body")),
        (
            with("description", json!("x".repeat(8192))),
            (413, "request_body_too_large"),
        ),
        (named("acme"), (409, "domain_slug_conflict")),
        (
            with("mesh_cidr", json!("10.0.128.0/17")),
            (409, "mesh_cidr_overlap"),
        ),
    ] {
        let (status, code) = app.admin().code("POST", DOMAINS, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    assert_eq!(
        slugs(&app.admin(), "").await.0,
        ["acme"],
        "nothing of it was kept"
    );
}

#[tokio::test]
async fn only_a_platform_admin_makes_domains() {
    let app = TestApp::start().await;
    let out = "out_of_scope";
    for (actor, reason) in [
        (app.stranger().await, out),
        (app.user_with("admin", app.project_id).await, out),
        (app.user_on("admin", app.domain()).await, out),
        (
            app.user_on("operator", ObjectRef::PLATFORM).await,
            "insufficient_relation",
        ),
    ] {
        let (status, problem) = actor.post(DOMAINS, named("beta")).await;
        assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("rebac_denied")));
        assert_eq!(problem["reason"], reason);
        let noted = app.denials().await;
        let noted = noted.iter().filter(|(subject, ..)| *subject == actor.subject());
        let told: Vec<_> = noted
            .map(|(_, what, object, reason, _)| (what.as_str(), object.as_str(), reason.as_str()))
            .collect();
        assert_eq!(told, [("create_domain", "platform:platform", reason)]);
    }
    let (status, code) = app.anybody().code("POST", DOMAINS, Some(named("beta"))).await;
    assert_eq!((status, code.as_str()), (401, "unauthenticated"));
    assert_eq!(
        app.admin().post(DOMAINS, named("beta")).await.0,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_foreign_domain_is_answered_as_a_missing_one() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::domain(app.domain_id), paths::domain(Uuid::now_v7()));
    for relation in ["admin", "operator", "viewer", "auditor"] {
        let member = app.user_on(relation, app.domain()).await;
        assert_eq!(member.get(&here).await.0, StatusCode::OK, "{relation}");
    }
    let project_admin = app.user_with("admin", app.project_id).await;
    for actor in [app.stranger().await, project_admin] {
        let (status, problem) = actor.alike("GET", [&here, &nowhere], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("domain_not_found")));
    }
    assert_eq!(
        app.admin().code("GET", &nowhere, None).await,
        (404, "domain_not_found".to_owned())
    );
    for bad in ["x", "00000000-0000-0000-0000-000000000000"] {
        let answer = app.admin().code("GET", &format!("{DOMAINS}/{bad}"), None).await;
        assert_eq!(answer, (400, "invalid_domain_id".to_owned()));
    }
    assert_eq!(
        app.anybody().code("GET", &here, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_list_is_walked_by_slug_and_its_cursors_belong_to_their_caller() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for slug in ["d", "b", "e", "c"] {
        admin.post(DOMAINS, named(slug)).await;
    }
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let (slugs, next, _) = slugs(&admin, &format!("?limit=2&cursor={cursor}")).await;
        assert!(slugs.len() <= 2);
        walked.extend(slugs);
        let Some(next) = next else { break };
        cursor = next;
    }
    assert_eq!(walked, ["acme", "b", "c", "d", "e"]);
    let other = app.user_on("viewer", ObjectRef::PLATFORM).await;
    let with_cursor = |cursor: &str| format!("{DOMAINS}?cursor={cursor}");
    let foreign = other.code("GET", &with_cursor(&cursor), None).await;
    assert_eq!(foreign, (403, "cursor_binding_mismatch".to_owned()));
    let of_projects = admin
        .code("GET", &format!("{}?cursor={cursor}", paths::PROJECTS), None)
        .await;
    assert_eq!(
        of_projects,
        (400, "invalid_cursor".to_owned()),
        "a cursor of another list"
    );
    for bad in ["x", &cursor[1..]] {
        assert_eq!(
            admin.code("GET", &with_cursor(bad), None).await,
            (400, "invalid_cursor".to_owned())
        );
    }
    for bad in ["0", "201", "-1", "x", ""] {
        let answer = admin.code("GET", &format!("{DOMAINS}?limit={bad}"), None).await;
        assert_eq!(answer, (400, "invalid_limit".to_owned()), "{bad:?}");
    }
    assert_eq!(
        app.anybody().code("GET", DOMAINS, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see_and_says_when_that_is_nothing() {
    let app = TestApp::start().await;
    app.admin().post(DOMAINS, named("beta")).await;
    let viewer = app.user_on("viewer", app.domain()).await;
    assert_eq!(
        slugs(&viewer, "").await,
        (vec!["acme".to_owned()], None, Value::Null)
    );
    let project_admin = app.user_with("admin", app.project_id).await;
    for actor in [app.stranger().await, project_admin] {
        assert_eq!(
            slugs(&actor, "").await,
            (Vec::new(), None, json!("no_rebac_membership"))
        );
    }
    assert_eq!(
        slugs(&app.admin(), "").await,
        (vec!["acme".to_owned(), "beta".to_owned()], None, Value::Null)
    );
}
