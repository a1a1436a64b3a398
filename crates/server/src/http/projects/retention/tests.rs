use crate::testing::TestApp;
use axum::http::StatusCode;
use plex_api::paths;
use serde_json::json;

#[tokio::test]
async fn a_project_admin_says_how_long_a_history_is_kept_and_viewers_read_it() {
    let app = TestApp::start().await;
    let admin = app.user_with("admin", app.project_id).await;
    let viewer = app.user_with("viewer", app.project_id).await;
    let path = paths::project_retention(app.project_id);
    assert_eq!(viewer.get(&path).await, (StatusCode::OK, json!({})), "for ever");
    for (wanted, kept) in [
        (
            json!({"max_age_days": 90, "max_count": 5}),
            json!({"max_age_days": 90, "max_count": 5}),
        ),
        (
            json!({"max_age_days": 0, "max_count": 7}),
            json!({"max_count": 7}),
        ),
        (json!({}), json!({})),
    ] {
        assert_eq!(admin.put(&path, wanted).await, (StatusCode::OK, kept.clone()));
        assert_eq!(viewer.get(&path).await, (StatusCode::OK, kept));
    }
    let denied = viewer.code("PUT", &path, Some(json!({}))).await;
    assert_eq!(denied, (403, "rebac_denied".to_owned()));
    let noted = app.audit().await;
    let told: Vec<String> = noted
        .iter()
        .filter(|row| row.relation == "set_retention")
        .map(|row| row.entry()["details"].to_string())
        .collect();
    assert_eq!(
        told,
        [
            "\"90 days, 5 executions\"",
            "\"7 executions\"",
            "\"kept for ever\""
        ]
    );
}

#[tokio::test]
async fn bounds_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let path = paths::project_retention(app.project_id);
    for (wanted, code) in [
        (json!({"max_age_days": 36_501}), "invalid_project"),
        (json!({"max_count": 1_000_000_000_001_u64}), "invalid_project"),
        (json!({"max_age_days": -1}), "invalid_body"),
        (json!({"max_age": 1}), "invalid_body"),
    ] {
        let refused = app.admin().code("PUT", &path, Some(wanted.clone())).await;
        assert_eq!(refused, (400, code.to_owned()), "{wanted}");
    }
}
