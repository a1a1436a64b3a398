//! Mutations of an operator, at the revision at which they were allowed.
//!
//! Between a decision and its transaction somebody may withdraw the relation that it rested on, or the caller's
//! own token. So the transaction begins by asking whether the relations are still those of the decision and the
//! credential still holds. Where the relations have changed, what was allowed is decided again on the new ones,
//! and only then the work is done: a mutation is allowed by what holds at the moment of its commit.

use super::{allow, grant};
use crate::app::App;
use crate::audit::Entry;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_domain::relation::{ObjectRef, Permission};
use plex_store::relations::Condition;
use plex_store::{Tx, audit, relations};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How often the relations may change under a mutation before its caller is told to come again.
const ATTEMPTS: usize = 20;

/// What was allowed to a caller in the course of its request, and at which revision.
#[derive(Debug)]
pub struct Decided(Mutex<State>);

#[derive(Debug)]
struct State {
    revision: u64,
    allowed: Vec<Allowed>,
    /// The conditions on the way, each with the names of its parameters.
    caveats: BTreeMap<String, Vec<String>>,
}

/// How an operation answers who has no relation to the object, and so for an object that is gone.
pub type Missing = fn() -> Failure;

/// Something that was allowed, so that it can be decided again.
#[derive(Debug, Clone)]
pub(super) enum Allowed {
    /// An operation on an object.
    Permission(Permission, ObjectRef, Missing),
    /// An operation on a domain, whether there is one or not.
    DomainIfAny(Permission, Uuid),
    /// Giving away what is held on an object, on a condition or on none.
    Grant(ObjectRef, Option<Condition>, Missing),
    /// Making somebody a member of a group.
    Membership(ObjectRef),
    /// Acting as another identity.
    Identity(ObjectRef),
}

impl Allowed {
    /// Whether both ask the same, however they answer.
    fn asks_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Permission(a, on, _), Self::Permission(b, other, _)) => (a, on) == (b, other),
            (Self::DomainIfAny(a, on), Self::DomainIfAny(b, other)) => (a, on) == (b, other),
            (Self::Grant(on, a, _), Self::Grant(other, b, _)) => (on, a) == (other, b),
            (Self::Membership(a), Self::Membership(b)) | (Self::Identity(a), Self::Identity(b)) => a == b,
            (
                Self::Permission(..)
                | Self::DomainIfAny(..)
                | Self::Grant(..)
                | Self::Membership(_)
                | Self::Identity(_),
                _,
            ) => false,
        }
    }
}

impl Decided {
    /// Nothing yet.
    pub fn at(revision: u64) -> Self {
        Self(Mutex::new(State {
            revision,
            allowed: Vec::new(),
            caveats: BTreeMap::new(),
        }))
    }

    pub(super) fn note(&self, allowed: Allowed) {
        let mut state = self.state();
        if !state.allowed.iter().any(|known| known.asks_as(&allowed)) {
            state.allowed.push(allowed);
        }
    }

    /// Remembers conditions that a decision rested on, for the audit chain.
    pub(super) fn rest_on(&self, caveats: BTreeMap<String, Vec<String>>) {
        self.state().caveats.extend(caveats);
    }

    /// The conditions that decisions rested on so far.
    pub fn caveats(&self) -> BTreeMap<String, Vec<String>> {
        self.state().caveats.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Why a transaction's work was not begun.
enum Stopped<W> {
    /// The relations are no longer those of the decision. The work is given back.
    Changed(W, u64),
    Failed(Failure),
}

impl<W> From<plex_store::Error> for Stopped<W> {
    fn from(error: plex_store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs a mutation in a transaction, by what was allowed to its caller before.
///
/// # Errors
/// As the work; 401 when the credential has ended meanwhile, the denial when a relation has, and 503
/// `authz_unavailable` when the relations do not stand still.
pub async fn write<T, W>(app: &App, principal: &Principal, work: W) -> Result<T, Failure>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, Failure> + Clone + Send + 'static,
    T: Send + 'static,
{
    let mut work = work;
    for _ in 0..ATTEMPTS {
        let decided_at = principal.decided.state().revision;
        let credential = principal.credential;
        let attempt = app.db.write(async move |tx| {
            let (revision, standing) = credential.standing(tx).await?;
            // What was only made meanwhile takes nothing away: a fleet that registers must not hold up everybody.
            if revision != decided_at && !relations::only_grew_since(tx, decided_at).await? {
                return Err(Stopped::Changed(work, revision));
            }
            if standing.is_none() {
                let detail = "the credential ended while this was being done; nothing was changed";
                return Err(Stopped::Failed(Failure::unauthorized(
                    codes::UNAUTHENTICATED,
                    detail,
                )));
            }
            work(tx).await.map_err(Stopped::Failed)
        });
        match attempt.await {
            Ok(done) => return Ok(done),
            Err(Stopped::Failed(failure)) => return Err(failure),
            Err(Stopped::Changed(given_back, revision)) => {
                work = given_back;
                decide_again(app, principal, revision).await?;
            }
        }
    }
    let detail = "the relations changed while this was being decided; nothing was changed, try again";
    Err(Failure::unavailable(codes::AUTHZ_UNAVAILABLE, detail))
}

/// The same, and tells the audit chains, in the same transaction, what the work says that it did.
///
/// # Errors
/// As [`write()`].
pub async fn change<T, E, W>(app: &App, principal: &Principal, work: W) -> Result<T, Failure>
where
    W: AsyncFnOnce(&mut Tx) -> Result<(T, E), Failure> + Clone + Send + 'static,
    E: IntoIterator<Item = Entry>,
    T: Send + 'static,
{
    let (pseudonyms, by) = (app.keys.pseudonyms, principal.clone());
    let recorded = async move |tx: &mut Tx| {
        let (done, entries) = work(tx).await?;
        let records = entries.into_iter().map(|entry| entry.record(&by));
        audit::append_all(tx, &pseudonyms, records.collect()).await?;
        Ok(done)
    };
    write(app, principal, recorded).await
}

/// Decides everything that was allowed once more, on relations no older than that revision.
pub(super) async fn decide_again(app: &App, principal: &Principal, revision: u64) -> Result<(), Failure> {
    app.authority
        .catch_up(&app.db, revision)
        .await
        .map_err(Failure::undecided)?;
    // Decisions on anything newer only make the next attempt look again.
    let known = app.authority.revision();
    let allowed = std::mem::take(&mut principal.decided.state().allowed);
    for one in allowed {
        match one {
            Allowed::Permission(permission, object, missing) => {
                allow(app, principal, permission, &object, missing)
            }
            Allowed::DomainIfAny(permission, id) => super::domain_if_any(app, principal, permission, id),
            Allowed::Grant(object, condition, missing) => {
                grant::grant(app, principal, &object, condition.as_ref(), missing)
            }
            Allowed::Membership(group) => grant::membership(app, principal, &group),
            Allowed::Identity(identity) => grant::identity(app, principal, &identity),
        }?;
    }
    principal.decided.state().revision = known;
    Ok(())
}

#[cfg(test)]
mod tests;
