//! `POST /v1/auth/device-token`: a program asks whether somebody has decided, and fetches its token.

use super::NO_STORE;
use crate::app::App;
use crate::audit::by;
use crate::problem::{Failure, Problems};
use crate::request::{Context, PLAIN_BODY, json, require_short};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use futures_util::FutureExt as _;
use plex_api::auth::{DeviceTokenRequest, ServiceTokenResponse};
use plex_api::codes;
use plex_api::tokens::TokenEnvironment;
use plex_domain::credential::{self, ApiToken};
use plex_store::device_codes::{self, Polled};
use plex_store::tokens::{self, NewToken, Origin};
use plex_store::{Tx, audit, principals};
use tokio::time::Instant;

/// How long a login lasts: as long as a browser's session.
const TTL_SECONDS: u32 = 12 * 60 * 60;

/// Ask for the token of a device
///
/// Every answer but the token is a 400 whose code says how things stand (RFC 8628). The token is given once.
#[utoipa::path(
    post,
    path = "/v1/auth/device-token",
    operation_id = "PostAuthDeviceToken",
    tag = "auth",
    request_body = DeviceTokenRequest,
    responses((status = 200, description = "Logged in", body = ServiceTokenResponse), Problems),
    security(()),
)]
pub async fn device_token(
    State(app): State<App>,
    context: Context,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let wanted: DeviceTokenRequest = json(request, PLAIN_BODY).await?;
    require_short([&wanted.device_code].into_iter().chain(&wanted.client_id))?;
    let hash = credential::hash(&app.keys.device_codes, wanted.device_code.as_bytes());
    let said = app
        .db
        .look_up(move |tx| async move { device_codes::peek(tx, &hash).await }.boxed())
        .await?;
    let plaintext = ApiToken::mint(TokenEnvironment::Prod, &*app.rng);
    let token_hash = credential::hash(&app.keys.api_tokens, plaintext.as_bytes());
    let polled = match said {
        Some(polled) => Err(polled),
        None => poll(&app, &context, (hash, token_hash)).await?,
    };
    let (code, detail) = match polled {
        Ok(expires_in) => {
            let answer = ServiceTokenResponse {
                access_token: plaintext,
                token_type: "Bearer".to_owned(),
                expires_in,
                scope: None,
            };
            return Ok(([NO_STORE], Json(answer)));
        }
        Err(Polled::Pending) => (
            codes::AUTHORIZATION_PENDING,
            "nobody has decided yet; ask again later",
        ),
        Err(Polled::TooFast) => (
            codes::SLOW_DOWN,
            "ask less often: wait five seconds longer each time",
        ),
        Err(Polled::Denied) => (codes::ACCESS_DENIED, "somebody refused this login"),
        Err(Polled::Expired) => (
            codes::EXPIRED_TOKEN,
            "nobody approved this login in time; begin again",
        ),
        Err(Polled::Unknown | Polled::Approved { .. }) => return Err(unknown(&app, &context)),
    };
    Err(Failure::bad_request(code, detail))
}

/// Asks, and keeps the token where somebody has allowed it; for how many seconds that holds.
async fn poll(
    app: &App,
    context: &Context,
    (hash, token_hash): ([u8; 32], [u8; 32]),
) -> Result<Result<u32, Polled>, plex_store::Error> {
    let (pseudonyms, asker) = (app.keys.pseudonyms, context.clone());
    let work = async move |tx: &mut Tx| {
        let polled = device_codes::poll(tx, &hash).await?;
        let Polled::Approved {
            principal_id,
            assurance,
            not_after,
            issued_by,
        } = polled
        else {
            return Ok(Err(polled));
        };
        let login = NewToken {
            principal_id,
            env: TokenEnvironment::Prod,
            hash: token_hash,
            ttl_seconds: TTL_SECONDS,
            not_after: Some(not_after),
            issued_by,
            origin: Origin::Login(assurance),
        };
        log_in(tx, &pseudonyms, &asker, &login).await.map(Ok)
    };
    app.db.write(work).await
}

/// A code that never was, or whose token was fetched, is a failed authentication like any other (decision 30).
fn unknown(app: &App, context: &Context) -> Failure {
    match app.throttle.fail(context.ip, Instant::now()) {
        Ok(()) => Failure::bad_request(
            codes::INVALID_GRANT,
            "no such device code, or its token was fetched",
        ),
        Err(seconds) => {
            let detail = "too many requests from this address came without a credential that holds";
            Failure::rate_limited(seconds, detail)
        }
    }
}

/// Keeps the token of a login; returns for how many seconds it holds.
async fn log_in(
    tx: &mut Tx,
    pseudonyms: &[u8; 32],
    context: &Context,
    login: &NewToken,
) -> Result<u32, plex_store::Error> {
    let kind = principals::kind_of(tx, login.principal_id)
        .await?
        .ok_or_else(|| plex_store::Error::Corrupt("a login was approved by nobody".to_owned()))?;
    if tokens::living(tx, login.principal_id).await? >= tokens::MOST {
        tokens::end_oldest_login(tx, login.principal_id).await?;
    }
    let issued = tokens::issue(tx, login).await?;
    let subject = principals::subject(kind, login.principal_id);
    let mut record = by(&subject.to_string(), context, "log_in_device", &subject);
    record.details = Some(format!("api-token:{}", issued.id));
    audit::append(tx, pseudonyms, record).await?;
    let holds = issued.expires_at.duration_since(tx.now()).as_secs();
    Ok(u32::try_from(holds).unwrap_or_default())
}
