//! What domains and projects have in common: how they are described, and how they are patched.

use crate::problem::Failure;
use crate::request::{PLAIN_BODY, parse_json, read_body};
use axum::extract::Request;
use plex_api::codes;
use plex_domain::cidr::Cidr;
use plex_domain::tenancy;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The display name of a request.
pub fn name(text: &str, code: &'static str) -> Result<String, Failure> {
    tenancy::name(text).map(str::to_owned).ok_or_else(|| {
        Failure::bad_request(
            code,
            "name takes 1 to 255 characters, is not blank and holds no control character",
        )
    })
}

/// The description of a request.
pub fn description(text: String, code: &'static str) -> Result<String, Failure> {
    Some(text)
        .filter(|text| tenancy::is_description(text))
        .ok_or_else(|| {
            Failure::bad_request(
                code,
                "description takes at most 1024 characters, not only white space",
            )
        })
}

/// The address range of a request.
pub fn range(text: &str, code: &'static str, detail: &'static str) -> Result<Cidr, Failure> {
    Cidr::parse(text).ok_or_else(|| Failure::bad_request(code, detail))
}

/// Reads the body of a patch: at least one member, never the slug, and none that the type does not have.
pub async fn patch<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let body = read_body(request, PLAIN_BODY).await?;
    let members: Map<String, Value> = parse_json(&body, PLAIN_BODY.malformed)?;
    if members.contains_key("slug") {
        let detail = "a slug never changes; leave it out";
        return Err(Failure::bad_request(codes::SLUG_IMMUTABLE, detail));
    }
    let wanted = parse_json(&body, PLAIN_BODY.malformed)?;
    if members.values().all(Value::is_null) {
        return Err(empty_patch());
    }
    Ok(wanted)
}

/// A patch that changes nothing.
pub fn empty_patch() -> Failure {
    Failure::bad_request(codes::EMPTY_PATCH, "give at least one member to change")
}
