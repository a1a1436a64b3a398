//! `POST /v1/authz/lookup-subjects`: all subjects of a type that have a relation or permission on a resource.

use super::{BODY, kind, may_ask_about_others, name, object, request_about};
use crate::app::App;
use crate::authority;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::json;
use axum::Json;
use axum::extract::{Request, State};
use plex_api::authz::{LookupSubjectsRequest, RebacLookupResponse};
use plex_api::codes;
use plex_domain::relation::ObjectRef;

/// Ask who has a permission on something
///
/// The whole set, groups resolved to their members, in the order in which the subjects were made. It is empty
/// for a resource of which the caller is not `viewer`.
#[utoipa::path(
    post,
    path = "/v1/authz/lookup-subjects",
    operation_id = "PostAuthzLookupSubjects",
    tag = "authz",
    request_body = LookupSubjectsRequest,
    responses((status = 200, description = "All of them", body = RebacLookupResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn lookup_subjects(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<RebacLookupResponse>, Failure> {
    let asked: LookupSubjectsRequest = json(request, BODY).await?;
    let code = codes::INVALID_LOOKUP_REQUEST;
    let resource = object(&asked.resource, "resource", code)?;
    let kind = kind(&asked.subject_type, "subject_type", code)?;
    let name = name(&app, &asked.relation, resource.kind, code)?;
    let found = if may_ask_about_others(&app, &principal, &resource) {
        // No subject is meant before one is found, so conditions see what the question says and nothing else.
        let about = request_about(&app, &principal, &resource, asked.caveat_context);
        authority::subjects(&app, (name, resource), kind, about).await?
    } else {
        Vec::new()
    };
    Ok(Json(RebacLookupResponse {
        items: found.iter().map(ObjectRef::to_string).collect(),
        correlation_id: principal.context.correlation_id,
    }))
}
