use crate::testing::{Actor, TestApp, execute};
use crate::throttle::BURST;
use plex_api::paths::{self, WHOAMI};
use plex_api::tokens::PrincipalType;
use plex_store::{Error, principals, relations};
use uuid::Uuid;

/// Calls until it is told to wait; how often it was answered before.
async fn exhaust(actor: &Actor, path: &str, code: &str) -> u32 {
    for nth in 0.. {
        let (status, headers, problem) = actor.send("GET", path, None).await;
        if status == 429 {
            assert_eq!(problem["code"], "rate_limited");
            assert!(headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
            return nth;
        }
        assert_eq!((status.as_u16(), problem["code"].as_str().unwrap()), (401, code));
        assert!(nth < 10 * BURST, "it is never told to wait");
    }
    unreachable!("the loop ends by a return")
}

#[tokio::test]
async fn who_fails_too_often_waits_and_locks_nobody_else_out() {
    let app = TestApp::start().await;
    let address = "192.0.2.1";
    let guesser = app.with_token("psk_prod_0000").from(address);
    assert!(exhaust(&guesser, WHOAMI, "unauthenticated").await >= BURST);
    let nobody = app.anybody().from(address);
    assert_eq!(
        nobody.get(paths::HEALTH).await.0,
        200,
        "what needs no credential is not limited"
    );
    assert_eq!(
        app.admin().from(address).get(WHOAMI).await.0,
        200,
        "nor is who has one"
    );
    let neighbour = app.with_token("psk_prod_0000").from("192.0.2.2");
    assert_eq!(
        neighbour.code("GET", WHOAMI, None).await,
        (401, "unauthenticated".to_owned())
    );
}

#[tokio::test]
async fn guessing_node_keys_is_limited_as_well() {
    let app = TestApp::start().await;
    let id = Uuid::now_v7();
    let guesser = app.node_with(id, [7; 32]).clone().from("2001:db8::1");
    assert!(exhaust(&guesser, &paths::node_state(id), "nsk_invalid").await >= BURST);
    let real = app.node("web-1").await;
    let path = paths::node_state(real.id);
    assert_eq!(
        real.clone().from("2001:db8::2").get(&path).await.0,
        200,
        "from the same /64"
    );
}

/// Whoever was found before is read for ahead, but answered only as who is found now.
#[tokio::test]
async fn a_list_is_answered_to_nobody_for_what_was_true_before() {
    let app = TestApp::start().await;
    let path = paths::executions(app.project_id);
    let viewer = app.user_with("viewer", app.project_id).await;
    let other = app.user_with("viewer", app.project_id).await;
    for _ in 0..2 {
        assert_eq!(viewer.get(&path).await.0, 200);
        assert_eq!(other.get(&path).await.0, 200);
    }
    let subject = principals::subject(PrincipalType::User, viewer.id);
    let ended: Result<usize, Error> = app
        .app
        .db
        .write(async move |tx| relations::delete_all_of(tx, subject).await)
        .await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(
        viewer.code("GET", &path, None).await,
        (404, "project_not_found".to_owned())
    );
    assert!(execute(&app.app, "update api_tokens set revoked_at = created_at").await > 0);
    for gone in [&viewer, &other, &other] {
        assert_eq!(
            gone.code("GET", &path, None).await,
            (401, "unauthenticated".to_owned())
        );
    }
}

#[tokio::test]
async fn who_calls_comes_before_what_is_wrong_with_the_query() {
    let app = TestApp::start().await;
    let path = format!("{}?limit=1&limit=1", paths::executions(app.project_id));
    let nobody = app.with_token("psk_prod_0000");
    assert_eq!(
        nobody.code("GET", &path, None).await,
        (401, "unauthenticated".to_owned())
    );
    assert_eq!(app.admin().get(&path).await.0, 400);
}
