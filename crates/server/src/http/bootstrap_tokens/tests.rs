use crate::testing::{TestApp, without_request};
use axum::http::StatusCode;
use plex_api::paths;
use serde_json::{Value, json};
use uuid::Uuid;

fn body() -> Value {
    json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600})
}

#[tokio::test]
async fn a_token_is_shown_once_and_then_only_described() {
    let app = TestApp::start().await;
    let path = paths::bootstrap_tokens(app.project_id);
    let mut wanted = body();
    wanted["max_uses"] = json!(5);
    wanted["labels"] = json!({"env": "prod"});
    let (status, headers, issued) = app.admin().send("POST", &path, Some(wanted)).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let id: Uuid = issued["token_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(headers["location"], paths::bootstrap_token(app.project_id, id));
    let token = issued["token"].as_str().unwrap();
    assert!(token.starts_with("psb_prod_"));
    let (status, shown) = app.admin().get(&paths::bootstrap_token(app.project_id, id)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&shown["id"], &shown["max_uses"], &shown["uses"]),
        (&json!(id), &json!(5), &json!(0))
    );
    assert_eq!(
        (&shown["labels"], &shown["expires_at"]),
        (&json!({"env": "prod"}), &issued["expires_at"])
    );
    assert!(!shown.to_string().contains(token));
}

#[tokio::test]
async fn bounds_are_held() {
    let app = TestApp::start().await;
    let path = paths::bootstrap_tokens(app.project_id);
    let labels: Value = (0..65)
        .map(|n| (format!("k{n}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let cases = [
        ("kind", json!("vm")),
        ("env_prefix", json!("")),
        ("env_prefix", json!("Prod")),
        ("env_prefix", json!("a".repeat(33))),
        ("ttl_seconds", json!(299)),
        ("ttl_seconds", json!(86_401)),
        ("ttl_seconds", json!(-1)),
        ("max_uses", json!(0)),
        ("max_uses", json!(100_001)),
        ("labels", json!({"Env": "x"})),
        ("labels", json!({"env": "x".repeat(257)})),
        ("labels", json!({"env": "\u{7}"})),
        ("labels", labels),
    ];
    for (field, value) in cases {
        let mut wanted = body();
        wanted[field] = value;
        let (status, problem) = app.admin().post(&path, wanted.clone()).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (400, &json!("invalid_body")),
            "{wanted}"
        );
    }
    for (field, value) in [
        ("ttl_seconds", json!(300)),
        ("ttl_seconds", json!(86_400)),
        ("max_uses", json!(100_000)),
    ] {
        let mut wanted = body();
        wanted[field] = value;
        assert_eq!(app.admin().post(&path, wanted).await.0, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn only_an_admin_has_to_do_with_tokens_and_nobody_learns_of_foreign_projects() {
    let app = TestApp::start().await;
    let (_, issued) = app
        .admin()
        .post(&paths::bootstrap_tokens(app.project_id), body())
        .await;
    let id: Uuid = issued["token_id"].as_str().unwrap().parse().unwrap();
    let operator = app.user_with("operator", app.project_id).await;
    let stranger = app.stranger().await;
    let routes = |project: Uuid| {
        let (all, one) = (
            paths::bootstrap_tokens(project),
            paths::bootstrap_token(project, id),
        );
        [
            ("POST", all.clone(), Some(body())),
            ("GET", all, None),
            ("GET", one.clone(), None),
            ("DELETE", one, None),
        ]
    };
    for ((method, path, body), (_, missing, _)) in
        routes(app.project_id).into_iter().zip(routes(Uuid::now_v7()))
    {
        let (status, _, problem) = operator.send(method, &path, body.clone()).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (403, &json!("rebac_denied")),
            "{method}"
        );
        let (status, _, problem) = stranger.send(method, &path, body.clone()).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (404, &json!("project_not_found")),
            "{method}"
        );
        let (_, _, absent) = stranger.send(method, &missing, body).await;
        assert_eq!(without_request(problem), without_request(absent));
    }
}

#[tokio::test]
async fn a_walk_shows_every_token_once_and_cursors_belong_to_their_caller() {
    let app = TestApp::start().await;
    let path = paths::bootstrap_tokens(app.project_id);
    let mut issued = Vec::new();
    for _ in 0..5 {
        issued.insert(0, app.admin().post(&path, body()).await.1["token_id"].clone());
    }
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let (status, page) = app.admin().get(&format!("{path}?limit=2&cursor={next}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        walked.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|token| token["id"].clone()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => next = cursor.to_owned(),
            None => break,
        }
    }
    assert_eq!(walked, issued);
    let other = app.user_with("admin", app.project_id).await;
    let code = async |actor: &crate::testing::Actor, query: &str| {
        let (status, problem) = actor.get(&format!("{path}?{query}")).await;
        (
            status.as_u16(),
            problem["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let foreign = (403, "cursor_binding_mismatch".to_owned());
    assert_eq!(code(&other, &format!("cursor={next}")).await, foreign);
    for bad in [format!("cursor={next}A"), "cursor=x".to_owned()] {
        assert_eq!(code(&app.admin(), &bad).await, (400, "invalid_cursor".to_owned()));
    }
    for bad in ["limit=0", "limit=201", "limit=x"] {
        assert_eq!(code(&app.admin(), bad).await, (400, "invalid_limit".to_owned()));
    }
}

#[tokio::test]
async fn a_token_is_revoked_once() {
    let app = TestApp::start().await;
    let (_, issued) = app
        .admin()
        .post(&paths::bootstrap_tokens(app.project_id), body())
        .await;
    let id: Uuid = issued["token_id"].as_str().unwrap().parse().unwrap();
    let path = paths::bootstrap_token(app.project_id, id);
    assert_eq!(app.admin().delete(&path).await.0, StatusCode::NO_CONTENT);
    let (status, problem) = app.admin().delete(&path).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("bootstrap_token_settled"))
    );
    assert!(app.admin().get(&path).await.1["revoked_at"].is_string());
    let missing = paths::bootstrap_token(app.project_id, Uuid::now_v7());
    for answer in [
        app.admin().get(&missing).await,
        app.admin().delete(&missing).await,
    ] {
        assert_eq!(
            (answer.0.as_u16(), &answer.1["code"]),
            (404, &json!("bootstrap_token_not_found"))
        );
    }
    let malformed = format!("{}/x", paths::bootstrap_tokens(app.project_id));
    assert_eq!(app.admin().get(&malformed).await.1["code"], "invalid_id");
    assert_eq!(
        app.admin().get("/v1/projects/x/bootstrap-tokens").await.1["code"],
        "invalid_project_id"
    );
}
