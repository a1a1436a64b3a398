//! Audit records of what operators did.

use crate::principal::Principal;
use plex_api::audit::AuditReason;
use plex_domain::relation::ObjectRef;
use plex_store::audit::Record;
use uuid::Uuid;

/// A granted operation, to be appended in the transaction of what it did. `domain_id` names the chain; `None`
/// is the platform's.
pub fn granted(principal: &Principal, domain_id: Option<Uuid>, relation: &str, object: &ObjectRef) -> Record {
    Record {
        domain_id,
        reason: AuditReason::Granted,
        identity: principal.subject(),
        relation: relation.to_owned(),
        object_type: object.kind.as_str().to_owned(),
        object_id: object
            .id
            .map_or_else(|| "platform".to_owned(), |id| id.to_string()),
        correlation_id: principal.context.correlation_id.clone(),
        ip: principal.context.ip.map(|ip| ip.to_string()),
        user_agent: principal.context.user_agent.clone(),
        caveats: principal.decided.caveats(),
        count: 1,
        details: None,
    }
}

#[cfg(test)]
mod tests;
