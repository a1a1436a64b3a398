//! `POST /v1/auth/device/approve`: a person lets a device act as them, or does not.

use super::{require_pending, user_code};
use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, json};
use axum::Json;
use axum::extract::{Request, State};
use plex_api::auth::{DeviceApproveRequest, DeviceApproveResponse, DeviceDecision, DeviceOutcome};
use plex_domain::credential;
use plex_store::Tx;
use plex_store::device_codes::{self, Decider, Decision};

/// Approve or deny a device's login
///
/// The device gets a token of the caller for 12 hours, and no longer than the credential lasts that approves it. By cookie, the CSRF header is required.
#[utoipa::path(
    post,
    path = "/v1/auth/device/approve",
    operation_id = "PostAuthDeviceApprove",
    tag = "auth",
    request_body = DeviceApproveRequest,
    responses((status = 200, description = "Decided", body = DeviceApproveResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn approve(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<DeviceApproveResponse>, Failure> {
    let wanted: DeviceApproveRequest = json(request, PLAIN_BODY).await?;
    let code = user_code(&app, &principal, Some(&wanted.user_code))?;
    let hash = credential::hash(&app.keys.user_codes, code.as_bytes());
    let (decision, status, relation) = match wanted.decision.unwrap_or_default() {
        DeviceDecision::Approve => (Decision::Approve, DeviceOutcome::Approved, "approve_device"),
        DeviceDecision::Deny => (Decision::Deny, DeviceOutcome::Denied, "deny_device"),
    };
    let (shared, by) = (app.clone(), principal.clone());
    let work = async move |tx: &mut Tx| {
        let found = device_codes::find(tx, &hash).await?;
        let pending = require_pending(&shared, &by, found)?;
        if decision == Decision::Approve {
            by.credential.require_current(tx).await?;
        }
        let decider = Decider {
            principal_id: by.id,
            credential_id: by.credential.id(),
            assurance: by.assurance(),
        };
        device_codes::decide(tx, pending.id, decision, &decider).await?;
        let entry = Entry::of(None, relation, &by.object()).about(format!("device-code:{}", pending.id));
        Ok(((), [entry]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(Json(DeviceApproveResponse { status }))
}
