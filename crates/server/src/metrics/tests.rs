use super::*;
use crate::testing::TestApp;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use plex_api::paths;
use tower::ServiceExt as _;
use uuid::Uuid;

/// What `/metrics` says.
async fn scrape(app: &TestApp) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = router(app.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The value of one sample; none is zero.
fn value(text: &str, sample: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn every_permission_and_reason_has_a_place_of_its_own() {
    for (index, permission) in Permission::ALL.into_iter().enumerate() {
        assert_eq!(permission as usize, index);
    }
    for (index, reason) in REASONS.into_iter().enumerate() {
        assert_eq!(reason as usize, index);
    }
}

#[tokio::test]
async fn what_operators_may_see_and_may_not_is_counted() {
    let app = TestApp::start().await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let project = format!("{}/{}", paths::PROJECTS, app.project_id);
    let before = scrape(&app).await;
    viewer.send("GET", &project, None).await;
    viewer.send("GET", &project, None).await;
    viewer.send("DELETE", &project, None).await;
    viewer
        .send("GET", &format!("{}/{}", paths::PROJECTS, Uuid::now_v7()), None)
        .await;
    app.anybody().send("GET", paths::WHOAMI, None).await;
    let after = scrape(&app).await;
    let route = r#"plexsphere_http_request_duration_seconds_count{method="GET",route="/v1/projects/{id}""#;
    for (sample, more) in [
        (
            r#"plexsphere_granted_reads_total{permission="read_project"}"#.to_owned(),
            2.0,
        ),
        (
            r#"plexsphere_denials_total{reason="insufficient_relation"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_denials_total{reason="out_of_scope"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_authentication_failures_total{status="401"}"#.to_owned(),
            1.0,
        ),
        (
            r#"plexsphere_authentication_failures_total{status="429"}"#.to_owned(),
            0.0,
        ),
        (format!(r#"{route},status="2xx"}}"#), 2.0),
        (format!(r#"{route},status="4xx"}}"#), 1.0),
    ] {
        let moved = value(&after, &sample) - value(&before, &sample);
        assert_eq!(moved, more, "{sample}\n{after}");
    }
}

#[tokio::test]
async fn the_lag_is_the_time_since_deadlines_were_last_kept() {
    let metrics = Metrics::default();
    metrics.deadlines_kept(metrics.began + Duration::from_secs(3600));
    assert_eq!(metrics.deadlines_lag(), Duration::ZERO);
    metrics.deadlines_kept(metrics.began);
    std::thread::sleep(Duration::from_millis(5));
    assert!(metrics.deadlines_lag() >= Duration::from_millis(5));
}

#[tokio::test]
async fn the_health_of_the_process_is_that_of_its_commits() {
    let app = TestApp::start().await;
    let request = Request::get("/healthz").body(Body::empty()).unwrap();
    let answer = router(app.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}
