//! `/v1/health`, `/v1/version`, `/v1/openapi.json`: the service about itself. Anybody may ask.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plex_api::meta::{Health, HealthCheck, HealthStatus, VersionInfo};
use plex_store::{Error, domains};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

static DOCUMENT: LazyLock<String> = LazyLock::new(super::openapi_json);

/// Tell how the service is
#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "GetHealth",
    tag = "meta",
    responses(
        (status = 200, description = "Works, at least in part", body = HealthStatus),
        (status = 503, description = "Does not work", body = HealthStatus),
    ),
    security(()),
)]
pub async fn health(State(app): State<App>) -> Response {
    let checks = vec![database(&app).await, object_store(&app).await];
    let status = checks
        .iter()
        .map(|check| check.status)
        .max()
        .unwrap_or(Health::Ok);
    let code = if status == Health::Down {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (code, Json(HealthStatus { status, checks })).into_response()
}

async fn database(app: &App) -> HealthCheck {
    let reads = app.db.read(async |tx| domains::any(tx).await).await;
    let (status, detail) = match reads {
        Ok(_) if app.db.has_failed() => (
            Health::Down,
            "a commit could not be made durable; restart the server",
        ),
        Ok(_) => (Health::Ok, "can be read"),
        Err(Error::Busy) => (Health::Degraded, "has too much to do"),
        Err(_) => (Health::Down, "cannot be read"),
    };
    HealthCheck {
        name: "database".to_owned(),
        status,
        detail: detail.to_owned(),
    }
}

async fn object_store(app: &App) -> HealthCheck {
    let is_writable = app
        .object_probe
        .fresh(Instant::now(), async || app.objects.is_writable().await)
        .await;
    let (status, detail) = match is_writable {
        true => (Health::Ok, "can be written"),
        false => (
            Health::Degraded,
            "cannot be written; outputs over 16 KiB are cut by the nodes",
        ),
    };
    HealthCheck {
        name: "object_store".to_owned(),
        status,
        detail: detail.to_owned(),
    }
}

/// How long an answer of the object store stands: anybody may ask, and each time it is asked costs it a file.
const PROBE_HOLDS: Duration = Duration::from_secs(5);

/// Whether the object store could be written when it was last asked, and when that was.
#[derive(Default)]
pub struct ObjectProbe(Mutex<Option<(Instant, bool)>>);

impl ObjectProbe {
    /// The last answer, or that of `probe` when it is too old. Callers that come meanwhile wait for the same one.
    async fn fresh(&self, now: Instant, probe: impl AsyncFnOnce() -> bool) -> bool {
        let mut last = self.0.lock().await;
        match *last {
            Some((at, answer)) if now.saturating_duration_since(at) < PROBE_HOLDS => answer,
            Some(_) | None => {
                let answer = probe().await;
                *last = Some((now, answer));
                answer
            }
        }
    }
}

/// Tell which build this is
#[utoipa::path(
    get,
    path = "/v1/version",
    operation_id = "GetVersion",
    tag = "meta",
    responses((status = 200, description = "The build", body = VersionInfo)),
    security(()),
)]
pub async fn version() -> Json<VersionInfo> {
    Json(VersionInfo {
        version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned(),
        commit: option_env!("PLEX_COMMIT").unwrap_or("unknown").to_owned(),
        date: option_env!("PLEX_BUILD_DATE")
            .and_then(|date| date.parse().ok())
            .unwrap_or_default(),
    })
}

/// Give this document
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "GetOpenAPI",
    tag = "meta",
    responses((status = 200, description = "The OpenAPI document", body = Object, content_type = "application/json")),
    security(()),
)]
pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

#[cfg(test)]
mod tests;
