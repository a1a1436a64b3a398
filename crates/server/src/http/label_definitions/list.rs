//! `GET /v1/label-definitions`.

use super::{out_of_scope, read};
use crate::app::App;
use crate::paging::{self, ANYBODY, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::labels::LabelDefinitionList;
use plex_domain::label::ScopeRef;
use plex_store::labels::definitions;

/// List a scope's label definitions
///
/// By key. Those of the platform are for everybody.
#[utoipa::path(
    get,
    path = "/v1/label-definitions",
    operation_id = "ListLabelDefinitions",
    tag = "labels",
    params(
        ("scope" = String, Query, description = "`platform`, `domain:<uuid>` or `project:<uuid>`",
            pattern = "^(platform|domain:[0-9a-fA-F-]{36}|project:[0-9a-fA-F-]{36})$"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = LabelDefinitionList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<LabelDefinitionList>, Failure> {
    let scope = query
        .parsed("scope", codes::INVALID_QUERY, ScopeRef::parse)?
        .ok_or_else(|| {
            let detail = "scope is missing; it takes platform, domain:<uuid> or project:<uuid>";
            Failure::bad_request(codes::INVALID_QUERY, detail)
        })?;
    // The contract binds these cursors to the scope and to nobody.
    let list = ["label-definitions", &scope.to_string()];
    let paging = Paging::of(&app, &query, list, ANYBODY)?;
    let after = paging.after(paging::text)?.unwrap_or_default();
    read(&app, &principal, scope, out_of_scope).await?;
    let mut items = app
        .db
        .read(async move |tx| definitions::page(tx, scope, &after, paging.limit + 1).await)
        .await?;
    let next_cursor = paging.cut(&mut items, |last| last.local_key.clone());
    Ok(Json(LabelDefinitionList { items, next_cursor }))
}
