mod delegated;
mod secrets;

use crate::testing::{Actor, TestApp};
use axum::http::StatusCode;
use jiff::Timestamp;
use plex_api::paths::{self, PROJECTS, RELATION_TUPLES, TOKENS, WHOAMI};
use plex_domain::relation::ObjectRef;
use serde_json::{Value, json};
use uuid::Uuid;

async fn issue(actor: &Actor, body: Value) -> (u16, Value) {
    let (status, answer) = actor.post(TOKENS, body).await;
    (status.as_u16(), answer)
}

fn for_identity(identity: &str) -> Value {
    json!({"identity_ref": identity, "env_prefix": "dev"})
}

/// Asks for a token of another identity, and expects to be told no.
async fn assert_denied(actor: &Actor, app: &TestApp, identity: &str) {
    let (status, problem) = issue(actor, for_identity(identity)).await;
    assert_eq!(
        (status, &problem["code"]),
        (403, &json!("rebac_denied")),
        "{identity}"
    );
    assert_eq!(problem["reason"], "out_of_scope", "{identity}");
    let object = identity.replace("service:", "service-identity:");
    let denials = app.denials().await;
    let noted = denials
        .iter()
        .find(|(who, what, on, ..)| *who == actor.subject() && what == "grant" && *on == object);
    assert!(
        noted.is_some_and(|(.., reason, _)| reason == "out_of_scope"),
        "{denials:?}"
    );
}

#[tokio::test]
async fn one_is_told_who_one_is() {
    let app = TestApp::start().await;
    let domain_id = json!(app.domain_id);
    for (actor, scope, domain) in [
        (app.stranger().await, Value::Null, Value::Null),
        (
            app.user_with("viewer", app.project_id).await,
            json!("domain"),
            domain_id.clone(),
        ),
        (
            app.user_on("auditor", app.domain()).await,
            json!("domain"),
            domain_id,
        ),
        (
            app.user_on("viewer", ObjectRef::PLATFORM).await,
            json!("platform"),
            Value::Null,
        ),
    ] {
        let (status, me) = actor.get(WHOAMI).await;
        assert_eq!(status, StatusCode::OK);
        let mut expected = json!({"principal_type": "user", "subject": actor.id});
        for (name, value) in [("principal_scope", scope), ("domain_id", domain)] {
            if !value.is_null() {
                expected[name] = value;
            }
        }
        assert_eq!(me, expected);
    }
    assert_eq!(
        app.anybody().code("GET", WHOAMI, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn who_is_bound_in_two_domains_has_no_one_domain() {
    let app = TestApp::start().await;
    let (_, beta) = app
        .admin()
        .post(paths::DOMAINS, json!({"slug": "beta", "name": "Beta"}))
        .await;
    let wanted = json!({"domain_id": beta["id"], "slug": "p", "name": "P"});
    let (_, project) = app.admin().post(PROJECTS, wanted).await;
    let user = app.user_with("viewer", app.project_id).await;
    let grants = format!("{RELATION_TUPLES}?project_id={}", project["id"].as_str().unwrap());
    let resource = format!("project:{}", project["id"].as_str().unwrap());
    let tuple = json!({"subject": user.subject(), "relation": "viewer", "resource": resource});
    assert_eq!(app.admin().post(&grants, tuple).await.0, StatusCode::CREATED);
    let (_, me) = user.get(WHOAMI).await;
    assert_eq!(
        (&me["principal_scope"], me.get("domain_id")),
        (&json!("domain"), None)
    );
}

#[tokio::test]
async fn a_token_of_ones_own_works_until_it_is_revoked() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (status, issued) = issue(&user, for_identity(&user.subject())).await;
    assert_eq!(status, 201, "{issued}");
    let (id, plaintext) = (
        issued["id"].as_str().unwrap(),
        issued["plaintext"].as_str().unwrap(),
    );
    assert!(plaintext.starts_with("psk_dev_"), "{plaintext}");
    let expires: Timestamp = issued["expires_at"].as_str().unwrap().parse().unwrap();
    let days = expires.duration_since(Timestamp::now()).as_secs_f64() / 86_400.0;
    assert!((89.9..=90.0).contains(&days), "{days}");

    let second = app.with_token(plaintext);
    assert_eq!(second.get(WHOAMI).await.1["subject"], json!(user.id));
    let (status, listed) = user.get(TOKENS).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(listed.as_array().unwrap().len(), 2, "a bare array: {listed}");
    assert_eq!(
        (&listed[1]["id"], &listed[1]["env_prefix"]),
        (&json!(id), &json!("dev"))
    );
    assert!(
        !listed.to_string().contains(&plaintext[8..]),
        "no secret is read back"
    );

    let path = format!("{TOKENS}/{id}");
    assert_eq!(user.delete(&path).await, (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(
        second.code("GET", WHOAMI, None).await,
        (401, "unauthenticated".to_owned())
    );
    assert_eq!(
        user.code("DELETE", &path, None).await,
        (404, "api_token_not_found".to_owned())
    );
    assert_eq!(user.get(TOKENS).await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn anothers_token_is_answered_as_a_missing_one() {
    let app = TestApp::start().await;
    let (owner, other) = (app.stranger().await, app.stranger().await);
    let (_, issued) = issue(&owner, for_identity(&owner.subject())).await;
    let path = format!("{TOKENS}/{}", issued["id"].as_str().unwrap());
    let missing = paths::token(Uuid::now_v7());
    let (status, problem) = other.alike("DELETE", [&path, &missing], None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("api_token_not_found")));
    let kept = app.with_token(issued["plaintext"].as_str().unwrap());
    assert_eq!(kept.get(WHOAMI).await.0, StatusCode::OK);
    let malformed = other.code("DELETE", &format!("{TOKENS}/x"), None).await;
    assert_eq!(malformed, (400, "invalid_id".to_owned()));
    assert_eq!(
        app.anybody().code("DELETE", &path, None).await,
        (401, "unauthenticated".to_owned())
    );
    assert_eq!(
        app.anybody().code("GET", TOKENS, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn a_token_for_another_needs_admin_over_all_that_the_other_holds() {
    let app = TestApp::start().await;
    let shop = app.project("shop").await;
    let project_admin = app.user_with("admin", app.project_id).await;
    let domain_admin = app.user_on("admin", app.domain()).await;
    let member = app.user_with("operator", app.project_id).await;
    assert_eq!(
        issue(&project_admin, for_identity(&member.subject())).await.0,
        201
    );

    let grants = format!("{RELATION_TUPLES}?project_id={shop}");
    let tuple =
        json!({"subject": member.subject(), "relation": "viewer", "resource": format!("project:{shop}")});
    assert_eq!(app.admin().post(&grants, tuple).await.0, StatusCode::CREATED);
    assert_denied(&project_admin, &app, &member.subject()).await;
    assert_eq!(issue(&domain_admin, for_identity(&member.subject())).await.0, 201);

    assert_denied(&domain_admin, &app, &app.admin().subject()).await;
    assert_denied(&domain_admin, &app, &app.stranger().await.subject()).await;
    assert_denied(&domain_admin, &app, &format!("service:{}", Uuid::now_v7())).await;
    let operator = app.user_with("operator", app.project_id).await;
    assert_denied(&operator, &app, &member.subject()).await;
    let (as_service, id) = (format!("service:{}", member.id), member.id);
    assert_denied(&project_admin, &app, &as_service).await;
    assert_eq!(
        issue(&app.admin(), for_identity(&as_service)).await.0,
        400,
        "{id} is a user"
    );
}

#[tokio::test]
async fn a_platform_admin_makes_identities_known() {
    let app = TestApp::start().await;
    let robot = Uuid::now_v7();
    let (status, issued) = issue(&app.admin(), for_identity(&format!("service:{robot}"))).await;
    assert_eq!(status, 201, "{issued}");
    let (_, me) = app
        .with_token(issued["plaintext"].as_str().unwrap())
        .get(WHOAMI)
        .await;
    assert_eq!(me, json!({"principal_type": "service", "subject": robot}));
}

#[tokio::test]
async fn what_is_no_request_for_a_token_is_refused() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let of = |name: &str, value: Value| {
        let mut body = for_identity(&user.subject());
        body[name] = value;
        body
    };
    for body in [
        of("identity_ref", json!("user:x")),
        of("identity_ref", json!(format!("group:{}", user.id))),
        of("identity_ref", json!("user:00000000-0000-0000-0000-000000000000")),
        of("env_prefix", json!("test")),
        of("ttl_seconds", json!(0)),
        of("ttl_seconds", json!(31_536_001)),
        of("ttl_seconds", json!(-1)),
        json!({}),
    ] {
        assert_eq!(
            user.code("POST", TOKENS, Some(body.clone())).await,
            (400, "invalid_body".to_owned()),
            "{body}"
        );
    }
    let huge = of("identity_ref", json!("x".repeat(8192)));
    assert_eq!(
        user.code("POST", TOKENS, Some(huge)).await,
        (413, "request_body_too_large".to_owned())
    );
    let nobody = app
        .anybody()
        .code("POST", TOKENS, Some(of("ttl_seconds", json!(1))))
        .await;
    assert_eq!(nobody, (401, "unauthenticated".to_owned()));
    let (_, issued) = issue(&user, of("ttl_seconds", json!(31_536_000))).await;
    assert!(issued["plaintext"].is_string(), "{issued}");
    assert_eq!(
        user.get(TOKENS).await.1.as_array().unwrap().len(),
        2,
        "only the last one was issued"
    );
}

#[tokio::test]
async fn a_rotated_token_has_two_secrets_for_a_while() {
    let app = TestApp::start().await;
    let user = app.stranger().await;
    let (_, issued) = issue(&user, for_identity(&user.subject())).await;
    let old = app.with_token(issued["plaintext"].as_str().unwrap());
    let id = issued["id"].as_str().unwrap();
    let path = format!("{TOKENS}/{id}/rotate");
    let (status, headers, rotated) = old.send("POST", &path, None).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    assert_eq!(
        (&rotated["id"], &rotated["env_prefix"]),
        (&json!(id), &json!("dev"))
    );
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let deadline = time(&rotated["rotation_deadline"]);
    let sunset = jiff::fmt::rfc2822::parse(headers["sunset"].to_str().unwrap()).unwrap();
    assert_eq!(sunset.timestamp(), deadline);
    assert!(
        headers["sunset"].to_str().unwrap().ends_with(" GMT"),
        "an HTTP-date"
    );
    let grace = deadline.duration_since(Timestamp::now()).as_secs();
    assert!((3590..=3600).contains(&grace), "{grace}");
    assert!(
        time(&rotated["expires_at"]) > time(&issued["expires_at"]),
        "it lives as long as it was given"
    );

    let new = app.with_token(rotated["plaintext"].as_str().unwrap());
    for secret in [&old, &new] {
        assert_eq!(secret.get(WHOAMI).await.1["subject"], json!(user.id));
    }
    let (_, listed) = user.get(TOKENS).await;
    assert!(listed[1]["rotated_at"].is_string(), "{listed}");
    assert_eq!(new.send("POST", &path, None).await.0, StatusCode::OK);
    assert_eq!(old.get(WHOAMI).await.0, 401, "a second rotation ends the oldest");
    assert_eq!(new.get(WHOAMI).await.0, 200);
    assert_eq!(user.delete(&format!("{TOKENS}/{id}")).await.0, 204);
    assert_eq!(new.get(WHOAMI).await.0, 401);
    let audit = app.audit().await;
    let entries: Vec<_> = audit
        .iter()
        .filter(|row| row.relation == "rotate_token")
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].entry()["details"], json!(format!("api-token:{id}")));
}

#[tokio::test]
async fn what_is_not_ones_own_is_not_rotated() {
    let app = TestApp::start().await;
    let (owner, other) = (app.stranger().await, app.stranger().await);
    let (_, issued) = issue(&owner, for_identity(&owner.subject())).await;
    let path = format!("{TOKENS}/{}/rotate", issued["id"].as_str().unwrap());
    let missing = paths::rotate_token(Uuid::now_v7());
    let (status, problem) = other.alike("POST", [&path, &missing], None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("api_token_not_found")));
    assert_eq!(
        other.code("POST", &format!("{TOKENS}/x/rotate"), None).await,
        (400, "invalid_id".to_owned())
    );
    assert_eq!(
        app.anybody().code("POST", &path, None).await,
        (401, "unauthenticated".to_owned())
    );
    let (_, headers, _) = owner
        .send("POST", TOKENS, Some(for_identity(&owner.subject())))
        .await;
    assert!(
        !headers.contains_key("sunset"),
        "nothing older is retired by issuing"
    );
}
