//! `GET /v1/domains/{domain_id}/capacity`: how full a domain is (`api.md` §11).

use crate::app::App;
use crate::authorize;
use crate::loops::CAPACITY_PERIOD;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::path_id;
use axum::Json;
use axum::extract::{Path, State};
use plex_api::capacity::DomainCapacitySnapshot;
use plex_api::codes;
use plex_domain::relation::Permission;

/// Read a domain's capacity
///
/// As it was measured within the last 10 seconds. A domain that does not exist is denied as a foreign one is.
#[utoipa::path(
    get,
    path = "/v1/domains/{domain_id}/capacity",
    operation_id = "GetDomainCapacity",
    tag = "tenancy",
    params(("domain_id" = Uuid, Path, description = "The domain")),
    responses((status = 200, description = "All six axes", body = DomainCapacitySnapshot), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(domain_id): Path<String>,
) -> Result<Json<DomainCapacitySnapshot>, Failure> {
    let id = path_id(&domain_id, codes::INVALID_DOMAIN_ID)?;
    let hidden = authorize::out_of_scope;
    authorize::domain_or(&app, &principal, Permission::ReadCapacity, id, hidden)?;
    let seconds = u32::try_from(CAPACITY_PERIOD.as_secs()).unwrap_or(u32::MAX);
    let unavailable = || {
        Failure::unavailable_for(
            seconds,
            codes::CAPACITY_SNAPSHOT_UNAVAILABLE,
            "this domain's capacity has not been measured yet; try again",
        )
    };
    app.capacity.of(id).map(Json).ok_or_else(unavailable)
}

#[cfg(test)]
mod tests;
