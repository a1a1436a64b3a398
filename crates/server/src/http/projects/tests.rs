use crate::testing::{Actor, TestApp, without_request};
use axum::http::StatusCode;
use plex_api::paths::{self, DOMAINS, PROJECTS};
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Value, json};
use uuid::Uuid;

fn in_domain(domain: Uuid, slug: &str) -> Value {
    json!({"domain_id": domain, "slug": slug, "name": slug})
}

async fn another_domain(app: &TestApp) -> Uuid {
    let (status, made) = app
        .admin()
        .post(DOMAINS, json!({"slug": "beta", "name": "Beta"}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().parse().unwrap()
}

async fn slugs(actor: &Actor, query: &str) -> (Vec<String>, Option<String>, Value) {
    let (status, page) = actor.get(&format!("{PROJECTS}{query}")).await;
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
async fn a_project_is_made_by_an_admin_of_its_domain_and_reads_back() {
    let app = TestApp::start().await;
    let domain_admin = app.user_on("admin", app.domain()).await;
    let wanted = json!({
        "domain_id": app.domain_id,
        "slug": "shop",
        "name": " Shop ",
        "sub_range_cidr": "10.0.16.0/20",
    });
    let (status, headers, made) = domain_admin.send("POST", PROJECTS, Some(wanted)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        headers["location"],
        format!("{PROJECTS}/{}", made["id"].as_str().unwrap())
    );
    assert_eq!(
        (&made["name"], &made["description"]),
        (&json!("Shop"), &json!(""))
    );
    assert_eq!(made["sub_range_cidr"], "10.0.16.0/20");
    let (status, got) = domain_admin.get(headers["location"].to_str().unwrap()).await;
    assert_eq!((status, got), (StatusCode::OK, made));
    let (_, plain) = app
        .admin()
        .post(PROJECTS, in_domain(app.domain_id, "plain"))
        .await;
    assert!(plain.get("sub_range_cidr").is_none(), "{plain}");
}

#[tokio::test]
async fn what_is_wrong_with_a_project_is_told_by_its_code() {
    let app = TestApp::start().await;
    let with = |name: &str, value: Value| {
        let mut wanted = in_domain(app.domain_id, "shop");
        wanted[name] = value;
        wanted
    };
    let reserved = with("sub_range_cidr", json!("10.0.0.0/24"));
    assert_eq!(app.admin().post(PROJECTS, reserved).await.0, StatusCode::CREATED);
    let mut overlapping = with("sub_range_cidr", json!("10.0.0.128/25"));
    overlapping["slug"] = json!("other");
    let mut outside = with("sub_range_cidr", json!("10.9.0.0/24"));
    outside["slug"] = json!("other");
    for (wanted, expected) in [
        (with("slug", json!("a--b")), (400, "invalid_project")),
        (with("name", json!("")), (400, "invalid_project")),
        (with("description", json!("\t")), (400, "invalid_project")),
        (
            with("sub_range_cidr", json!("10.0.0.0/33")),
            (400, "invalid_project"),
        ),
        (outside, (400, "invalid_project")),
        (with("domain_id", json!("x")), (400, "invalid_body")),
        (json!({"slug": "s", "name": "n"}), (400, "invalid_body")),
        (
            with("name", json!("x".repeat(8192))),
            (413, "request_body_too_large"),
        ),
        (in_domain(app.domain_id, "shop"), (409, "project_slug_conflict")),
        (overlapping, (409, "sub_range_overlap")),
        (in_domain(Uuid::now_v7(), "shop"), (409, "parent_domain_missing")),
    ] {
        let (status, code) = app.admin().code("POST", PROJECTS, Some(wanted.clone())).await;
        assert_eq!((status, code.as_str()), expected, "{wanted}");
    }
    assert_eq!(
        slugs(&app.admin(), "").await.0,
        ["shop", "web"],
        "nothing of it was kept"
    );
    let elsewhere = another_domain(&app).await;
    let again = app.admin().post(PROJECTS, in_domain(elsewhere, "shop")).await;
    assert_eq!(
        again.0,
        StatusCode::CREATED,
        "a slug is unique within its domain only"
    );
}

#[tokio::test]
async fn who_may_not_make_projects_cannot_tell_a_foreign_domain_from_none() {
    let app = TestApp::start().await;
    let elsewhere = ObjectRef::of(ObjectKind::Domain, another_domain(&app).await);
    for actor in [
        app.stranger().await,
        app.user_with("admin", app.project_id).await,
        app.user_on("admin", elsewhere).await,
    ] {
        let (foreign_status, foreign) = actor.post(PROJECTS, in_domain(app.domain_id, "shop")).await;
        let (missing_status, missing) = actor.post(PROJECTS, in_domain(Uuid::now_v7(), "shop")).await;
        assert_eq!(
            (foreign_status, missing_status),
            (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN)
        );
        assert_eq!(
            (&foreign["code"], &foreign["reason"]),
            (&json!("rebac_denied"), &json!("out_of_scope"))
        );
        assert_eq!(without_request(foreign), without_request(missing));
    }
    for (actor, path) in [
        (
            app.user_on("operator", app.domain()).await,
            format!("{}#operator", app.domain()),
        ),
        (
            app.user_on("viewer", ObjectRef::PLATFORM).await,
            "platform:platform#viewer".to_owned(),
        ),
    ] {
        let (status, problem) = actor.post(PROJECTS, in_domain(app.domain_id, "shop")).await;
        assert_eq!(
            (status.as_u16(), &problem["reason"]),
            (403, &json!("insufficient_relation"))
        );
        assert_eq!(problem["relation_path"], json!([path]));
    }
    let object = app.domain().to_string();
    let denied = app.denials().await;
    let on_domain = denied
        .iter()
        .filter(|(_, what, on, ..)| what == "create_project" && *on == object)
        .count();
    assert_eq!(on_domain, 5, "{denied:?}");
    let nobody = app
        .anybody()
        .code("POST", PROJECTS, Some(in_domain(app.domain_id, "shop")))
        .await;
    assert_eq!(nobody, (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn a_foreign_project_is_answered_as_a_missing_one() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::project(app.project_id), paths::project(Uuid::now_v7()));
    for relation in ["admin", "operator", "viewer", "auditor"] {
        for member in [
            app.user_with(relation, app.project_id).await,
            app.user_on(relation, app.domain()).await,
        ] {
            assert_eq!(member.get(&here).await.0, StatusCode::OK, "{relation}");
        }
    }
    let neighbour = app.user_with("admin", app.project("shop").await).await;
    for actor in [app.stranger().await, neighbour] {
        let (status, problem) = actor.alike("GET", [&here, &nowhere], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("project_not_found")));
    }
    assert_eq!(
        app.admin().code("GET", &nowhere, None).await,
        (404, "project_not_found".to_owned())
    );
    let malformed = app.admin().code("GET", &format!("{PROJECTS}/x"), None).await;
    assert_eq!(malformed, (400, "invalid_project_id".to_owned()));
    assert_eq!(
        app.anybody().code("GET", &here, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_list_is_walked_by_slug_though_slugs_repeat() {
    let app = TestApp::start().await;
    let elsewhere = another_domain(&app).await;
    for (domain, slug) in [
        (elsewhere, "web"),
        (elsewhere, "a"),
        (app.domain_id, "b"),
        (elsewhere, "c"),
    ] {
        app.admin().post(PROJECTS, in_domain(domain, slug)).await;
    }
    for (filter, expected) in [
        (String::new(), vec!["a", "b", "c", "web", "web"]),
        (format!("&domain_id={elsewhere}"), vec!["a", "c", "web"]),
    ] {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let (slugs, next, _) = slugs(&app.admin(), &format!("?limit=2&cursor={cursor}{filter}")).await;
            walked.extend(slugs);
            let Some(next) = next else { break };
            cursor = next;
        }
        assert_eq!(walked, expected);
        let other = app.user_on("viewer", ObjectRef::PLATFORM).await;
        let foreign = other
            .code("GET", &format!("{PROJECTS}?cursor={cursor}{filter}"), None)
            .await;
        assert_eq!(foreign, (403, "cursor_binding_mismatch".to_owned()));
        let another_filter = format!("{PROJECTS}?cursor={cursor}&domain_id={}", app.domain_id);
        assert_eq!(
            app.admin().code("GET", &another_filter, None).await,
            (400, "invalid_cursor".to_owned())
        );
    }
    for (query, code) in [
        ("?limit=0", "invalid_limit"),
        ("?limit=201", "invalid_limit"),
        ("?domain_id=x", "invalid_domain_filter"),
        ("?cursor=x", "invalid_cursor"),
    ] {
        assert_eq!(
            app.admin().code("GET", &format!("{PROJECTS}{query}"), None).await,
            (400, code.to_owned())
        );
    }
    assert_eq!(
        app.anybody().code("GET", PROJECTS, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see_and_says_when_that_is_nothing() {
    let app = TestApp::start().await;
    let shop = app.project("shop").await;
    let elsewhere = another_domain(&app).await;
    app.admin().post(PROJECTS, in_domain(elsewhere, "hidden")).await;
    let member = app.user_with("auditor", shop).await;
    assert_eq!(
        slugs(&member, "").await,
        (vec!["shop".to_owned()], None, Value::Null)
    );
    let of_domain = app.user_on("viewer", app.domain()).await;
    assert_eq!(slugs(&of_domain, "").await.0, ["shop", "web"]);
    assert_eq!(
        slugs(&of_domain, &format!("?domain_id={elsewhere}")).await,
        (Vec::new(), None, Value::Null)
    );
    let nothing = (Vec::new(), None, json!("no_rebac_membership"));
    assert_eq!(slugs(&app.stranger().await, "").await, nothing);
}
