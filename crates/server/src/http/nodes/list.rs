//! `GET /v1/nodes`: the nodes that the caller may see, by id.
//!
//! What the caller may see is part of the query, so pages are full. A selector is matched after reading:
//! a page of it looks at a bounded number of nodes and may be short while there are more.

use crate::app::App;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::nodes::{NodeList, NodeSummary};
use plex_domain::cursor;
use plex_domain::relation::{ObjectKind, Permission};
use plex_domain::selector::Selector;
use plex_store::nodes::{self, Listed, Within};
use plex_store::{Error, Tx};
use uuid::Uuid;

/// Nodes read at a time when a selector decides which of them to show.
const CHUNK: u32 = 200;
/// Most such readings for one page.
const CHUNKS: u32 = 10;

/// List nodes
#[utoipa::path(
    get,
    path = "/v1/nodes",
    operation_id = "ListNodes",
    tag = "nodes",
    params(
        ("domain_id" = Option<Uuid>, Query, description = "Only of this domain"),
        ("project_id" = Option<Uuid>, Query, description = "Only of this project"),
        ("selector" = Option<String>, Query, description = "Only with these labels; pages may be short"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = NodeList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<NodeList>, Failure> {
    let wanted = Within {
        domain_id: query.id("domain_id", codes::INVALID_DOMAIN_FILTER)?,
        project_id: query.id("project_id", codes::INVALID_PROJECT_ID)?,
        node_id: None,
    };
    let selector = query.get("selector").map(parse_selector).transpose()?;
    let limit = query.limit()?;
    let context = context(&wanted, selector.as_ref());
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let caller = principal.subject();
    let after = query
        .cursor(&app.keys.cursors, &context, &caller)?
        .map(|bytes| position(&bytes))
        .transpose()?;
    let places = places(&app, &principal, Permission::ReadNode, wanted)?;
    let read = async move |tx: &mut Tx| page(tx, &places, selector.as_ref(), (after, limit)).await;
    let page = app.db.read(read).await?;
    let seal = |id: Uuid| cursor::seal(&app.keys.cursors, &context, &caller, id.as_bytes());
    Ok(Json(NodeList {
        items: page.items,
        next_cursor: page.next.map(seal),
    }))
}

fn parse_selector(text: &str) -> Result<Selector, Failure> {
    Selector::parse(text).map_err(|error| Failure::bad_request(codes::MALFORMED_SELECTOR, error.to_string()))
}

fn context(wanted: &Within, selector: Option<&Selector>) -> [String; 4] {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let selector = selector.map(Selector::to_string).unwrap_or_default();
    [
        "nodes".to_owned(),
        id(wanted.domain_id),
        id(wanted.project_id),
        selector,
    ]
}

fn position(bytes: &[u8]) -> Result<Uuid, Failure> {
    let invalid = || Failure::bad_request(codes::INVALID_CURSOR, "the cursor is not one this list gave");
    Uuid::from_slice(bytes).map_err(|_| invalid())
}

/// Where both the caller has the permission and the filters look; none when they have nothing in common.
pub fn places(
    app: &App,
    principal: &Principal,
    permission: Permission,
    wanted: Within,
) -> Result<Vec<Within>, Failure> {
    let kinds = [ObjectKind::Domain, ObjectKind::Project, ObjectKind::Node];
    let Some([domains, projects, nodes]) = authorize::seen(app, principal, permission, kinds)? else {
        return Ok(vec![wanted]);
    };
    let in_domain = domains.into_iter().map(|id| Within {
        domain_id: Some(id),
        ..Within::default()
    });
    let in_project = projects.into_iter().map(|id| Within {
        project_id: Some(id),
        ..Within::default()
    });
    let alone = nodes.into_iter().map(|id| Within {
        node_id: Some(id),
        ..Within::default()
    });
    let places = in_domain.chain(in_project).chain(alone);
    let places: Vec<_> = places.filter_map(|place| common(place, wanted)).collect();
    if places.contains(&wanted) {
        return Ok(vec![wanted]);
    }
    Ok(places)
}

fn common(place: Within, wanted: Within) -> Option<Within> {
    let both = |a: Option<Uuid>, b: Option<Uuid>| match (a, b) {
        (Some(a), Some(b)) if a != b => None,
        (a, b) => Some(a.or(b)),
    };
    Some(Within {
        domain_id: both(place.domain_id, wanted.domain_id)?,
        project_id: both(place.project_id, wanted.project_id)?,
        node_id: place.node_id,
    })
}

struct Page {
    items: Vec<NodeSummary>,
    /// After which node the next page starts.
    next: Option<Uuid>,
}

async fn page(
    tx: &mut Tx,
    places: &[Within],
    selector: Option<&Selector>,
    (mut after, limit): (Option<Uuid>, u32),
) -> Result<Page, Error> {
    let chunk = if selector.is_some() { CHUNK } else { limit };
    let mut items = Vec::new();
    for _ in 0..CHUNKS {
        let mut rows = nodes::page(tx, places, after, chunk + 1).await?;
        let beyond = rows.len() > chunk as usize;
        rows.truncate(chunk as usize);
        let count = rows.len();
        for (n, row) in rows.into_iter().enumerate() {
            after = Some(row.summary.id);
            items.extend(selects(selector, &row).then_some(row.summary));
            if items.len() == limit as usize {
                return Ok(Page {
                    items,
                    next: after.filter(|_| beyond || n + 1 < count),
                });
            }
        }
        if !beyond {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: after })
}

fn selects(selector: Option<&Selector>, row: &Listed) -> bool {
    selector.is_none_or(|selector| selector.matches(|key| row.labels.keys.get(key)))
}
