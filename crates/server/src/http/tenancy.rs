//! What lists of domains and of projects have in common: which of them a caller may see.

use crate::authorize::holds;
use crate::principal::Principal;
use plex_domain::relation::{ObjectKind, Permission, Scope};
use uuid::Uuid;

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
