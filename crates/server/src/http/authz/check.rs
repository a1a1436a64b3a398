//! `POST /v1/authz/check`: whether a subject has a relation or permission on a resource.

use super::{BODY, may_ask_about_others, name, object, request_about};
use crate::app::App;
use crate::authority::Decision;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::json;
use axum::Json;
use axum::extract::{Request, State};
use plex_api::authz::{RebacCheckRequest, RebacCheckResponse, RebacDecision, RebacReason};
use plex_api::codes;
use plex_api::problem::DenialReason;

/// Ask whether somebody may
///
/// A denial is an answer. Asking about another subject needs `viewer` on the resource; without it, and for a
/// resource that does not exist, the answer is `denied` with reason `out_of_scope`. Conditions see the caller's
/// own request when the question is about the caller; `caveat_context` gives values that it lacks.
#[utoipa::path(
    post,
    path = "/v1/authz/check",
    operation_id = "PostAuthzCheck",
    tag = "authz",
    request_body = RebacCheckRequest,
    responses((status = 200, description = "The decision", body = RebacCheckResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn check(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<RebacCheckResponse>, Failure> {
    let asked: RebacCheckRequest = json(request, BODY).await?;
    let code = codes::INVALID_CHECK_REQUEST;
    let subject = object(&asked.subject, "subject", code)?;
    let resource = object(&asked.resource, "resource", code)?;
    let name = name(&app, &asked.relation, resource.kind, code)?;
    let about = request_about(&app, &principal, &subject, asked.caveat_context);
    let correlation_id = principal.context.correlation_id.clone();
    if subject != principal.object() && !may_ask_about_others(&app, &principal, &resource) {
        return Ok(Json(denied(RebacReason::OutOfScope, correlation_id)));
    }
    let found = app.authority.decide(&subject, (name, &resource), &about);
    Ok(Json(match found {
        Ok(Decision::Granted { path, .. }) => RebacCheckResponse {
            decision: RebacDecision::Allowed,
            relation_path: Some(path),
            reason: None,
            correlation_id,
        },
        Ok(Decision::Denied { reason, .. }) => denied(told(reason), correlation_id),
        Err(_) => denied(RebacReason::Unknown, correlation_id),
    }))
}

fn denied(reason: RebacReason, correlation_id: String) -> RebacCheckResponse {
    RebacCheckResponse {
        decision: RebacDecision::Denied,
        relation_path: None,
        reason: Some(reason),
        correlation_id,
    }
}

/// A relation denial as a check tells it.
fn told(reason: DenialReason) -> RebacReason {
    match reason {
        DenialReason::OutOfScope => RebacReason::OutOfScope,
        DenialReason::InsufficientRelation => RebacReason::InsufficientRelation,
        DenialReason::CaveatViolation => RebacReason::CaveatViolation,
    }
}

#[cfg(test)]
mod tests;
