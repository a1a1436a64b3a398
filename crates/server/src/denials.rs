//! Denials on their way to the audit chain: equal ones within a minute are one entry with a count
//! (decision 29).

use crate::app::App;
use crate::principal::Principal;
use plex_api::audit::AuditReason;
use plex_api::problem::DenialReason;
use plex_domain::relation::{ObjectRef, Permission};
use plex_store::audit::{self, Record};
use plex_store::{Error, domains, nodes, projects};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long equal denials are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Most different denials kept; more are counted into the log only.
const KEPT: usize = 10_000;

/// Denials since their entry was last written.
#[derive(Default)]
pub struct Denials(Mutex<HashMap<Key, Counted>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    subject: String,
    permission: Permission,
    object: ObjectRef,
    reason: DenialReason,
}

struct Counted {
    since: Instant,
    record: Record,
    object: ObjectRef,
}

impl Denials {
    /// Counts a denial.
    pub fn note(&self, principal: &Principal, permission: Permission, object: &ObjectRef, reason: DenialReason) {
        let mut denials = self.0.lock().expect("no holder of this lock panics");
        let key = Key { subject: principal.subject(), permission, object: *object, reason };
        if let Some(known) = denials.get_mut(&key) {
            known.record.count = known.record.count.saturating_add(1);
        } else if denials.len() < KEPT {
            let record = Record {
                reason: audit_reason(reason),
                ..crate::audit::granted(principal, None, permission.as_str(), object)
            };
            denials.insert(key, Counted { since: Instant::now(), record, object: *object });
        } else {
            tracing::warn!(subject = key.subject, "too many different denials to audit each");
        }
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
        let due: Vec<Counted> = {
            let mut denials = self.0.lock().expect("no holder of this lock panics");
            denials.extract_if(|_, counted| is_due(counted)).map(|(_, counted)| counted).collect()
        };
        if due.is_empty() {
            return;
        }
        let key = app.keys.pseudonyms;
        let written = app
            .db
            .write(async move |tx| {
                for Counted { mut record, object, .. } in due {
                    record.domain_id = chain_of(tx, &object).await?;
                    audit::append(tx, &key, record).await?;
                }
                Ok::<_, Error>(())
            })
            .await;
        if let Err(error) = written {
            tracing::error!(error.cause = ?error, "denials could not be audited");
        }
    }
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
