//! `/v1/integrity-violations`: what nodes found changed, as operators see and acknowledge it.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::nodes::places;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use futures_util::FutureExt as _;
use plex_api::codes;
use plex_api::integrity::{
    IntegrityViolationAcknowledgeRequest, IntegrityViolationKind, IntegrityViolationList,
    IntegrityViolationRow, IntegrityViolationStatus,
};
use plex_api::limits::ACKNOWLEDGE_REASON_CHARS;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::integrity::{self, Filter};
use plex_store::nodes::Within;
use plex_store::{Error, Tx};
use uuid::Uuid;

/// Room for the longest reason, every character of it escaped.
const BODY: BodyRules = BodyRules {
    ceiling: 16 * 1024,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::INVALID_BODY,
};

/// List integrity violations, newest first
#[utoipa::path(
    get,
    path = "/v1/integrity-violations",
    operation_id = "ListIntegrityViolations",
    tag = "integrity",
    params(
        ("domain_id" = Option<Uuid>, Query, description = "Only of this domain"),
        ("project_id" = Option<Uuid>, Query, description = "Only of this project"),
        ("node_id" = Option<Uuid>, Query, description = "Only of this node"),
        ("kind" = Option<IntegrityViolationKind>, Query, description = "Only of this kind"),
        ("status" = Option<IntegrityViolationStatus>, Query, description = "Only in this state"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = IntegrityViolationList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<IntegrityViolationList>, Failure> {
    let wanted = Within {
        domain_id: query.id("domain_id", codes::INVALID_DOMAIN_FILTER)?,
        project_id: query.id("project_id", codes::INVALID_PROJECT_ID)?,
        node_id: None,
    };
    let filter = Filter {
        node_id: query.id("node_id", codes::INVALID_QUERY)?,
        kind: query.parsed("kind", codes::INVALID_QUERY, IntegrityViolationKind::parse)?,
        status: query.parsed("status", codes::INVALID_QUERY, IntegrityViolationStatus::parse)?,
    };
    let paging = Paging::of(&app, &query, name(&wanted, &filter), &principal.subject())?;
    let before = paging.after(paging::id)?;
    let places = places(&app, &principal, Permission::ReadIntegrity, wanted)?;
    let mut items = app
        .db
        .read(async move |tx| integrity::page(tx, &places, &filter, before, paging.limit + 1).await)
        .await?;
    let next_cursor = paging.cut(&mut items, |last| last.id.into_bytes());
    Ok(Json(IntegrityViolationList { items, next_cursor }))
}

fn name(wanted: &Within, filter: &Filter) -> [String; 6] {
    [
        "integrity-violations".to_owned(),
        paging::filter(wanted.domain_id),
        paging::filter(wanted.project_id),
        paging::filter(filter.node_id),
        paging::filter(filter.kind.map(IntegrityViolationKind::as_str)),
        paging::filter(filter.status.map(IntegrityViolationStatus::as_str)),
    ]
}

/// Acknowledge an integrity violation
///
/// Says why it is as it is. It stays on record.
#[utoipa::path(
    post,
    path = "/v1/integrity-violations/{id}/acknowledge",
    operation_id = "AcknowledgeIntegrityViolation",
    tag = "integrity",
    params(("id" = Uuid, Path, description = "The violation")),
    request_body = IntegrityViolationAcknowledgeRequest,
    responses((status = 200, description = "Acknowledged", body = IntegrityViolationRow), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn acknowledge(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<IntegrityViolationRow>, Failure> {
    let id = path_id(&id, codes::INVALID_INTEGRITY_VIOLATION_ID)?;
    let domain_id = authorize_violation(&app, &principal, id).await?;
    let wanted: IntegrityViolationAcknowledgeRequest = json(request, BODY).await?;
    let reason = check_reason(&wanted.reason)?.to_owned();
    let subject = principal.subject();
    let work = async move |tx: &mut Tx| {
        if !integrity::acknowledge(tx, id, &subject, &reason).await? {
            let detail = "this violation is not open any more";
            return Err(Failure::conflict(codes::ILLEGAL_TRANSITION, detail));
        }
        let violation = integrity::find(tx, id).await?.ok_or_else(missing)?;
        let object = ObjectRef::of(ObjectKind::Node, violation.node_id);
        let entry = Entry::of(Some(domain_id), "acknowledge_integrity", &object)
            .about(format!("integrity-violation:{id}"));
        Ok((violation, [entry]))
    };
    let acknowledged = authorize::change(&app, &principal, work).await?;
    Ok(Json(acknowledged))
}

/// The domain whose chain records it, for those who may acknowledge.
async fn authorize_violation(app: &App, principal: &Principal, id: Uuid) -> Result<Uuid, Failure> {
    let found: Result<Option<Uuid>, Error> = app
        .db
        .look_up(move |tx| integrity::project_of(tx, id).boxed())
        .await;
    let project_id = found?.ok_or_else(missing)?;
    let permission = Permission::AcknowledgeIntegrity;
    let project = authorize::project_or(app, principal, permission, project_id, missing)?;
    Ok(project.domain_id)
}

fn check_reason(reason: &str) -> Result<&str, Failure> {
    let fits = reason.chars().count() <= ACKNOWLEDGE_REASON_CHARS && !reason.contains('\0');
    if fits && !reason.trim().is_empty() {
        return Ok(reason);
    }
    let detail = "reason takes 1 to 1024 characters, not only blanks";
    Err(Failure::bad_request(codes::INVALID_ACKNOWLEDGE_REASON, detail))
}

fn missing() -> Failure {
    Failure::not_found(codes::INTEGRITY_VIOLATION_NOT_FOUND, "integrity violation")
}

#[cfg(test)]
mod tests;
