//! `/v1/auth/device…`: a person decides whether a device may act as them.

pub mod approve;
pub mod page;
pub mod pending;

use crate::app::App;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_domain::credential::UserCode;
use plex_store::device_codes::{Found, Pending};
use tokio::time::Instant;

/// Reads a code, and counts it as a guess, unless the caller has named too many wrong ones.
fn user_code(app: &App, principal: &Principal, text: Option<&str>) -> Result<UserCode, Failure> {
    let malformed = || {
        let detail = "user_code takes eight of A-Z and 2-7, with or without a dash in the middle";
        Failure::bad_request(codes::INVALID_BODY, detail)
    };
    let code = text.and_then(UserCode::parse).ok_or_else(malformed)?;
    app.guesses
        .guess(principal.id, Instant::now())
        .map_err(too_many_guesses)?;
    Ok(code)
}

/// The login that waits under a code. A code that is one was no guess.
fn require_pending(app: &App, principal: &Principal, found: Option<Found>) -> Result<Pending, Failure> {
    if found.is_some() {
        app.guesses.forgive(principal.id);
    }
    match found {
        Some(Found::Pending(pending)) => Ok(pending),
        Some(Found::Approved) => Err(Failure::conflict(
            codes::DEVICE_CODE_ALREADY_APPROVED,
            "somebody has approved this login already",
        )),
        Some(Found::Denied) => Err(Failure::conflict(
            codes::DEVICE_CODE_EXPIRED,
            "somebody has refused this login; begin again on the device",
        )),
        Some(Found::Expired) => Err(Failure::conflict(
            codes::DEVICE_CODE_EXPIRED,
            "this login waited too long; begin again on the device",
        )),
        None => {
            let detail = "no device waits under this code; codes hold for ten minutes";
            Err(Failure::new(
                axum::http::StatusCode::NOT_FOUND,
                codes::DEVICE_CODE_NOT_FOUND,
                detail,
            ))
        }
    }
}

fn too_many_guesses(seconds: u32) -> Failure {
    Failure::rate_limited(seconds, "too many wrong codes; wait")
}
