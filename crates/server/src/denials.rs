//! Denials on their way to the audit chain: equal ones within a minute are one entry with a count
//! (decision 29).
//!
//! Nobody is let in by what is lost here, so a denial is counted in memory and written down later, in small
//! transactions that callbacks need not wait for. What cannot be written stays, and is tried again. The price: a
//! server that is killed loses the denials of its last minute; one that ends as it should writes them down.
//!
//! What is too much to be kept apart is counted together, first that of whoever asks for too many different things,
//! so that nobody's flood hides what others were denied. What does not exist is not told apart at all, for its name
//! is the asker's invention. So no denial goes uncounted, chains do not grow by what was made up, and memory
//! stays bounded.

use crate::app::App;
use crate::authority::Authority;
use crate::principal::Principal;
use plex_api::audit::AuditReason;
use plex_api::problem::DenialReason;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::Error;
use plex_store::audit::{self, Record};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// How long equal denials are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Most different denials of one subject kept apart; more are counted into one entry of that subject.
const KEPT_OF_ONE: usize = 64;
/// Most different denials kept apart; more are counted into one entry of nobody. Both go to the platform's chain.
const KEPT: usize = 10_000;
/// Most entries in one transaction.
const BATCH: usize = 200;

/// Denials since their entry was last written.
#[derive(Default)]
pub struct Denials(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    denials: HashMap<Key, Counted>,
    /// How many different ones are whose.
    of_one: HashMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    One {
        subject: String,
        permission: Permission,
        /// `None` for all that do not exist.
        object: Option<ObjectRef>,
        reason: DenialReason,
    },
    /// What else one subject was denied.
    OthersOf(String),
    /// What else anybody was denied.
    Others,
}

#[derive(Debug, Clone)]
struct Counted {
    since: Instant,
    record: Record,
}

impl Denials {
    /// Counts a denial of a permission on an object.
    pub fn note(
        &self,
        authority: &Authority,
        principal: &Principal,
        (permission, object): (Permission, &ObjectRef),
        reason: DenialReason,
    ) {
        let exists = exists(authority, object);
        let key = Key::One {
            subject: principal.subject(),
            permission,
            object: exists.then_some(*object),
            reason,
        };
        let domain_id = authority.domain_of(object).and_then(|domain| domain.id);
        let mut record = Record {
            reason: audit_reason(reason),
            ..crate::audit::granted(principal, domain_id, permission.as_str(), object)
        };
        if !exists {
            "missing".clone_into(&mut record.object_id);
        }
        let since = Instant::now();
        self.counts().merge(key, Counted { since, record });
    }

    /// Writes down those whose minute is over.
    pub async fn flush_due(&self, app: &App) {
        self.write(app, |counted| counted.since.elapsed() >= WINDOW).await;
    }

    /// Writes down all.
    pub async fn flush(&self, app: &App) {
        self.write(app, |_| true).await;
    }

    async fn write(&self, app: &App, is_due: impl Fn(&Counted) -> bool) {
        let due = self.counts().take(is_due);
        let mut batches = due.chunks(BATCH);
        for batch in batches.by_ref() {
            if let Err(error) = append(app, batch).await {
                tracing::error!(error.cause = ?error, "denials could not be audited; trying again later");
                self.put_back(batch);
                break;
            }
        }
        batches.for_each(|batch| self.put_back(batch));
    }

    fn put_back(&self, batch: &[(Key, Counted)]) {
        let mut counts = self.counts();
        for (key, counted) in batch {
            counts.merge(key.clone(), counted.clone());
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Counts {
    /// Counts a denial to its equals, or to others where it has none and there is no room for it.
    fn merge(&mut self, key: Key, counted: Counted) {
        let (key, counted) = self.with_room(key, counted);
        match self.denials.entry(key) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.since = known.since.min(counted.since);
                known.record.count = known.record.count.saturating_add(counted.record.count);
            }
            Entry::Vacant(room) => {
                if let Key::One { subject, .. } = room.key() {
                    *self.of_one.entry(subject.clone()).or_default() += 1;
                }
                room.insert(counted);
            }
        }
    }

    fn with_room(&self, key: Key, counted: Counted) -> (Key, Counted) {
        let (mut key, mut counted) = (key, counted);
        if let Key::One { subject, .. } = &key {
            let is_full = self
                .of_one
                .get(subject)
                .is_some_and(|&of_one| of_one >= KEPT_OF_ONE);
            if is_full && !self.denials.contains_key(&key) {
                counted = among_others(counted.record.identity.clone(), counted);
                key = Key::OthersOf(subject.clone());
            }
        }
        if self.denials.len() >= KEPT && !self.denials.contains_key(&key) {
            return (Key::Others, among_others("system".to_owned(), counted));
        }
        (key, counted)
    }

    fn take(&mut self, is_due: impl Fn(&Counted) -> bool) -> Vec<(Key, Counted)> {
        let taken: Vec<_> = self.denials.extract_if(|_, counted| is_due(counted)).collect();
        for (key, _) in &taken {
            if let Key::One { subject, .. } = key
                && let Entry::Occupied(mut of_one) = self.of_one.entry(subject.clone())
            {
                *of_one.get_mut() -= 1;
                if *of_one.get() == 0 {
                    of_one.remove();
                }
            }
        }
        taken
    }
}

/// A denial of which only the count is told, as many things were denied.
fn among_others(identity: String, counted: Counted) -> Counted {
    let record = Record {
        domain_id: None,
        reason: AuditReason::Unknown,
        identity,
        relation: "other_denials".to_owned(),
        object_type: "platform".to_owned(),
        object_id: "platform".to_owned(),
        ip: None,
        user_agent: None,
        ..counted.record
    };
    Counted { record, ..counted }
}

async fn append(app: &App, batch: &[(Key, Counted)]) -> Result<(), Error> {
    let key = app.keys.pseudonyms;
    let records = batch.iter().map(|(_, counted)| counted.record.clone()).collect();
    app.db
        .write(async move |tx| audit::append_all(tx, &key, records).await)
        .await
}

/// Whether there is such an object. Of identities everybody may make up as many as of anything else, but a denial
/// there is about acting as somebody, and worth telling apart.
fn exists(authority: &Authority, object: &ObjectRef) -> bool {
    match object.kind {
        ObjectKind::Platform | ObjectKind::User | ObjectKind::ServiceIdentity => true,
        ObjectKind::Domain | ObjectKind::Project | ObjectKind::Node | ObjectKind::Group => {
            authority.parent(object).is_some()
        }
    }
}

fn audit_reason(reason: DenialReason) -> AuditReason {
    match reason {
        DenialReason::OutOfScope => AuditReason::OutOfScope,
        DenialReason::InsufficientRelation => AuditReason::InsufficientRelation,
        DenialReason::CaveatViolation => AuditReason::CaveatViolation,
    }
}

#[cfg(test)]
mod tests;
