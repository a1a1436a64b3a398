//! `/v1/authz/relation-tuples`: who holds which relation on what.

pub mod create;
pub mod delete;
pub mod list;
pub mod patch;
pub(in crate::http) mod triple;

use crate::app::App;
use crate::authority::Decision;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::Failure;
use data_encoding::HEXLOWER;
use plex_api::codes;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::relations::{CreateError, NewTuple, Tuple};
use ring::digest::{SHA256, digest};
use serde_json::Value;

/// Longest text of a condition's values in an audit entry; longer ones are told by their digest.
const SHOWN_VALUES: usize = 512;

fn unknown_subject() -> Failure {
    let detail = "the subject is no identity of that kind, or no group that you may see";
    Failure::bad_request(codes::INVALID_TRIPLE, detail)
}

/// Requires that a subject that is a group is one of which the caller may know.
pub(in crate::http) fn require_known_subject(
    app: &App,
    principal: &Principal,
    new: &NewTuple,
) -> Result<(), Failure> {
    let group = &new.subject.object;
    let place = (app.authority.rules().bound(), group);
    let known = app
        .authority
        .decide(&principal.object(), place, &principal.request(app));
    if group.kind != ObjectKind::Group || matches!(known, Ok(Decision::Granted { .. })) {
        return Ok(());
    }
    Err(unknown_subject())
}

/// Requires the authority to state a tuple, or to withdraw it. Returns the domain whose audit chain records it.
pub(in crate::http) fn require_authority(
    app: &App,
    principal: &Principal,
    new: &NewTuple,
    missing: authorize::Missing,
) -> Result<Option<uuid::Uuid>, Failure> {
    authorize::grant(app, principal, &new.object, new.condition.as_ref(), missing)?;
    require_known_subject(app, principal, new)?;
    if new.object.kind == ObjectKind::Group && new.relation == "member" {
        authorize::membership(app, principal, &new.object)?;
    }
    Ok(chain_of(app, &new.object))
}

/// The domain whose audit chain records what happens to an object; the platform's is `None`.
pub(in crate::http) fn chain_of(app: &App, object: &ObjectRef) -> Option<uuid::Uuid> {
    app.authority.domain_of(object)?.id
}

/// What an audit entry says of a tuple.
pub(in crate::http) fn details(tuple: &Tuple) -> String {
    let condition = tuple.condition.as_ref().map_or(String::new(), |condition| {
        let values = Value::Object(condition.context.clone()).to_string();
        if values.len() <= SHOWN_VALUES {
            format!(" if {}{values}", condition.name)
        } else {
            let digest = HEXLOWER.encode(digest(&SHA256, values.as_bytes()).as_ref());
            format!(" if {} sha256:{digest}", condition.name)
        }
    });
    format!("{} {}{condition}", tuple.relation, tuple.subject)
}

pub(in crate::http) fn refused(error: CreateError) -> Failure {
    let invalid = |detail| Failure::bad_request(codes::INVALID_TRIPLE, detail);
    match error {
        // Alike, because an admin of some project need not know what there is elsewhere.
        CreateError::OtherKind | CreateError::Erased | CreateError::NoGroup => unknown_subject(),
        CreateError::Nesting => invalid("groups are nested at most 16 deep, and never in a circle"),
        CreateError::OtherCondition => {
            invalid("the subject holds this relation already, on another condition; change that tuple")
        }
        CreateError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
