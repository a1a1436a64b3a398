//! The routes: the table of contents of the control plane.

pub mod audit;
pub mod auth;
pub mod authz;
pub mod bootstrap_tokens;
pub mod capacity;
pub(crate) mod contract;
mod created;
pub mod discovered_hooks;
pub mod docs;
pub mod domains;
pub mod executions;
pub mod groups;
pub mod hooks;
pub mod identities;
pub mod integrity_violations;
pub mod label_definitions;
pub mod labels;
#[cfg(test)]
mod matrix;
pub mod meta;
pub mod nodes;
pub mod objects;
pub mod projects;
pub mod register;
pub mod search;
pub mod selectors;
pub mod tenancy;
pub mod tokens;

use crate::app::App;
use crate::problem::{self, Failure};
use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use plex_api::{codes, paths};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The document's head; paths and schemas come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plexsphere",
        version = "v1",
        description = "Dispatch named actions to fleets of nodes, and read what ran where and what came out.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(
        plex_api::problem::Problem,
        plex_api::problem::PermissionDenied,
        plex_api::selectors::SelectorOp,
    )),
    modifiers(&Security),
)]
struct Document;

/// The browser's cookie and the two kinds of bearer.
struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
        let bearer = |text: &str| {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.description = Some(text.to_owned());
            SecurityScheme::Http(scheme)
        };
        let components = document.components.get_or_insert_default();
        let cookie = ApiKeyValue::with_description(
            "plexsphere_session",
            "A browser's session. What changes something repeats the cookie `plexsphere_csrf` in the header \
            `X-Plexsphere-CSRF`, and comes from our own pages or from an allowed `Origin`.",
        );
        components.add_security_scheme("sessionCookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("operatorBearer", bearer("An API token, `psk_…`"));
        components.add_security_scheme("nskBearer", bearer("A node's key, `nsk_<env>_<payload>`"));
    }
}

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        // Anybody.
        .routes(routes!(meta::health))
        .routes(routes!(meta::version))
        .routes(routes!(meta::openapi))
        .routes(routes!(docs::page))
        .routes(routes!(docs::asset))
        .routes(routes!(register::register))
        .routes(routes!(auth::sign_in::sign_in))
        .routes(routes!(auth::callback::callback))
        .routes(routes!(auth::device_code::device_code))
        .routes(routes!(auth::device_token::device_token))
        .routes(routes!(auth::device::page::page))
        // Operators: who they are, and who may do what.
        .routes(routes!(tokens::whoami))
        .routes(routes!(tokens::issue, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tokens::rotate::rotate))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::device::pending::pending))
        .routes(routes!(auth::device::approve::approve))
        .routes(routes!(authz::check::check))
        .routes(routes!(authz::lookup_resources::lookup_resources))
        .routes(routes!(authz::lookup_subjects::lookup_subjects))
        .routes(routes!(
            authz::relation_tuples::create::create,
            authz::relation_tuples::list::list
        ))
        .routes(routes!(
            authz::relation_tuples::patch::patch,
            authz::relation_tuples::delete::delete
        ))
        .routes(routes!(groups::create, groups::list))
        .routes(routes!(groups::get, groups::delete))
        .routes(routes!(groups::members::add, groups::members::list))
        .routes(routes!(groups::members::remove))
        // Operators: tenancy.
        .routes(routes!(domains::create, domains::list))
        .routes(routes!(capacity::get))
        .routes(routes!(
            domains::get,
            domains::patch::patch,
            domains::delete::delete
        ))
        .routes(routes!(projects::create, projects::list))
        .routes(routes!(
            projects::get,
            projects::patch::patch,
            projects::delete::delete
        ))
        .routes(routes!(projects::retention::get, projects::retention::put))
        // Operators: the fleet.
        .routes(routes!(bootstrap_tokens::issue, bootstrap_tokens::list))
        .routes(routes!(bootstrap_tokens::get, bootstrap_tokens::revoke))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::get, nodes::revoke))
        .routes(routes!(nodes::key::request))
        .routes(routes!(nodes::capabilities::list))
        .routes(routes!(discovered_hooks::list))
        .routes(routes!(hooks::list))
        .routes(routes!(hooks::accept))
        .routes(routes!(integrity_violations::list))
        .routes(routes!(integrity_violations::acknowledge))
        // Operators: labels.
        .routes(routes!(
            label_definitions::create::create,
            label_definitions::list::list
        ))
        .routes(routes!(
            label_definitions::get::get,
            label_definitions::update::update,
            label_definitions::delete::delete
        ))
        .routes(routes!(labels::list, labels::put, labels::delete))
        .routes(routes!(selectors::preview))
        .routes(routes!(search::search))
        // Operators: the execution log.
        .routes(routes!(executions::dispatch::dispatch))
        .routes(routes!(executions::list::list))
        .routes(routes!(executions::get::get))
        .routes(routes!(executions::output::output))
        // Operators: the audit chains.
        .routes(routes!(audit::list::list))
        .routes(routes!(audit::get::get))
        .routes(routes!(audit::verify::verify))
        .routes(routes!(audit::export::export))
        .routes(routes!(audit::list::list_platform))
        .routes(routes!(audit::get::get_platform))
        .routes(routes!(audit::verify::verify_platform))
        .routes(routes!(audit::export::export_platform))
        .routes(routes!(identities::erase))
        // Nodes.
        .routes(routes!(nodes::events::events))
        .routes(routes!(nodes::state::state))
        .routes(routes!(nodes::heartbeat::heartbeat))
        .routes(routes!(nodes::key::hand_in))
        .routes(routes!(nodes::capabilities::put))
        .routes(routes!(nodes::integrity_violations::report))
        .routes(routes!(nodes::callback::callback))
}

/// All routes, with failures rendered.
pub fn router(app: App) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        // The older spelling of dispatch (decision 10).
        .route(
            "/v1/projects/{project_id}/executions:dispatch",
            post(executions::dispatch::dispatch),
        )
        // Presigned URLs of the local object store; their path ends in the object's key (decision 20).
        .route("/local/{*key}", get(objects::download).put(objects::upload))
        .fallback(elsewhere)
        .layer(axum::middleware::from_fn_with_state(app.clone(), problem::finish))
        .with_state(app)
}

/// No such path. Who comes back from the identity provider in vain is sent to `/` by the contract, and from there to the
/// page that says what went wrong.
async fn elsewhere(uri: Uri) -> Response {
    let query = uri.query().filter(|query| query.starts_with("auth_error_kind="));
    let told = query
        .filter(|_| uri.path() == "/")
        .map(|query| format!("{}?{query}", paths::DEVICE_PAGE));
    if let Some(place) = told.and_then(|place| HeaderValue::from_str(&place).ok()) {
        return (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    }
    let detail = "no such path; see /v1/openapi.json";
    Failure::new(StatusCode::NOT_FOUND, codes::NOT_FOUND, detail).into_response()
}

/// The OpenAPI document as it is served and committed: pretty, with a last newline.
pub fn openapi_json() -> String {
    let (_, document) = documented().split_for_parts();
    serde_json::to_string_pretty(&contract::complete(document)).expect("the document is JSON") + "\n"
}
