use crate::testing::TestApp;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::paths;
use plex_store::{Error, nodes, values};
use serde_json::{Value, json};
use uuid::Uuid;

async fn token(app: &TestApp, more: Value) -> String {
    let mut body = json!({"kind": "node", "env_prefix": "prod", "ttl_seconds": 3600});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (status, issued) = app
        .admin()
        .post(&paths::bootstrap_tokens(app.project_id), body)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    issued["token"].as_str().unwrap().to_owned()
}

fn request(app: &TestApp, token: &str, nonce: &str) -> Value {
    json!({
        "project_id": app.project_id,
        "resource_handle": "web-1",
        "bootstrap_token": token,
        "nonce": nonce,
        "public_key": STANDARD.encode([9; 32]),
    })
}

fn with(mut request: Value, field: &str, value: Value) -> Value {
    request[field] = value;
    request
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let found = app
        .app
        .db
        .read(async move |tx| tx.optional(sql, &values![], |row| row.get(0)).await)
        .await;
    let found: Result<Option<i64>, Error> = found;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_token_makes_one_node_whose_key_works() {
    let app = TestApp::start().await;
    let token = token(&app, json!({"labels": {"env": "prod"}})).await;
    let (status, node) = app
        .anybody()
        .post(paths::REGISTER, request(&app, &token, "n1"))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{node}");
    assert_eq!(
        (&node["mesh_ip"], &node["domain_mesh_cidr"]),
        (&json!("10.0.0.1"), &json!("10.0.0.0/16"))
    );
    assert_eq!(node["peer_snapshot"], json!([]));
    assert_eq!(
        STANDARD
            .decode(node["signing_public_key"].as_str().unwrap())
            .unwrap()
            .len(),
        32
    );
    let id: Uuid = node["node_id"].as_str().unwrap().parse().unwrap();
    let key: [u8; 32] = STANDARD
        .decode(node["nsk"].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    let (status, _) = app.node_with(id, key).get(&paths::node_state(id)).await;
    assert_eq!(status, StatusCode::OK);
    let (_, shown) = app.admin().get(&paths::node(id)).await;
    assert_eq!(
        (&shown["name"], &shown["labels"]),
        (&json!("web-1"), &json!({"env": "prod"}))
    );
    let kept = app
        .app
        .db
        .read(async move |tx| nodes::authenticate(tx, id).await)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(kept.keys.current, key, "only a hash is kept");
    assert_eq!(
        count(
            &app,
            "select count(*) from audit_entries where relation = 'register'"
        )
        .await,
        1
    );

    let (status, problem) = app
        .anybody()
        .post(paths::REGISTER, request(&app, &token, "n2"))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("token_consumed"))
    );
}

#[tokio::test]
async fn every_refusal_leaves_the_token_as_it_was() {
    let app = TestApp::start().await;
    let good = token(&app, json!({})).await;
    let bridge = token(&app, json!({"kind": "bridge"})).await;
    let other = token(&app, json!({})).await;
    let (status, _) = app
        .anybody()
        .post(paths::REGISTER, request(&app, &other, "used"))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let base = || request(&app, &good, "fresh");
    let unknown = format!("{}{}", &good[..good.len() - 8], "aaaaaaaa");
    let cases = [
        (
            400,
            "public_key_invalid",
            with(base(), "public_key", json!("AAAA")),
        ),
        (
            400,
            "public_key_invalid",
            with(base(), "public_key", json!(STANDARD.encode([0; 32]))),
        ),
        (
            400,
            "public_key_invalid",
            with(base(), "public_key", json!(STANDARD.encode([9; 33]))),
        ),
        (
            400,
            "public_key_invalid",
            with(with(base(), "public_key", json!("")), "nonce", json!("")),
        ),
        (400, "invalid_body", with(base(), "project_id", json!("x"))),
        (400, "invalid_body", json!({})),
        (
            422,
            "invariant_violation",
            with(base(), "project_id", json!(Uuid::nil())),
        ),
        (
            422,
            "invariant_violation",
            with(base(), "resource_handle", json!("")),
        ),
        (
            422,
            "invariant_violation",
            with(base(), "resource_handle", json!(" ")),
        ),
        (
            422,
            "invariant_violation",
            with(base(), "resource_handle", json!("a\u{1b}[31m")),
        ),
        (
            422,
            "invariant_violation",
            with(base(), "resource_handle", json!("x".repeat(254))),
        ),
        (422, "invariant_violation", with(base(), "nonce", json!(""))),
        (
            422,
            "invariant_violation",
            with(base(), "bootstrap_token", json!("")),
        ),
        (
            422,
            "bootstrap_token_invalid",
            with(base(), "bootstrap_token", json!("psb_prod_x")),
        ),
        (
            422,
            "bootstrap_token_invalid",
            with(base(), "bootstrap_token", json!(unknown)),
        ),
        (
            403,
            "project_mismatch",
            with(base(), "project_id", json!(Uuid::now_v7())),
        ),
        (
            403,
            "kind_mismatch",
            with(base(), "bootstrap_token", json!(bridge)),
        ),
        (403, "nonce_collision", with(base(), "nonce", json!("used"))),
    ];
    for (status, code, body) in cases {
        let (got, problem) = app.anybody().post(paths::REGISTER, body).await;
        assert_eq!(
            (got.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{problem}"
        );
    }
    assert_eq!(count(&app, "select count(*) from nodes").await, 1);
    assert_eq!(
        count(&app, "select addresses_used from domains").await,
        1,
        "no address was lost"
    );
    let named = with(base(), "requested_resource_id", json!("chosen"));
    let (status, node) = app.anybody().post(paths::REGISTER, named).await;
    assert_eq!(status, StatusCode::CREATED, "{node}");
    let id = node["node_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.admin().get(&paths::node(id)).await.1["name"], "chosen");
}

#[tokio::test]
async fn revoked_expired_and_exhausted_say_so() {
    let app = TestApp::start().await;
    let first = token(&app, json!({})).await;
    let write = async |sql: &'static str| {
        app.app
            .db
            .write(async move |tx| tx.execute(sql, &values![]).await)
            .await
            .unwrap();
    };
    let answer = async || {
        app.anybody()
            .post(paths::REGISTER, request(&app, &first, "n"))
            .await
    };
    write("update bootstrap_tokens set revoked_at = issued_at").await;
    assert_eq!(answer().await.1["code"], "token_revoked");
    write("update bootstrap_tokens set revoked_at = null, expires_at = issued_at").await;
    assert_eq!(answer().await.1["code"], "token_expired");
    write("update bootstrap_tokens set expires_at = issued_at + 3600000000").await;
    write("update domains set addresses_used = 65534").await;
    let (status, problem) = answer().await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &json!("pool_exhausted"))
    );
    write("update domains set addresses_used = 65533").await;
    let (status, node) = answer().await;
    assert_eq!((status.as_u16(), &node["mesh_ip"]), (201, &json!("10.0.255.254")));
}

#[tokio::test]
async fn a_race_for_a_token_has_as_many_winners_as_it_has_uses() {
    let app = TestApp::start().await;
    let token = token(&app, json!({"max_uses": 3})).await;
    let attempts = (0..10).map(|n| {
        let body = request(&app, &token, &format!("n{n}"));
        let anybody = app.anybody();
        tokio::spawn(async move { anybody.post(paths::REGISTER, body).await })
    });
    let (mut won, mut lost) = (0, 0);
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            (StatusCode::CREATED, _) => won += 1,
            (StatusCode::FORBIDDEN, problem) if problem["code"] == "token_consumed" => lost += 1,
            (status, body) => panic!("{status}: {body}"),
        }
    }
    assert_eq!((won, lost), (3, 7));
    assert_eq!(count(&app, "select count(*) from nodes").await, 3);
    assert_eq!(count(&app, "select count(distinct mesh_ip) from nodes").await, 3);
}

#[tokio::test]
async fn fifty_at_once_get_no_more_nodes_than_the_token_has_uses() {
    let app = TestApp::start().await;
    let token = token(&app, json!({"max_uses": 3})).await;
    let anybody = app.anybody();
    let redemptions = (0..50).map(|n| {
        let body = request(&app, &token, &format!("n{n}"));
        let anybody = &anybody;
        async move { anybody.post(paths::REGISTER, body).await }
    });
    let answers = futures_util::future::join_all(redemptions).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(status, _)| *status == StatusCode::CREATED);
    assert_eq!(made.len(), 3);
    assert!(
        refused.iter().all(|(status, problem)| {
            (status.as_u16(), &problem["code"]) == (403, &json!("token_consumed"))
        })
    );
    assert_eq!(count(&app, "select count(*) from nodes").await, 3);
    assert_eq!(count(&app, "select count(distinct mesh_ip) from nodes").await, 3);
    assert_eq!(count(&app, "select uses from bootstrap_tokens").await, 3);
}

#[tokio::test]
async fn one_nonce_at_once_makes_one_node() {
    let app = TestApp::start().await;
    let token = token(&app, json!({"max_uses": 50})).await;
    let anybody = app.anybody();
    let redemptions = (0..20).map(|_| {
        let body = request(&app, &token, "the same");
        let anybody = &anybody;
        async move { anybody.post(paths::REGISTER, body).await.0 }
    });
    let answers = futures_util::future::join_all(redemptions).await;
    let made = answers
        .iter()
        .filter(|status| **status == StatusCode::CREATED)
        .count();
    assert_eq!(made, 1);
    assert_eq!(count(&app, "select uses from bootstrap_tokens").await, 1);
}

#[tokio::test]
async fn a_project_with_a_range_of_its_own_runs_out_of_it() {
    let app = TestApp::start().await;
    let reserve = async |tx: &mut plex_store::Tx| {
        tx.execute("update projects set sub_range_cidr = '10.0.9.0/30'", &[])
            .await
    };
    app.app.db.write(reserve).await.unwrap();
    let token = token(&app, json!({"max_uses": 5})).await;
    let mut addresses = Vec::new();
    for n in 0..2 {
        let (status, node) = app
            .anybody()
            .post(paths::REGISTER, request(&app, &token, &format!("{n}")))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{node}");
        addresses.push(node["mesh_ip"].clone());
    }
    assert_eq!(addresses, [json!("10.0.9.1"), json!("10.0.9.2")]);
    let (status, headers, problem) = app
        .anybody()
        .send("POST", paths::REGISTER, Some(request(&app, &token, "late")))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &json!("subrange_exhausted"))
    );
    assert!(headers.contains_key("retry-after"));
    assert_eq!(
        count(&app, "select uses from bootstrap_tokens").await,
        2,
        "the token is as it was"
    );
}

#[tokio::test]
async fn a_queue_that_is_full_is_contention_and_no_other_failure_is() {
    use super::Refused;
    use axum::response::IntoResponse as _;
    let code = |error: Error| {
        let Refused(failure) = error.into();
        format!("{failure:?}")
    };
    assert!(code(Error::Busy).contains("allocator_contention"));
    assert!(code(Error::Unavailable(None)).contains("datastore_unavailable"));
    let Refused(failure) = Error::Busy.into();
    assert_eq!(failure.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn who_tries_tokens_is_told_to_wait_and_does_not_wait_for_the_writer() {
    let app = TestApp::start().await;
    let spent = token(&app, json!({})).await;
    let first = app
        .anybody()
        .post(paths::REGISTER, request(&app, &spent, "first"))
        .await;
    assert_eq!(first.0, StatusCode::CREATED, "{}", first.1);
    let eager = app.anybody().from("192.0.2.9");
    // The one writer is taken; whoever waits for it waits until this test ends.
    let writer = app.take_writer().await;
    let unknown = format!("{}{}", &spent[..spent.len() - 8], "aaaaaaaa");
    for nth in 0..crate::throttle::BURST {
        let (token, expected) = if nth % 2 == 0 {
            (&spent, (403, "token_consumed".to_owned()))
        } else {
            (&unknown, (422, "bootstrap_token_invalid".to_owned()))
        };
        let body = Some(request(&app, token, &format!("n{nth}")));
        assert_eq!(eager.code("POST", paths::REGISTER, body).await, expected);
    }
    let body = Some(request(&app, &unknown, "last"));
    assert_eq!(
        eager.code("POST", paths::REGISTER, body).await,
        (429, "rate_limited".to_owned())
    );
    drop(writer);
}
