//! `GET /v1/hooks`: the Kubernetes hooks that nodes discovered, against the digests first catalogued for them
//! (decision 12).
//!
//! Whether an image matches is seen after reading: a page of those that do, or do not, looks at a bounded number of
//! hooks and may be short while there are more.

use crate::app::App;
use crate::http::nodes::places;
use crate::paging::{self, Paging, Sieve};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::hooks::{DiscoveredHook, HookList};
use plex_domain::relation::Permission;
use plex_store::discovered_hooks::{self, Position};
use plex_store::nodes::Within;
use plex_store::{Error, Tx};

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
    let list = [
        "hooks".to_owned(),
        paging::filter(wanted.domain_id),
        paging::filter(wanted.project_id),
        paging::filter(matches),
    ];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id_and_text)?;
    let after = after.map(|(node_id, name)| Position { node_id, name });
    let after = after.unwrap_or_default();
    let places = places(&app, &principal, Permission::ReadCapabilities, wanted)?;
    let read = async move |tx: &mut Tx| page(tx, &places, matches, (after, paging.limit)).await;
    let (items, next) = app.db.read(read).await?;
    let cursor = |next: Position| paging.cursor(paging::id_and_text_bytes(next.node_id, &next.name));
    Ok(Json(HookList {
        items,
        next_cursor: next.map(cursor),
    }))
}

/// The hooks of a page, and after which one the next page starts.
async fn page(
    tx: &mut Tx,
    places: &[Within],
    matches: Option<bool>,
    page: (Position, u32),
) -> Result<(Vec<DiscoveredHook>, Option<Position>), Error> {
    let sieve = matches.map_or(Sieve::Open, |_| Sieve::Closed);
    let read = async |after: &Position, most| discovered_hooks::page(tx, places, after, most).await;
    paging::sift(sieve, page, read, |hook: DiscoveredHook| {
        let place = Position {
            node_id: hook.node_id,
            name: hook.name.clone(),
        };
        let is_wanted = matches.is_none_or(|matches| hook.image_digest_match == matches);
        (place, is_wanted.then_some(hook))
    })
    .await
}

#[cfg(test)]
mod tests;
