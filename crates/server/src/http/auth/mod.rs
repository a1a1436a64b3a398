//! `/v1/auth/…`: browsers that sign in and out, and devices that are logged in. API tokens are in `http/tokens`.

pub mod callback;
pub mod device;
pub mod device_code;
pub mod device_token;
pub mod logout;
pub mod sign_in;

use crate::app::App;
use crate::problem::Failure;
use crate::request::Context;
use axum::http::header;
use axum::http::{HeaderName, HeaderValue};
use plex_api::codes;
use tokio::time::Instant;

/// Answers that hold a secret are kept nowhere.
const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Counts something that anybody may begin and that takes up room here for minutes.
fn count_beginning(app: &App, context: &Context) -> Result<(), Failure> {
    app.beginnings
        .count(context.ip, Instant::now())
        .map_err(|seconds| {
            let detail = "too many logins were begun from this address";
            Failure::rate_limited(seconds, detail)
        })
}

/// There is no provider of that name, or none at all.
fn no_provider() -> Failure {
    Failure::not_found(codes::IDP_BINDING_NOT_FOUND, "identity provider")
}

#[cfg(test)]
pub(crate) mod tests;
