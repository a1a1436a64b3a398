//! Nobody gives away what they do not hold.
//!
//! Who grants a relation must be admin over the object: an admin holds everything there. Two ways lead around
//! that and are closed here. Authority that rests on a condition passes on no more than itself, so the grant must
//! carry the very condition. And to make somebody a member of a group, or to act as another identity, is to give
//! away all that the group or the identity holds, wherever that is.

use super::write::{Allowed, Missing};
use super::{denied, holds, out_of_scope, too_large};
use crate::app::App;
use crate::authority::Decision;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::problem::DenialReason;
use plex_domain::relation::{ObjectRef, Permission};
use plex_store::relations::Condition;

/// Allows giving away what is held on `object`, on that condition; `missing` answers who has no relation to it.
pub fn grant(
    app: &App,
    principal: &Principal,
    object: &ObjectRef,
    condition: Option<&Condition>,
    missing: Missing,
) -> Result<(), Failure> {
    super::allow(app, principal, Permission::Grant, object, missing)?;
    if !commands(app, &principal.object(), object) && !rests_on(app, principal, object, condition)? {
        let reason = DenialReason::CaveatViolation;
        app.denials
            .note(&app.authority, principal, (Permission::Grant, object), reason);
        return Err(denied(reason, Vec::new()));
    }
    principal
        .decided
        .note(Allowed::Grant(*object, condition.cloned(), missing));
    Ok(())
}

/// Whether somebody is admin over an object on no condition.
pub(super) fn commands(app: &App, who: &ObjectRef, object: &ObjectRef) -> bool {
    let place = (app.authority.rules().name_of(Permission::Grant), object);
    app.authority.holds_unconditionally(who, place)
}

/// Whether all conditions that the caller's authority rests on are the given one.
fn rests_on(
    app: &App,
    principal: &Principal,
    object: &ObjectRef,
    condition: Option<&Condition>,
) -> Result<bool, Failure> {
    let Some(given) = condition.and_then(|condition| app.authority.caveat(condition)) else {
        return Ok(false);
    };
    let place = (app.authority.rules().name_of(Permission::Grant), object);
    let found = app
        .authority
        .decide(&principal.object(), place, &principal.request(app))
        .map_err(too_large)?;
    Ok(matches!(found, Decision::Granted { caveats, .. } if caveats.iter().all(|one| *one == given)))
}

/// Allows making somebody a member of a group: the caller must be admin over all that its members hold.
pub fn membership(app: &App, principal: &Principal, group: &ObjectRef) -> Result<(), Failure> {
    let held = app.authority.bindings_of_members(group).map_err(too_large)?;
    over_all(app, principal, group, &held)?;
    principal.decided.note(Allowed::Membership(*group));
    Ok(())
}

/// Allows acting as another identity (decision 27): the caller must be admin over all that it holds. An identity
/// that holds nothing yet is the platform admin's to hand out. What it gains later, its token carries only where who
/// issued it could give that away too: see [`super::end_outgrown`].
pub fn identity(app: &App, principal: &Principal, identity: &ObjectRef) -> Result<(), Failure> {
    let held = app.authority.bindings(identity, None).map_err(too_large)?;
    if held.is_empty() {
        over_all(app, principal, identity, &[ObjectRef::PLATFORM])?;
    } else {
        over_all(app, principal, identity, &held)?;
    }
    principal.decided.note(Allowed::Identity(*identity));
    Ok(())
}

fn over_all(
    app: &App,
    principal: &Principal,
    asked: &ObjectRef,
    objects: &[ObjectRef],
) -> Result<(), Failure> {
    if objects
        .iter()
        .all(|object| commands(app, &principal.object(), object))
    {
        return Ok(());
    }
    // Whether it is a lack of authority or of its being unconditional; which object it is, nobody is told.
    let reason = if objects
        .iter()
        .all(|object| holds(app, principal, Permission::Grant, object))
    {
        DenialReason::CaveatViolation
    } else {
        DenialReason::OutOfScope
    };
    app.denials
        .note(&app.authority, principal, (Permission::Grant, asked), reason);
    Err(match reason {
        DenialReason::OutOfScope => out_of_scope(),
        DenialReason::InsufficientRelation | DenialReason::CaveatViolation => denied(reason, Vec::new()),
    })
}
