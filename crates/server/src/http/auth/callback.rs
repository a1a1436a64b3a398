//! `GET /v1/auth/callback`: the way back from the identity provider.
//!
//! Whoever comes back must be the browser that set out, within its time and once. Only then is the provider asked who
//! that is, and a session begins.

use super::NO_STORE;
use crate::app::App;
use crate::audit::by;
use crate::cookies;
use crate::oidc::{Claims, Provider, ProviderError, SignIn};
use crate::problem::{Failure, Problems};
use crate::request::{Context, Query, text_header};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use plex_api::codes;
use plex_api::tokens::PrincipalType;
use plex_domain::credential;
use plex_store::assurance::Assurance;
use plex_store::sessions::{self, NewSession};
use plex_store::sign_ins::{self, Person};
use plex_store::{Error, audit, principals};
use tokio::time::Instant;

/// The longest code that is redeemed.
const CODE_BYTES: usize = 4096;

/// A browser whose session begins.
struct SignedIn {
    session: String,
    csrf: String,
    return_to: String,
}

/// Finish signing in
///
/// The identity provider sends browsers here. They are sent on with their session, or to `/` with what went wrong; who
/// accepts JSON alone is answered with a problem instead.
#[utoipa::path(
    get,
    path = "/v1/auth/callback",
    operation_id = "GetAuthCallback",
    tag = "auth",
    params(
        ("code" = String, Query, description = "What the provider gave"),
        ("state" = String, Query, description = "What the browser set out with"),
    ),
    responses(
        (
            status = 303,
            description = "On the way: with a session, or to `/?auth_error_kind=…`",
            headers(
                ("Location" = String, description = "Where the way leads"),
                ("Set-Cookie" = String, description = "The session and its CSRF value"),
            ),
        ),
        Problems,
    ),
    security(()),
)]
pub async fn callback(
    State(app): State<App>,
    context: Context,
    headers: HeaderMap,
    query: Result<Query, Failure>,
) -> Response {
    let finished = match query {
        Ok(query) => finish(&app, &context, &headers, &query).await,
        Err(failure) => Err(failure),
    };
    match finished {
        Ok(signed_in) => welcome(&signed_in),
        Err(failure) if wants_json(&headers) => failure.into_response(),
        Err(failure) => turned_away(&failure, &context),
    }
}

async fn finish(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    query: &Query,
) -> Result<SignedIn, Failure> {
    let invalid = || {
        let detail = "this sign-in was begun in another browser, too long ago, or is over; begin again";
        Failure::bad_request(codes::SIGN_IN_INVALID, detail)
    };
    let state = query
        .get("state")
        .ok_or_else(|| Failure::bad_request(codes::INVALID_QUERY, "the query has no state"))?;
    let provider = app.provider.as_ref().ok_or_else(invalid)?;
    let browser = cookies::SIGN_IN.read(headers).ok_or_else(invalid)?;
    let hashes = [state, browser].map(|secret| credential::hash(&app.keys.sign_ins, secret.as_bytes()));
    let is_under_way = app
        .db
        .look_up(move |tx| async move { sign_ins::is_under_way(tx, &hashes[0], &hashes[1]).await }.boxed())
        .await?;
    if !is_under_way {
        // A failed authentication like any other (decision 30); it does not wait for the one writer.
        app.throttle.fail(context.ip, Instant::now()).map_err(|seconds| {
            let detail = "too many sign-ins from this address were never begun";
            Failure::rate_limited(seconds, detail)
        })?;
        return Err(invalid());
    }
    let returned = app
        .db
        .write(async move |tx| sign_ins::finish(tx, &hashes[0], &hashes[1]).await)
        .await?;
    let returned = returned.ok_or_else(invalid)?;
    // RFC 9207: another provider's answer must not be taken for this one's.
    let is_its = provider.is_named_by(query.get("iss")).await;
    if !is_its.map_err(unusable)? {
        return Err(invalid());
    }
    let code = code(query)?;
    let claims = redeem(app, provider, code, state).await?;
    let (session, csrf) = begin_session(app, context, (provider, claims, returned.session_hash)).await?;
    Ok(SignedIn {
        session,
        csrf,
        return_to: returned.return_to,
    })
}

/// The provider's code; its refusal, where it sent one, in our own words.
fn code(query: &Query) -> Result<&str, Failure> {
    match (query.get("error"), query.get("code")) {
        (Some("access_denied"), _) => {
            let detail = "the identity provider says that signing in was refused";
            Err(Failure::bad_request(codes::ACCESS_DENIED, detail))
        }
        (Some(_), _) => {
            let detail = "the identity provider could not sign anybody in; begin again";
            Err(Failure::bad_request(codes::SIGN_IN_INVALID, detail))
        }
        (None, Some(code)) if (1..=CODE_BYTES).contains(&code.len()) => Ok(code),
        (None, Some(_) | None) => Err(Failure::bad_request(
            codes::INVALID_QUERY,
            "the query has no code, or one that is too long",
        )),
    }
}

async fn redeem(app: &App, provider: &Provider, code: &str, state: &str) -> Result<Claims, Failure> {
    let sign_in = SignIn::of(&app.keys, state.to_owned());
    let redeemed = provider
        .redeem(code, &sign_in, (app.clock.now(), Instant::now()))
        .await;
    redeemed.map_err(unusable)
}

fn unusable(error: ProviderError) -> Failure {
    let detail = "the identity provider's answer does not hold; begin again";
    let code = codes::IDENTITY_PROVIDER_UNAVAILABLE;
    Failure::new(StatusCode::BAD_GATEWAY, code, detail).with_cause(error)
}

/// Begins a session, in the place of the one that the browser had; the values of its two cookies.
async fn begin_session(
    app: &App,
    context: &Context,
    (provider, claims, earlier): (&Provider, Claims, Option<[u8; 32]>),
) -> Result<(String, String), Failure> {
    let (session, csrf) = (
        credential::mint_opaque(&*app.rng),
        credential::mint_opaque(&*app.rng),
    );
    let hash = credential::hash(&app.keys.sessions, session.as_bytes());
    let csrf_hash = credential::hash(&app.keys.csrf, csrf.as_bytes());
    let person = Person {
        issuer: provider.issuer().to_owned(),
        subject: claims.subject,
        email: claims.email,
    };
    let assurance = Assurance {
        acr: claims.acr,
        amr: claims.amr,
    };
    let (pseudonyms, context) = (app.keys.pseudonyms, context.clone());
    let written = app.db.write(async move |tx| {
        let principal_id = sign_ins::identify(tx, &person).await?;
        let new = NewSession {
            principal_id,
            hash,
            csrf_hash,
            assurance,
        };
        if let Some(earlier) = earlier {
            sessions::end_by_hash(tx, &earlier).await?;
        }
        sessions::begin(tx, &new).await?;
        let user = principals::subject(PrincipalType::User, principal_id);
        audit::append(tx, &pseudonyms, by(&user.to_string(), &context, "sign_in", &user)).await
    });
    let written: Result<(), Error> = written.await;
    written?;
    Ok((session, csrf))
}

fn welcome(signed_in: &SignedIn) -> Response {
    let mut response = see_other(&signed_in.return_to);
    let headers = response.headers_mut();
    for cookie in [
        cookies::SESSION.set(&signed_in.session, sessions::LIFE),
        cookies::CSRF.set(&signed_in.csrf, sessions::LIFE),
        cookies::SIGN_IN.clear(),
    ] {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Sends a browser on with what went wrong, all of it in our own words.
fn turned_away(failure: &Failure, context: &Context) -> Response {
    let told = failure.told();
    tracing::warn!(
        correlation.id = context.correlation_id,
        error.cause = failure.cause().map(tracing::field::debug),
        "a sign-in failed: {}",
        told.code,
    );
    let query = crate::oidc::form(&[
        ("auth_error_kind", told.code),
        ("auth_error_status", told.status.as_str()),
        ("auth_error_detail", told.detail),
    ]);
    let mut response = see_other(&format!("/?{query}"));
    let cleared = cookies::SIGN_IN.clear();
    response.headers_mut().append(header::SET_COOKIE, cleared);
    response
}

fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).expect("a local path is visible ASCII");
    (StatusCode::SEE_OTHER, [(header::LOCATION, place), NO_STORE]).into_response()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = text_header(headers, header::ACCEPT).unwrap_or_default();
    let names = |wanted: &str| accepted.to_ascii_lowercase().contains(wanted);
    (names("application/json") || names("application/problem+json")) && !names("text/html")
}
