//! `GET /v1/nodes`: the nodes that the caller may see, by id.
//!
//! What the caller may see is part of the query, so pages are full. A selector is matched after reading:
//! a page of it looks at a bounded number of nodes and may be short while there are more.

use crate::app::App;
use crate::authorize;
use crate::paging::{self, Paging, Sieve};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::Query;
use axum::Json;
use axum::extract::State;
use plex_api::codes;
use plex_api::nodes::{NodeList, NodeSummary};
use plex_domain::relation::{ObjectKind, Permission};
use plex_domain::selector::Selector;
use plex_store::nodes::{self, Listed, Within};
use plex_store::{Error, Tx};
use uuid::Uuid;

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
    let list = [
        "nodes".to_owned(),
        paging::filter(wanted.domain_id),
        paging::filter(wanted.project_id),
        paging::filter(selector.as_ref()),
    ];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::id)?.unwrap_or_default();
    let places = places(&app, &principal, Permission::ReadNode, wanted)?;
    let read = async move |tx: &mut Tx| page(tx, &places, selector.as_ref(), (after, paging.limit)).await;
    let (items, next) = app.db.read(read).await?;
    Ok(Json(NodeList {
        items,
        next_cursor: next.map(|id| paging.cursor(id.as_bytes())),
    }))
}

fn parse_selector(text: &str) -> Result<Selector, Failure> {
    Selector::parse(text).map_err(|error| Failure::bad_request(codes::MALFORMED_SELECTOR, error.to_string()))
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

/// The nodes of a page, and after which one the next page starts.
async fn page(
    tx: &mut Tx,
    places: &[Within],
    selector: Option<&Selector>,
    page: (Uuid, u32),
) -> Result<(Vec<NodeSummary>, Option<Uuid>), Error> {
    let sieve = selector.map_or(Sieve::Open, |_| Sieve::Closed);
    let read = async |after: &Uuid, most| nodes::page(tx, places, Some(*after), most).await;
    paging::sift(sieve, page, read, |row: Listed| {
        let selects = |selector: &Selector| selector.matches(|key| row.labels.keys.get(key));
        let is_wanted = selector.is_none_or(selects);
        (row.summary.id, is_wanted.then_some(row.summary))
    })
    .await
}
