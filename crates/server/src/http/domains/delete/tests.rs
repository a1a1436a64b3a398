use crate::testing::TestApp;
use axum::http::StatusCode;
use plex_api::paths::{self, DOMAINS, LABEL_DEFINITIONS, PROJECTS};
use plex_domain::relation::{ObjectKind, ObjectRef};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

async fn domain(app: &TestApp, slug: &str) -> Uuid {
    let (status, made) = app
        .admin()
        .post(DOMAINS, json!({"slug": slug, "name": slug}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_domain_that_holds_something_says_what() {
    let app = TestApp::start().await;
    app.node("web-1").await;
    app.project("db").await;
    let path = paths::domain(app.domain_id);
    let (status, problem) = app.admin().delete(&path).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("domain_not_empty"))
    );
    let counts = json!({"projects": 2, "groups": 0, "identities": 0, "idp_bindings": 0, "nodes": 1});
    assert_eq!(problem["child_counts"], counts);
    assert!(problem.get("project_child_counts").is_none());
    assert_eq!(app.admin().get(&path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_domain_goes_for_good_and_its_chain_stays() {
    let app = TestApp::start().await;
    let id = domain(&app, "beta").await;
    let object = ObjectRef::of(ObjectKind::Domain, id);
    let admin = app.user_on("admin", object).await;
    let definition = json!({"scope": "domain", "scope_id": id, "local_key": "env",
        "value_schema": {"kind": "string"}, "applicable_kinds": ["node"]});
    let (status, definition) = admin.post(LABEL_DEFINITIONS, definition).await;
    assert_eq!(status, StatusCode::CREATED, "{definition}");
    let path = paths::domain(id);
    let before = app.audit().await.iter().filter(|row| row.chain == id).count();
    let (status, body) = admin.delete(&path).await;
    assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
    for actor in [app.admin(), admin.clone()] {
        assert_eq!(
            actor.code("GET", &path, None).await,
            (404, "domain_not_found".to_owned())
        );
        assert_eq!(
            actor.code("DELETE", &path, None).await,
            (404, "domain_not_found".to_owned())
        );
    }
    let rows = app.written_audit().await;
    assert_eq!(rows.iter().filter(|row| row.chain == id).count(), before);
    let told = rows
        .iter()
        .find(|row| row.relation == "delete_domain")
        .expect("an entry");
    assert_eq!(
        (told.chain, told.identity.clone()),
        (Uuid::nil(), admin.subject())
    );
    assert_eq!(told.entry()["object_id"], id.to_string());
    // The slug and the pool are free again.
    domain(&app, "beta").await;
}

#[tokio::test]
async fn only_an_admin_of_the_domain_deletes_it() {
    let app = TestApp::start().await;
    let (here, nowhere) = (paths::domain(app.domain_id), paths::domain(Uuid::now_v7()));
    for relation in ["operator", "viewer", "auditor"] {
        let member = app.user_on(relation, app.domain()).await;
        let answer = member.code("DELETE", &here, None).await;
        assert_eq!(answer, (403, "rebac_denied".to_owned()), "{relation}");
    }
    for actor in [app.stranger().await, app.user_with("admin", app.project_id).await] {
        let (status, problem) = actor.alike("DELETE", [&here, &nowhere], None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("domain_not_found")));
    }
    let answer = app.admin().code("DELETE", &format!("{DOMAINS}/x"), None).await;
    assert_eq!(answer, (400, "invalid_domain_id".to_owned()));
    let answer = app.anybody().code("DELETE", &here, None).await;
    assert_eq!(answer, (401, "unauthenticated".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_deletion_and_what_is_made_meanwhile_one_happens() {
    let app = TestApp::start().await;
    let mut outcomes = BTreeMap::new();
    for n in 0..20 {
        let id = domain(&app, &format!("d{n}")).await;
        // A missing domain is told to who may make projects everywhere, and to nobody else.
        let (maker, refused) = if n % 2 == 0 {
            (app.admin(), (409, "parent_domain_missing"))
        } else {
            let object = ObjectRef::of(ObjectKind::Domain, id);
            (app.user_on("admin", object).await, (403, "rebac_denied"))
        };
        let deleter = app.admin();
        let path = paths::domain(id);
        let deleted = tokio::spawn(async move { deleter.delete(&path).await });
        let wanted = json!({"domain_id": id, "slug": "p", "name": "p"});
        let made = tokio::spawn(async move { maker.post(PROJECTS, wanted).await });
        let (deleted, made) = (deleted.await.unwrap(), made.await.unwrap());
        let told = (deleted.0.as_u16(), made.0.as_u16());
        match told {
            (204, status) => assert_eq!((status, made.1["code"].as_str()), (refused.0, Some(refused.1))),
            (409, 201) => assert_eq!(deleted.1["child_counts"]["projects"], 1),
            other => panic!("{other:?}"),
        }
        *outcomes.entry(told).or_insert(0) += 1;
    }
    assert_eq!(outcomes.values().sum::<u32>(), 20, "{outcomes:?}");
}
