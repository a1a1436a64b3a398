//! `POST /v1/auth/tokens/{id}/rotate`: a new secret, and a while in which the old one goes on.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use plex_api::codes;
use plex_api::tokens::APITokenRotateResponse;
use plex_domain::credential::{self, ApiToken};
use plex_store::{Tx, tokens};

/// When what an answer replaces ends (RFC 8594).
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Replace the secret of one of the caller's API tokens
///
/// The old secret goes on for an hour, and no longer than it would have lived. One that still went on from an earlier
/// rotation ends at once, and no such secret can rotate.
#[utoipa::path(
    post,
    path = "/v1/auth/tokens/{id}/rotate",
    operation_id = "PostAuthTokenRotate",
    tag = "auth",
    params(("id" = uuid::Uuid, Path, description = "The token")),
    responses(
        (
            status = 200,
            description = "The new secret, in this answer and nowhere else",
            body = APITokenRotateResponse,
            headers(("Sunset" = String, description = "When the old secret dies")),
        ),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn rotate(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<APITokenRotateResponse>), Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let (shared, by) = (app.clone(), principal.clone());
    let work = async move |tx: &mut Tx| {
        by.credential.require_current(tx).await?;
        let token = tokens::rotatable(tx, by.id, id)
            .await?
            .ok_or_else(|| Failure::not_found(codes::API_TOKEN_NOT_FOUND, "token of yours"))?;
        let plaintext = ApiToken::mint(token.env, &*shared.rng);
        let hash = credential::hash(&shared.keys.api_tokens, plaintext.as_bytes());
        let rotated = tokens::rotate(tx, id, token, &hash).await?;
        let entry = Entry::of(None, "rotate_token", &by.object()).about(format!("api-token:{id}"));
        let answer = APITokenRotateResponse {
            id,
            plaintext,
            env_prefix: token.env,
            expires_at: rotated.expires_at,
            rotation_deadline: rotated.rotation_deadline,
        };
        Ok((answer, [entry]))
    };
    let answer = authorize::change(&app, &principal, work).await?;
    Ok(([(SUNSET, http_date(answer.rotation_deadline)?)], Json(answer)))
}

fn http_date(time: Timestamp) -> Result<HeaderValue, Failure> {
    let text = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .map_err(Failure::internal)?;
    HeaderValue::from_str(&text).map_err(Failure::internal)
}
