//! `GET /v1/hooks`: the Kubernetes hooks that nodes discovered, against the digests first catalogued for them
//! (decision 12).
//!
//! Whether an image matches is seen after reading: a page of those that do, or do not, looks at a bounded number of
//! hooks and may be short while there are more.

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
use plex_store::{Error, Tx};
use uuid::Uuid;

/// Hooks read at a time when a filter decides which of them to show.
const CHUNK: u32 = 200;
/// Most such readings for one page.
const CHUNKS: u32 = 10;

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
        ("image_digest_match" = Option<bool>, Query, description = "Only those that do, or do not, match; pages may be short"),
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
    let read = async move |tx: &mut Tx| page(tx, &places, matches, (after, limit)).await;
    let (items, next) = app.db.read(read).await?;
    let seal = |next: Position| cursor::seal(&app.keys.cursors, &context, &caller, &bytes(&next));
    Ok(Json(HookList {
        items,
        next_cursor: next.map(seal),
    }))
}

/// The hooks of a page, and after which one the next page starts.
async fn page(
    tx: &mut Tx,
    places: &[Within],
    matches: Option<bool>,
    (mut after, limit): (Position, u32),
) -> Result<(Vec<DiscoveredHook>, Option<Position>), Error> {
    let chunk = if matches.is_some() { CHUNK } else { limit };
    let mut items = Vec::new();
    for _ in 0..CHUNKS {
        let mut rows = discovered_hooks::page(tx, places, &after, chunk + 1).await?;
        let is_more = rows.len() > chunk as usize;
        rows.truncate(chunk as usize);
        let count = rows.len();
        for (n, hook) in rows.into_iter().enumerate() {
            after = Position {
                node_id: hook.node_id,
                name: hook.name.clone(),
            };
            let is_wanted = matches.is_none_or(|matches| hook.image_digest_match == matches);
            items.extend(is_wanted.then_some(hook));
            if items.len() == limit as usize {
                return Ok((items, (is_more || n + 1 < count).then_some(after)));
            }
        }
        if !is_more {
            return Ok((items, None));
        }
    }
    Ok((items, Some(after)))
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
fn bytes(hook: &Position) -> Vec<u8> {
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
