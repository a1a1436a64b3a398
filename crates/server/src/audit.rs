//! Audit records of what operators did.

use crate::principal::Principal;
use crate::request::Context;
use plex_api::audit::AuditReason;
use plex_domain::relation::ObjectRef;
use plex_store::audit::Record;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What an audit chain is to say of a granted operation.
#[derive(Debug)]
pub struct Entry {
    /// The domain whose chain it is; `None` is the platform's.
    pub chain: Option<Uuid>,
    /// What was done.
    pub relation: &'static str,
    /// On what.
    pub object: ObjectRef,
    /// More about it.
    pub details: Option<String>,
}

impl Entry {
    /// One without details.
    pub fn of(chain: Option<Uuid>, relation: &'static str, object: &ObjectRef) -> Self {
        Self {
            chain,
            relation,
            object: *object,
            details: None,
        }
    }

    /// The same with details.
    pub fn about(self, details: String) -> Self {
        Self {
            details: Some(details),
            ..self
        }
    }

    /// The record of it, by whom it was granted to.
    pub fn record(self, principal: &Principal) -> Record {
        Record {
            details: self.details,
            ..granted(principal, self.chain, self.relation, &self.object)
        }
    }
}

/// A granted operation, to be appended in the transaction of what it did. `domain_id` names the chain; `None`
/// is the platform's.
pub fn granted(principal: &Principal, domain_id: Option<Uuid>, relation: &str, object: &ObjectRef) -> Record {
    Record {
        domain_id,
        caveats: principal.decided.caveats(),
        ..by(&principal.subject(), &principal.context, relation, object)
    }
}

/// The same in the platform's chain, for somebody who comes without a credential and is known by what they did before.
pub fn by(identity: &str, context: &Context, relation: &str, object: &ObjectRef) -> Record {
    Record {
        domain_id: None,
        reason: AuditReason::Granted,
        identity: identity.to_owned(),
        relation: relation.to_owned(),
        object_type: object.kind.as_str().to_owned(),
        object_id: object
            .id
            .map_or_else(|| "platform".to_owned(), |id| id.to_string()),
        correlation_id: context.correlation_id.clone(),
        ip: context.ip.map(|ip| ip.to_string()),
        user_agent: context.user_agent.clone(),
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    }
}

#[cfg(test)]
mod tests;
