//! Denials on their way to the audit chain: equal ones within a minute are one entry with a count
//! (decision 29).
//!
//! Nobody is let in by what is lost here, so a denial is counted in memory and written down later, in small
//! transactions that callbacks need not wait for. What cannot be written stays, and is tried again; what is too
//! much to be kept apart is counted together. So no denial goes uncounted, and memory stays bounded.

use crate::app::App;
use crate::principal::Principal;
use plex_api::audit::AuditReason;
use plex_api::problem::DenialReason;
use plex_domain::relation::{ObjectRef, Permission};
use plex_store::audit::{self, Record};
use plex_store::{Error, domains, nodes, projects};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// How long equal denials are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Most different denials kept apart; more are counted into one entry of the platform's chain.
const KEPT: usize = 10_000;
/// Most entries in one transaction.
const BATCH: usize = 200;

/// Denials since their entry was last written.
#[derive(Default)]
pub struct Denials(Mutex<Counts>);

type Counts = HashMap<Key, Counted>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    One {
        subject: String,
        permission: Permission,
        object: ObjectRef,
        reason: DenialReason,
    },
    Overflow,
}

#[derive(Debug, Clone)]
struct Counted {
    since: Instant,
    record: Record,
    object: ObjectRef,
}

impl Denials {
    /// Counts a denial.
    pub fn note(
        &self,
        principal: &Principal,
        permission: Permission,
        object: &ObjectRef,
        reason: DenialReason,
    ) {
        let key = Key::One {
            subject: principal.subject(),
            permission,
            object: *object,
            reason,
        };
        let record = Record {
            reason: audit_reason(reason),
            ..crate::audit::granted(principal, None, permission.as_str(), object)
        };
        merge(
            &mut self.counts(),
            key,
            Counted {
                since: Instant::now(),
                record,
                object: *object,
            },
        );
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
        let due: Vec<(Key, Counted)> = self.counts().extract_if(|_, counted| is_due(counted)).collect();
        let mut batches = due.chunks(BATCH);
        for batch in batches.by_ref() {
            if let Err(error) = append(app, batch.to_vec()).await {
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
            merge(&mut counts, key.clone(), counted.clone());
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Counts a denial to its equals, or to the overflow where it has none and there is no room for it.
fn merge(counts: &mut Counts, key: Key, counted: Counted) {
    let is_full = counts.len() >= KEPT && !counts.contains_key(&key);
    let (key, counted) = if is_full {
        (Key::Overflow, as_overflow(counted))
    } else {
        (key, counted)
    };
    match counts.entry(key) {
        Entry::Occupied(mut known) => {
            let known = known.get_mut();
            known.since = known.since.min(counted.since);
            known.record.count = known.record.count.saturating_add(counted.record.count);
        }
        Entry::Vacant(room) => {
            room.insert(counted);
        }
    }
}

/// A denial of which only the count is told, as many identities were denied many things.
fn as_overflow(counted: Counted) -> Counted {
    let record = Record {
        reason: AuditReason::Unknown,
        identity: "system".to_owned(),
        relation: "other_denials".to_owned(),
        object_type: "platform".to_owned(),
        object_id: "platform".to_owned(),
        ip: None,
        user_agent: None,
        ..counted.record
    };
    Counted {
        record,
        object: ObjectRef::PLATFORM,
        ..counted
    }
}

async fn append(app: &App, batch: Vec<(Key, Counted)>) -> Result<(), Error> {
    let key = app.keys.pseudonyms;
    app.db
        .write(async move |tx| {
            for (
                _,
                Counted {
                    mut record, object, ..
                },
            ) in batch
            {
                record.domain_id = chain_of(tx, &object).await?;
                audit::append(tx, &key, record).await?;
            }
            Ok(())
        })
        .await
}

/// The domain whose chain a denial belongs to; the platform's for what does not exist.
async fn chain_of(tx: &mut plex_store::Tx, object: &ObjectRef) -> Result<Option<uuid::Uuid>, Error> {
    use plex_domain::relation::ObjectKind;
    let Some(id) = object.id else { return Ok(None) };
    Ok(match object.kind {
        ObjectKind::Domain => domains::exists(tx, id).await?.then_some(id),
        ObjectKind::Project => projects::domain_of(tx, id).await?,
        ObjectKind::Node => nodes::authenticate(tx, id).await?.map(|node| node.domain_id),
        ObjectKind::Platform | ObjectKind::User | ObjectKind::ServiceIdentity | ObjectKind::Group => None,
    })
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
