//! The one door: may this caller do this to that?
//!
//! Every operator route passes through one of the functions here, which ask [`crate::authority`] and turn a
//! denial into the answer of decision 3: what the caller has no relation to is answered exactly as what does not
//! exist. Mutations go through [`change()`], or [`write()`] where they write their audit entries themselves; both make
//! sure that nothing was revoked between the decision and the transaction.

mod grant;
mod outgrown;
mod watch;
mod write;

pub use grant::{grant, identity, membership};
pub use outgrown::end_outgrown;
pub use watch::{Watch, still};
pub use write::{Decided, Missing, change, write};

use crate::app::App;
use crate::authority::Decision;
use crate::principal::Principal;
use crate::problem::Failure;
use futures_util::FutureExt as _;
use plex_api::codes;
use plex_api::problem::DenialReason;
use plex_domain::relation::check::LimitReached;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::nodes;
use uuid::Uuid;
use write::Allowed;

/// A project that the caller may act on.
#[derive(Debug, Clone, Copy)]
pub struct Project {
    /// The project.
    pub id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
}

/// Allows `permission` on a project, or says why not: 404 `project_not_found`, 403 `rebac_denied`.
pub fn project(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<Project, Failure> {
    let missing = || Failure::not_found(codes::PROJECT_NOT_FOUND, "project");
    project_or(app, principal, permission, id, missing)
}

/// The same for an operation that answers a missing project as it answers a missing object in it.
pub fn project_or(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
    missing: Missing,
) -> Result<Project, Failure> {
    let object = ObjectRef::of(ObjectKind::Project, id);
    allow(app, principal, permission, &object, missing)?;
    let domain = app.authority.parent(&object).and_then(|domain| domain.id);
    let domain_id = domain.ok_or_else(missing)?;
    Ok(Project { id, domain_id })
}

/// Allows `permission` on a domain, or says why not: 404 `domain_not_found`, 403 `rebac_denied`.
pub fn domain(app: &App, principal: &Principal, permission: Permission, id: Uuid) -> Result<(), Failure> {
    let missing = || Failure::not_found(codes::DOMAIN_NOT_FOUND, "domain");
    domain_or(app, principal, permission, id, missing)
}

/// The same for an operation that answers a missing domain in its own way.
pub fn domain_or(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
    missing: Missing,
) -> Result<(), Failure> {
    let object = ObjectRef::of(ObjectKind::Domain, id);
    allow(app, principal, permission, &object, missing)
}

/// Allows `permission` on a domain whether there is one or not, or says why not: 403 `rebac_denied`, the same
/// for a foreign domain and for none. For an operation that tells those who may know what a missing one means:
/// they hold the permission on the platform.
pub fn domain_if_any(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<(), Failure> {
    let domain = ObjectRef::of(ObjectKind::Domain, id);
    let is_missing = app.authority.parent(&domain).is_none();
    if !(is_missing && holds(app, principal, permission, &ObjectRef::PLATFORM)) {
        check(app, principal, permission, &domain, out_of_scope)?;
    }
    principal.decided.note(Allowed::DomainIfAny(permission, id));
    Ok(())
}

/// Allows `permission` on the platform, or says why not: 403 `rebac_denied`.
pub fn platform(app: &App, principal: &Principal, permission: Permission) -> Result<(), Failure> {
    platform_or(app, principal, permission, out_of_scope)
}

/// The same for an operation that answers a caller without any relation on the platform in its own way.
pub fn platform_or(
    app: &App,
    principal: &Principal,
    permission: Permission,
    missing: Missing,
) -> Result<(), Failure> {
    allow(app, principal, permission, &ObjectRef::PLATFORM, missing)
}

/// Allows `permission` on a node, or says why not: 404 `node_not_found`, 403 `rebac_denied`.
pub async fn node(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<nodes::NodeKey, Failure> {
    let missing = || Failure::not_found(codes::NODE_NOT_FOUND, "node");
    let object = ObjectRef::of(ObjectKind::Node, id);
    allow(app, principal, permission, &object, missing)?;
    let found = app
        .db
        .look_up(move |tx| nodes::authenticate(tx, id).boxed())
        .await?;
    found.ok_or_else(missing)
}

/// Whether the caller holds `permission` there, without an answer of its own: for rows of a list, and for
/// parts of an answer that only some may see.
pub fn holds(app: &App, principal: &Principal, permission: Permission, object: &ObjectRef) -> bool {
    let place = (app.authority.rules().name_of(permission), object);
    let found = app
        .authority
        .decide(&principal.object(), place, &principal.request(app));
    matches!(found, Ok(Decision::Granted { .. }))
}

/// The objects of some kinds on which the caller itself holds a relation that grants a permission, kind by kind;
/// `None` when it holds it on all, through the platform.
pub fn seen<const N: usize>(
    app: &App,
    principal: &Principal,
    permission: Permission,
    kinds: [ObjectKind; N],
) -> Result<Option<[Vec<Uuid>; N]>, Failure> {
    if holds(app, principal, permission, &ObjectRef::PLATFORM) {
        return Ok(None);
    }
    let bound = app
        .authority
        .bindings(&principal.object(), Some(&principal.request(app)))
        .map_err(too_large)?;
    let held = |kind| {
        let of_kind = bound.iter().filter(|object| object.kind == kind);
        let held = of_kind.filter(|object| holds(app, principal, permission, object));
        held.filter_map(|object| object.id).collect()
    };
    Ok(Some(kinds.map(held)))
}

/// Allows `permission` on an object, or says why not; `missing` answers who has no relation to it.
pub fn allow(
    app: &App,
    principal: &Principal,
    permission: Permission,
    object: &ObjectRef,
    missing: Missing,
) -> Result<(), Failure> {
    check(app, principal, permission, object, missing)?;
    principal
        .decided
        .note(Allowed::Permission(permission, *object, missing));
    Ok(())
}

/// The same, for a decision that is not made again in this form.
fn check(
    app: &App,
    principal: &Principal,
    permission: Permission,
    object: &ObjectRef,
    missing: Missing,
) -> Result<(), Failure> {
    let place = (app.authority.rules().name_of(permission), object);
    let request = principal.request(app);
    let decision = app
        .authority
        .decide(&principal.object(), place, &request)
        .map_err(too_large)?;
    match decision {
        Decision::Granted { caveats, .. } => {
            app.metrics.granted(permission);
            principal.decided.rest_on(app.authority.names_of(&caveats));
            Ok(())
        }
        Decision::Denied {
            reason,
            path,
            caveats,
        } => {
            principal.decided.rest_on(app.authority.names_of(&caveats));
            app.metrics.denied(reason);
            app.denials
                .note(&app.authority, principal, (permission, object), reason);
            Err(match reason {
                DenialReason::OutOfScope => missing(),
                DenialReason::InsufficientRelation | DenialReason::CaveatViolation => denied(reason, path),
            })
        }
    }
}

/// Relations that cannot be walked to their end grant nothing.
pub fn too_large(error: LimitReached) -> Failure {
    Failure::unavailable(codes::AUTHZ_UNAVAILABLE, error.to_string())
}

/// The denial where no 404 is declared: for what is missing and for what the caller has no binding to, alike.
pub fn out_of_scope() -> Failure {
    denied(DenialReason::OutOfScope, Vec::new())
}

/// The body of a relation denial.
pub fn denied(reason: DenialReason, path: Vec<String>) -> Failure {
    Failure::denied(
        codes::REBAC_DENIED,
        reason,
        path,
        "no relation of yours grants this; ask an admin for one",
    )
}
