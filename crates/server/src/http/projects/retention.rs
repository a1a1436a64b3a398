//! `/v1/projects/{id}/retention`: how long a project's history is kept.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use plex_api::codes;
use plex_api::projects::ProjectRetention;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_store::{Tx, projects, retention};

/// The longest age, in days: a hundred years.
const MAX_AGE_DAYS: u32 = 36_500;
/// The largest count: more than any database holds.
const MAX_COUNT: u64 = 1_000_000_000_000;

/// Get how long a project's history is kept
#[utoipa::path(
    get,
    path = "/v1/projects/{id}/retention",
    operation_id = "GetProjectRetention",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The project")),
    responses((status = 200, description = "The bounds", body = ProjectRetention), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<ProjectRetention>, Failure> {
    let id = path_id(&id, codes::INVALID_PROJECT_ID)?;
    authorize::project(&app, &principal, Permission::ReadProject, id)?;
    Ok(Json(
        app.db.read(async move |tx| retention::find(tx, id).await).await?,
    ))
}

/// Say how long a project's history is kept
///
/// The whole of it: a bound that is not given is none. Executions that are beyond a bound and have ended go within an
/// hour, with their outputs; what is younger than a day never does.
#[utoipa::path(
    put,
    path = "/v1/projects/{id}/retention",
    operation_id = "PutProjectRetention",
    tag = "tenancy",
    params(("id" = uuid::Uuid, Path, description = "The project")),
    request_body = ProjectRetention,
    responses((status = 200, description = "Set", body = ProjectRetention), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn put(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ProjectRetention>, Failure> {
    let id = path_id(&id, codes::INVALID_PROJECT_ID)?;
    let project = authorize::project(&app, &principal, Permission::ManageProject, id)?;
    let wanted = checked(json(request, PLAIN_BODY).await?)?;
    let work = async move |tx: &mut Tx| {
        if projects::find(tx, id).await?.is_none() {
            return Err(Failure::not_found(codes::PROJECT_NOT_FOUND, "project"));
        }
        retention::set(tx, id, &wanted).await?;
        let object = ObjectRef::of(ObjectKind::Project, id);
        let entry = Entry::of(Some(project.domain_id), "set_retention", &object).about(told(&wanted));
        Ok(((), [entry]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(Json(wanted))
}

/// The bounds without those that are none.
fn checked(wanted: ProjectRetention) -> Result<ProjectRetention, Failure> {
    let wanted = ProjectRetention {
        max_age_days: wanted.max_age_days.filter(|days| *days > 0),
        max_count: wanted.max_count.filter(|count| *count > 0),
    };
    if wanted.max_age_days.is_some_and(|days| days > MAX_AGE_DAYS) {
        let detail = "max_age_days takes 0 to 36500";
        return Err(Failure::bad_request(codes::INVALID_PROJECT, detail));
    }
    if wanted.max_count.is_some_and(|count| count > MAX_COUNT) {
        let detail = "max_count takes 0 to 1000000000000";
        return Err(Failure::bad_request(codes::INVALID_PROJECT, detail));
    }
    Ok(wanted)
}

/// The bounds as the audit chain tells them.
fn told(retention: &ProjectRetention) -> String {
    let days = retention.max_age_days.map(|days| format!("{days} days"));
    let count = retention.max_count.map(|count| format!("{count} executions"));
    match (days, count) {
        (None, None) => "kept for ever".to_owned(),
        (days, count) => days.into_iter().chain(count).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests;
