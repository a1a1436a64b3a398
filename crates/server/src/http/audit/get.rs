//! `GET …/audit/entries/{seq}`: one entry with the bytes that prove it.
//!
//! Whoever may not read the chain gets the answer for an entry that is not there: by design there is no 403.

use super::place;
use crate::app::App;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, State};
use plex_api::audit::AuditEntryProof;
use plex_api::codes;
use plex_domain::relation::Permission;
use plex_store::audit;
use uuid::Uuid;

/// Get an audit entry with its proof
#[utoipa::path(
    get,
    path = "/v1/domains/{domain_id}/audit/entries/{seq}",
    operation_id = "GetAuditEntry",
    tag = "audit",
    params(
        ("domain_id" = Uuid, Path, description = "The domain"),
        ("seq" = i64, Path, minimum = 1, description = "The entry's place in the chain"),
    ),
    responses((status = 200, description = "The entry", body = AuditEntryProof), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path((domain_id, seq)): Path<(String, String)>,
) -> Result<Json<AuditEntryProof>, Failure> {
    let id = path_id(&domain_id, codes::INVALID_DOMAIN_ID)?;
    let seq = place(&seq).ok_or_else(no_place)?;
    let allowed = authorize::domain_or(&app, &principal, Permission::ReadAudit, id, missing);
    allowed.map_err(hidden)?;
    read(&app, Some(id), seq).await
}

/// Get an entry of the platform's audit chain with its proof
#[utoipa::path(
    get,
    path = "/v1/platform/audit/entries/{seq}",
    operation_id = "GetPlatformAuditEntry",
    tag = "audit",
    params(("seq" = i64, Path, minimum = 1, description = "The entry's place in the chain")),
    responses((status = 200, description = "The entry", body = AuditEntryProof), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get_platform(
    State(app): State<App>,
    principal: Principal,
    Path(seq): Path<String>,
) -> Result<Json<AuditEntryProof>, Failure> {
    let seq = place(&seq).ok_or_else(no_place)?;
    authorize::platform_or(&app, &principal, Permission::ReadAudit, missing).map_err(hidden)?;
    read(&app, None, seq).await
}

fn no_place() -> Failure {
    Failure::bad_request(codes::INVALID_ID, "entries are numbered from 1")
}

fn missing() -> Failure {
    Failure::not_found(codes::AUDIT_ENTRY_NOT_FOUND, "audit entry")
}

fn hidden(failure: Failure) -> Failure {
    if failure.is_denial() { missing() } else { failure }
}

async fn read(app: &App, chain: Option<Uuid>, seq: u64) -> Result<Json<AuditEntryProof>, Failure> {
    let found = app
        .db
        .read(async move |tx| audit::find(tx, chain, seq).await)
        .await?;
    Ok(Json(found.ok_or_else(missing)?.proof(chain)))
}
