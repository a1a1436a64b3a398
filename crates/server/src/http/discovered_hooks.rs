//! `GET /v1/hooks`: the Kubernetes hooks that nodes discovered, against the digests first catalogued for them
//! (decision 12).

use crate::app::App;
use crate::http::nodes::places;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::hooks::{DiscoveredHook, HookList};
use plex_domain::cursor;
use plex_domain::relation::Permission;
use plex_store::discovered_hooks::{self, Position};
use plex_store::nodes::Within;
use uuid::Uuid;

/// List discovered Kubernetes hooks
///
/// Script hooks are listed by project, with `ListNodeHooks`.
#[utoipa::path(
    get,
    path = "/v1/hooks",
    operation_id = "ListHooks",
    tag = "hooks",
    params(
        ("domain_id" = Option<Uuid>, Query, description = "Only of this domain"),
        ("project_id" = Option<Uuid>, Query, description = "Only of this project"),
        ("image_digest_match" = Option<bool>, Query, description = "Only those that do, or do not, match"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = HookList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<HookList>, Failure> {
    let wanted = Within {
        domain_id: query.id("domain_id", codes::INVALID_DOMAIN_FILTER)?,
        project_id: query.id("project_id", codes::INVALID_PROJECT_ID)?,
        node_id: None,
    };
    let matches = query.parsed("image_digest_match", codes::INVALID_QUERY, |text| {
        text.parse().ok()
    })?;
    let limit = query.limit()?;
    let context = context(&wanted, matches);
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let caller = principal.subject();
    let after = query
        .cursor(&app.keys.cursors, &context, &caller)?
        .map(|bytes| position(&bytes))
        .transpose()?
        .unwrap_or_default();
    let places = places(&app, &principal, Permission::ReadCapabilities, wanted)?;
    let mut items = app
        .db
        .read(async move |tx| discovered_hooks::page(tx, &places, matches, &after, limit + 1).await)
        .await?;
    let next_cursor = (items.len() > limit as usize).then(|| {
        items.truncate(limit as usize);
        let last = items.last().expect("a limit is at least 1");
        cursor::seal(&app.keys.cursors, &context, &caller, &bytes(last))
    });
    Ok(Json(HookList { items, next_cursor }))
}

fn context(wanted: &Within, matches: Option<bool>) -> [String; 4] {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    [
        "hooks".to_owned(),
        id(wanted.domain_id),
        id(wanted.project_id),
        matches.map(|matches| matches.to_string()).unwrap_or_default(),
    ]
}

/// A position as a cursor holds it: the node's id, then the hook's name.
fn bytes(hook: &DiscoveredHook) -> Vec<u8> {
    [hook.node_id.as_bytes(), hook.name.as_bytes()].concat()
}

fn position(bytes: &[u8]) -> Result<Position, Failure> {
    let read = || {
        let (id, name) = bytes.split_first_chunk::<16>()?;
        Some(Position {
            node_id: Uuid::from_bytes(*id),
            name: std::str::from_utf8(name).ok()?.to_owned(),
        })
    };
    read().ok_or_else(|| Failure::bad_request(codes::INVALID_CURSOR, "the cursor is not one this list gave"))
}

#[cfg(test)]
mod tests;
