//! `/v1/authz/relation-tuples`: who holds which relation on what.

pub mod create;
pub mod delete;
pub mod list;
pub mod patch;
pub(in crate::http) mod triple;

use crate::app::App;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::relations::{CreateError, NewTuple, Tuple};

/// Requires the authority to state a tuple, or to withdraw it. Returns the domain whose audit chain records it.
fn require_authority(
    app: &App,
    principal: &Principal,
    new: &NewTuple,
    missing: authorize::Missing,
) -> Result<Option<uuid::Uuid>, Failure> {
    authorize::grant(app, principal, &new.object, new.condition.as_ref(), missing)?;
    if new.object.kind == ObjectKind::Group && new.relation == "member" {
        authorize::membership(app, principal, &new.object)?;
    }
    Ok(chain_of(app, &new.object))
}

/// The domain whose audit chain records what happens to an object; the platform's is `None`.
fn chain_of(app: &App, object: &ObjectRef) -> Option<uuid::Uuid> {
    app.authority.domain_of(object)?.id
}

/// What an audit entry says of a tuple.
fn details(tuple: &Tuple) -> String {
    let condition = tuple.condition.as_ref();
    let condition = condition.map_or(String::new(), |condition| format!(" if {}", condition.name));
    format!("{} {}{condition}", tuple.relation, tuple.subject)
}

pub(in crate::http) fn refused(error: CreateError) -> Failure {
    let invalid = |detail| Failure::bad_request(codes::INVALID_TRIPLE, detail);
    match error {
        CreateError::OtherKind => invalid("the subject's id belongs to an identity of the other kind"),
        CreateError::Erased => invalid("the subject was erased"),
        CreateError::NoGroup => invalid("the subject is a group that does not exist"),
        CreateError::OtherCondition => {
            invalid("the subject holds this relation already, on another condition; change that tuple")
        }
        CreateError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
