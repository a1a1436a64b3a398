use super::{ObjectProbe, PROBE_HOLDS};
use crate::testing::TestApp;
use axum::http::StatusCode;
use plex_api::paths::{HEALTH, VERSION};
use plex_store::Error;
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

fn verdicts(health: &Value) -> Vec<(&str, &str)> {
    let checks = health["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn anybody_is_told_how_the_service_is() {
    let app = TestApp::start().await;
    let (status, health) = app.anybody().get(HEALTH).await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")));
    assert_eq!(verdicts(&health), [("database", "ok"), ("object_store", "ok")]);
}

#[tokio::test]
async fn without_an_object_store_it_works_in_part() {
    let app = TestApp::start().await;
    std::fs::remove_dir_all(app.app.objects.local().unwrap().root()).unwrap();
    let (status, health) = app.anybody().get(HEALTH).await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("degraded")));
    assert_eq!(
        verdicts(&health),
        [("database", "ok"), ("object_store", "degraded")]
    );
}

#[tokio::test]
async fn a_full_disk_is_no_place_for_outputs() {
    let app = TestApp::start().await;
    std::os::unix::fs::symlink(
        "/dev/full",
        app.app.objects.local().unwrap().root().join("tmp/probe"),
    )
    .unwrap();
    let (status, health) = app.anybody().get(HEALTH).await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("degraded")));
    assert_eq!(
        verdicts(&health),
        [("database", "ok"), ("object_store", "degraded")]
    );
}

#[tokio::test]
async fn without_a_database_it_is_down() {
    let app = TestApp::start().await;
    let breaking = app
        .app
        .db
        .write(async |tx| tx.execute("alter table domains rename to gone", &[]).await);
    let broken: Result<_, Error> = breaking.await;
    broken.unwrap();
    let (status, health) = app.anybody().get(HEALTH).await;
    assert_eq!((status.as_u16(), &health["status"]), (503, &json!("down")));
    assert_eq!(verdicts(&health), [("database", "down"), ("object_store", "ok")]);
    assert!(
        !health.to_string().contains("domains"),
        "nothing inner is told: {health}"
    );
}

#[tokio::test]
async fn the_object_store_is_asked_once_in_a_while() {
    let (probe, asked) = (ObjectProbe::default(), Cell::new(0));
    let start = Instant::now();
    let ask = async |at: Duration, answer: bool| {
        let counted = async || {
            asked.set(asked.get() + 1);
            answer
        };
        probe.fresh(start + at, counted).await
    };
    assert!(ask(Duration::ZERO, true).await);
    assert!(
        ask(PROBE_HOLDS - Duration::from_millis(1), false).await,
        "the answer before stands"
    );
    assert_eq!(asked.get(), 1);
    assert!(!ask(PROBE_HOLDS, false).await);
    assert!(!ask(PROBE_HOLDS + Duration::from_millis(1), true).await);
    assert_eq!(asked.get(), 2);
    assert!(ask(PROBE_HOLDS * 2, true).await);
}

#[tokio::test]
async fn anybody_is_told_which_build_this_is() {
    let app = TestApp::start().await;
    let (status, version) = app.anybody().get(VERSION).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(version["version"], concat!("v", env!("CARGO_PKG_VERSION")));
    assert!(
        version["commit"]
            .as_str()
            .is_some_and(|commit| !commit.is_empty()),
        "{version}"
    );
    version["date"]
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
}

#[tokio::test]
async fn anybody_is_given_the_document() {
    let app = TestApp::start().await;
    let (status, headers, document) = app.anybody().send("GET", "/v1/openapi.json", None).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let operation = &document["paths"]["/v1/domains"]["post"];
    assert_eq!(operation["operationId"], "CreateDomain");
    let conflicts = &operation["responses"]["409"]["x-problem-codes"];
    assert_eq!(*conflicts, json!(["domain_slug_conflict", "mesh_cidr_overlap"]));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document: Value = serde_json::from_str(&crate::http::openapi_json()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a place in this document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
