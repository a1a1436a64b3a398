//! `GET /v1/auth/device/pending` (*beyond*): what there is to decide about, so that nobody approves blindly.

use super::{require_pending, user_code};
use crate::app::App;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::auth::PendingDevice;
use plex_domain::credential;
use plex_store::device_codes;

/// Show a device's login that waits for a decision
#[utoipa::path(
    get,
    path = "/v1/auth/device/pending",
    operation_id = "GetAuthDevicePending",
    tag = "auth",
    params(("user_code" = String, Query, description = "The code that the device shows")),
    responses((status = 200, description = "Who asks, whence and when", body = PendingDevice), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn pending(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<PendingDevice>, Failure> {
    let code = user_code(&app, &principal, query.get("user_code"))?;
    let hash = credential::hash(&app.keys.user_codes, code.as_bytes());
    let found = app
        .db
        .read(async move |tx| device_codes::find(tx, &hash).await)
        .await?;
    let pending = require_pending(&app, &principal, found)?;
    Ok(Json(PendingDevice {
        user_code: code.to_string(),
        client_ip: pending.client_ip,
        user_agent: pending.user_agent,
        created_at: pending.created_at,
        expires_at: pending.expires_at,
    }))
}
