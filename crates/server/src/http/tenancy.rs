//! What domains and projects have in common: which of them a caller may see, and how they are described and
//! patched.

use crate::authorize::holds;
use crate::principal::Principal;
use crate::problem::Failure;
use crate::request::{PLAIN_BODY, parse_json, read_body};
use axum::extract::Request;
use plex_api::codes;
use plex_domain::cidr::Cidr;
use plex_domain::relation::{ObjectKind, Permission, Scope};
use plex_domain::tenancy;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

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

/// The objects of one kind on which the caller itself holds a relation that grants a permission; `None` when it
/// holds it on all, through the platform.
pub fn seen(principal: &Principal, permission: Permission, kind: ObjectKind) -> Option<Vec<Uuid>> {
    if holds(principal, permission, &Scope::default()) {
        return None;
    }
    let held = principal
        .bindings
        .iter()
        .filter(|binding| binding.object.kind == kind);
    let scope = |id| match kind {
        ObjectKind::Domain => Scope {
            domain_id: Some(id),
            project_id: None,
        },
        ObjectKind::Project => Scope {
            domain_id: None,
            project_id: Some(id),
        },
        ObjectKind::Platform
        | ObjectKind::Node
        | ObjectKind::User
        | ObjectKind::ServiceIdentity
        | ObjectKind::Group => Scope::default(),
    };
    Some(
        held.filter_map(|binding| binding.object.id)
            .filter(|id| holds(principal, permission, &scope(*id)))
            .collect(),
    )
}
