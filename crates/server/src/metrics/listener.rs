//! The routes of the metrics' own listener. It speaks plain HTTP and asks nobody who they are, so it is bound where only
//! those who may know can reach it.

use super::exposition::MEDIA_TYPE;
use crate::app::App;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// `/metrics`, and `/healthz` for whoever restarts a process that is beyond help.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics.text(&app)).into_response()
}

async fn healthz(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.db.has_failed() {
        false => (StatusCode::OK, "ok\n"),
        true => (
            StatusCode::SERVICE_UNAVAILABLE,
            "a commit could not be made durable; restart the server\n",
        ),
    }
}
