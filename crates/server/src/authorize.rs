//! The one door: may this caller do this to that?
//!
//! Every operator route passes through one of the functions here, which load the object, ask
//! `domain::relation`, and turn a denial into the answer of decision 3: what the caller has no binding to
//! is answered exactly as what does not exist.

use crate::app::App;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_api::problem::DenialReason;
use plex_domain::relation::{Binding, Decision, ObjectKind, ObjectRef, Permission, Relation, Scope, decide};
use plex_store::{domains, nodes, projects};
use uuid::Uuid;

/// A project that the caller may act on.
#[derive(Debug, Clone, Copy)]
pub struct Project {
    /// The project.
    pub id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
}

/// Allows `permission` on a project, or says why not: 404 `project_not_found`, 403 `rebac_denied`.
pub async fn project(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<Project, Failure> {
    let missing = || Failure::not_found(codes::PROJECT_NOT_FOUND, "project");
    project_or(app, principal, permission, id, missing).await
}

/// The same for an operation that answers a missing project as it answers a missing object in it.
pub async fn project_or(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
    missing: impl Fn() -> Failure,
) -> Result<Project, Failure> {
    let found = app
        .db
        .look_up(async move |tx| projects::domain_of(tx, id).await)
        .await?;
    let scope = Scope {
        domain_id: found,
        project_id: Some(id),
    };
    let object = ObjectRef {
        kind: ObjectKind::Project,
        id: Some(id),
    };
    allow(app, principal, permission, (&scope, &object), &missing)?;
    let domain_id = found.ok_or_else(missing)?;
    Ok(Project { id, domain_id })
}

/// Allows `permission` on a domain, or says why not: 404 `domain_not_found`, 403 `rebac_denied`.
pub async fn domain(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<(), Failure> {
    let missing = || Failure::not_found(codes::DOMAIN_NOT_FOUND, "domain");
    domain_or(app, principal, permission, id, missing).await
}

/// The same for an operation that answers a missing domain in its own way.
pub async fn domain_or(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
    missing: impl Fn() -> Failure,
) -> Result<(), Failure> {
    let exists = app
        .db
        .look_up(async move |tx| domains::exists(tx, id).await)
        .await?;
    let scope = Scope {
        domain_id: Some(id),
        project_id: None,
    };
    let object = ObjectRef {
        kind: ObjectKind::Domain,
        id: Some(id),
    };
    allow(app, principal, permission, (&scope, &object), &missing)?;
    if exists { Ok(()) } else { Err(missing()) }
}

/// Allows `permission` on a domain whether there is one or not, or says why not: 403 `rebac_denied`, the same
/// for a foreign domain and for none. For an operation that tells those who may know what a missing one means.
pub fn domain_if_any(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<(), Failure> {
    let scope = Scope {
        domain_id: Some(id),
        project_id: None,
    };
    allow(
        app,
        principal,
        permission,
        (&scope, &ObjectRef::of(ObjectKind::Domain, id)),
        out_of_scope,
    )
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
    missing: impl FnOnce() -> Failure,
) -> Result<(), Failure> {
    allow(
        app,
        principal,
        permission,
        (&Scope::default(), &ObjectRef::PLATFORM),
        missing,
    )
}

/// Allows `permission` on a node through its project, or says why not: 404 `node_not_found`, 403
/// `rebac_denied`.
pub async fn node(
    app: &App,
    principal: &Principal,
    permission: Permission,
    id: Uuid,
) -> Result<nodes::NodeKey, Failure> {
    let missing = || Failure::not_found(codes::NODE_NOT_FOUND, "node");
    let found = app
        .db
        .look_up(async move |tx| nodes::authenticate(tx, id).await)
        .await?;
    let scope = Scope {
        domain_id: found.as_ref().map(|node| node.domain_id),
        project_id: found.as_ref().map(|node| node.project_id),
    };
    let object = ObjectRef {
        kind: ObjectKind::Node,
        id: Some(id),
    };
    if found.is_none() {
        // A node that does not exist has no scope, so not even a platform admin's binding may answer for it.
        app.denials
            .note(principal, permission, &object, DenialReason::OutOfScope);
        return Err(missing());
    }
    let is_agent = Binding {
        relation: Relation::NodeAgent,
        object,
    };
    if permission != Permission::NodeAgent || !principal.bindings.contains(&is_agent) {
        allow(app, principal, permission, (&scope, &object), missing)?;
    }
    found.ok_or_else(missing)
}

/// Whether the caller holds `permission` there, without an answer of its own: for rows of a list, and for
/// parts of an answer that only some may see.
pub fn holds(principal: &Principal, permission: Permission, scope: &Scope) -> bool {
    matches!(
        decide(&principal.bindings, permission, scope),
        Decision::Granted { .. }
    )
}

fn allow(
    app: &App,
    principal: &Principal,
    permission: Permission,
    (scope, object): (&Scope, &ObjectRef),
    missing: impl FnOnce() -> Failure,
) -> Result<(), Failure> {
    match decide(&principal.bindings, permission, scope) {
        Decision::Granted { .. } => Ok(()),
        Decision::Denied { reason, path } => {
            app.denials.note(principal, permission, object, reason);
            Err(match reason {
                DenialReason::OutOfScope => missing(),
                DenialReason::InsufficientRelation | DenialReason::CaveatViolation => denied(reason, path),
            })
        }
    }
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
