//! `POST /v1/auth/device-code`: a program asks to be logged in.

use super::{NO_STORE, count_beginning, no_provider};
use crate::app::App;
use crate::problem::{Failure, Problems};
use crate::request::{Context, PLAIN_BODY, json, require_short};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use plex_api::auth::{DeviceCodeRequest, DeviceCodeResponse};
use plex_api::{codes, paths};
use plex_domain::credential::{self, UserCode};
use plex_store::device_codes::{self, INTERVAL_SECONDS, LIFE, NewCode};

/// How often another user code is tried when one is in use: of 2⁴⁰, at most 20,000 are.
const TRIES: u32 = 3;

/// Ask for a device to be logged in
///
/// Show the person the URI and the code, and ask for the token at the given pace. Without an identity provider the
/// person approves with an API token.
#[utoipa::path(
    post,
    path = "/v1/auth/device-code",
    operation_id = "PostAuthDeviceCode",
    tag = "auth",
    request_body = DeviceCodeRequest,
    responses((status = 200, description = "What to show, and what to ask with", body = DeviceCodeResponse), Problems),
    security(()),
)]
pub async fn device_code(
    State(app): State<App>,
    context: Context,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let wanted: DeviceCodeRequest = json(request, PLAIN_BODY).await?;
    let texts = [&wanted.idp_binding_alias, &wanted.client_id];
    require_short(texts.into_iter().flatten())?;
    require_binding(&app, &wanted)?;
    count_beginning(&app, &context)?;
    let device_code = credential::mint_opaque(&*app.rng);
    let user_code = issue(&app, &context, &device_code).await?;
    let verification_uri = format!("{}{}", app.public_url, paths::DEVICE_PAGE);
    let answer = DeviceCodeResponse {
        device_code,
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        user_code: user_code.to_string(),
        verification_uri,
        expires_in: u32::try_from(LIFE.as_secs()).unwrap_or(u32::MAX),
        interval: INTERVAL_SECONDS,
    };
    Ok(([NO_STORE], Json(answer)))
}

/// Who names a provider means the one there is. A domain has none of its own, so naming one asks for the same; whether
/// it exists is nothing that anybody may learn here.
fn require_binding(app: &App, wanted: &DeviceCodeRequest) -> Result<(), Failure> {
    if wanted.idp_binding_id.is_some() && wanted.idp_binding_alias.is_some() {
        let detail = "idp_binding_id and idp_binding_alias exclude each other";
        return Err(Failure::bad_request(codes::INVALID_BODY, detail));
    }
    let names_any =
        wanted.domain_id.is_some() || wanted.idp_binding_id.is_some() || wanted.idp_binding_alias.is_some();
    if !names_any {
        return Ok(());
    }
    let provider = app.provider.as_ref().ok_or_else(no_provider)?;
    let is_it = wanted.idp_binding_id.is_none_or(|id| id == provider.binding_id)
        && wanted
            .idp_binding_alias
            .as_ref()
            .is_none_or(|alias| *alias == provider.alias);
    if is_it { Ok(()) } else { Err(no_provider()) }
}

async fn issue(app: &App, context: &Context, device_code: &str) -> Result<UserCode, Failure> {
    let mut tried = 0;
    loop {
        let user_code = UserCode::mint(&*app.rng);
        let new = NewCode {
            hash: credential::hash(&app.keys.device_codes, device_code.as_bytes()),
            user_code_hash: credential::hash(&app.keys.user_codes, user_code.as_bytes()),
            client_ip: context.ip.map(|ip| ip.to_string()),
            user_agent: context.user_agent.clone(),
        };
        tried += 1;
        match app
            .db
            .write(async move |tx| device_codes::issue(tx, &new).await)
            .await
        {
            Ok(Some(_)) => return Ok(user_code),
            Ok(None) => return Err(Failure::rate_limited(60, "too many devices wait to be logged in")),
            Err(error) if error.is_constraint() && tried < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
