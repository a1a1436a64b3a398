//! `POST /v1/authz/lookup-resources`: all objects of a type on which a subject has a relation or permission.

use super::{BODY, askable, kind, name, object, request_about};
use crate::app::App;
use crate::authority;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::json;
use axum::Json;
use axum::extract::{Request, State};
use plex_api::authz::{LookupResourcesRequest, RebacLookupResponse};
use plex_api::codes;
use plex_domain::relation::ObjectRef;

/// Ask on what somebody has a permission
///
/// The whole set, in the order in which the objects were made. Of another subject only what lies on resources
/// of which the caller is `viewer`.
#[utoipa::path(
    post,
    path = "/v1/authz/lookup-resources",
    operation_id = "PostAuthzLookupResources",
    tag = "authz",
    request_body = LookupResourcesRequest,
    responses((status = 200, description = "All of them", body = RebacLookupResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn lookup_resources(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<RebacLookupResponse>, Failure> {
    let asked: LookupResourcesRequest = json(request, BODY).await?;
    let code = codes::INVALID_LOOKUP_REQUEST;
    let subject = object(&asked.subject, "subject", code)?;
    let kind = kind(&asked.resource_type, "resource_type", code)?;
    let name = name(&app, &asked.relation, kind, code)?;
    let about = request_about(&app, &principal, &subject, asked.caveat_context);
    let mut found = Vec::new();
    if subject == principal.object() {
        found = authority::resources(&app, subject, (name, kind), about).await?;
    } else {
        // What the caller may know comes first: who may know nothing learns nothing, not even by the time it takes.
        let askable = askable(&app, &principal, kind).await?;
        if !askable.is_empty() {
            found = authority::resources(&app, subject, (name, kind), about).await?;
            found.retain(|object| askable.binary_search(object).is_ok());
        }
    }
    Ok(Json(RebacLookupResponse {
        items: found.iter().map(ObjectRef::to_string).collect(),
        correlation_id: principal.context.correlation_id,
    }))
}
