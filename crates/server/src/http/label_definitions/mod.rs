//! `/v1/label-definitions`: what labels there are, and what values they take (`api.md` §6).
//!
//! Whoever manages the platform, a domain or a project defines its labels. The platform's definitions are for
//! everybody and seen by everybody; the others by those who see the domain or the project.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use crate::app::App;
use crate::audit::Entry;
use crate::authorize::{self, out_of_scope};
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_api::labels::{LabelDefinition, LabelValueSchema};
use plex_domain::label::{ScopeRef, ValueSchema, are_kinds, is_description};
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::labels::definitions;
use uuid::Uuid;

/// The chain that a scope's changes are written to: a domain's, or the platform's.
type Chain = Option<Uuid>;

/// Allows to define labels in a scope, or answers as `missing` where the caller has no relation to it.
async fn manage(
    app: &App,
    principal: &Principal,
    scope: ScopeRef,
    missing: authorize::Missing,
) -> Result<Chain, Failure> {
    match scope {
        ScopeRef::Platform => {
            authorize::platform(app, principal, Permission::ManagePlatform)?;
            Ok(None)
        }
        ScopeRef::Domain(id) => {
            authorize::domain_or(app, principal, Permission::ManageDomain, id, missing)?;
            Ok(Some(id))
        }
        ScopeRef::Project(id) => {
            let project = authorize::project_or(app, principal, Permission::ManageProject, id, missing)?;
            Ok(Some(project.domain_id))
        }
    }
}

/// Allows to see the definitions of a scope, or answers as `missing`.
async fn read(
    app: &App,
    principal: &Principal,
    scope: ScopeRef,
    missing: authorize::Missing,
) -> Result<(), Failure> {
    match scope {
        ScopeRef::Platform => Ok(()),
        ScopeRef::Domain(id) => authorize::domain_or(app, principal, Permission::ReadDomain, id, missing),
        ScopeRef::Project(id) => {
            authorize::project_or(app, principal, Permission::ReadProject, id, missing).map(drop)
        }
    }
}

/// Loads a definition that the caller may change.
async fn managed(app: &App, principal: &Principal, id: Uuid) -> Result<(LabelDefinition, Chain), Failure> {
    let found = app
        .db
        .read(async move |tx| definitions::find(tx, id).await)
        .await?;
    let definition = found.ok_or_else(missing)?;
    let chain = manage(app, principal, scope_of(&definition), missing).await?;
    Ok((definition, chain))
}

fn scope_of(definition: &LabelDefinition) -> ScopeRef {
    // A stored definition's scope and id agree.
    ScopeRef::new(definition.scope, Some(definition.scope_id)).unwrap_or(ScopeRef::Platform)
}

fn missing() -> Failure {
    Failure::not_found(codes::LABEL_DEFINITION_NOT_FOUND, "label definition")
}

fn entry(chain: Chain, relation: &'static str, definition: &LabelDefinition) -> Entry {
    let object = match scope_of(definition) {
        ScopeRef::Platform => ObjectRef::PLATFORM,
        ScopeRef::Domain(id) => ObjectRef::of(ObjectKind::Domain, id),
        ScopeRef::Project(id) => ObjectRef::of(ObjectKind::Project, id),
    };
    Entry::of(chain, relation, &object).about(format!("label:{}", definition.qualified_key))
}

fn schema(wanted: &LabelValueSchema) -> Result<ValueSchema, Failure> {
    ValueSchema::read(wanted)
        .map_err(|error| Failure::unprocessable(codes::INVALID_VALUE_SCHEMA, error.to_string()))
}

fn kinds(kinds: Vec<String>) -> Result<Vec<String>, Failure> {
    Some(kinds).filter(|kinds| are_kinds(kinds)).ok_or_else(|| {
        invalid("applicable_kinds takes up to 64 different lowercase words such as node and project")
    })
}

fn description(text: String) -> Result<String, Failure> {
    Some(text)
        .filter(|text| is_description(text))
        .ok_or_else(|| invalid("description takes at most 512 characters"))
}

fn invalid(detail: &'static str) -> Failure {
    Failure::bad_request(codes::INVALID_BODY, detail)
}

/// A scope without room for one more definition.
pub(super) fn full() -> Failure {
    let detail = "the platform, a domain or a project has at most 1000 label definitions; delete some first";
    Failure::conflict(codes::LABEL_LIMIT_REACHED, detail)
}

fn default_refused() -> Failure {
    Failure::unprocessable(
        codes::INVALID_VALUE_SCHEMA,
        "default_value does not satisfy the value_schema",
    )
}

#[cfg(test)]
mod tests;
