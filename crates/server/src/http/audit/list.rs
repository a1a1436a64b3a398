//! `GET …/audit/entries`: a page of a chain, in its order.

use crate::app::App;
use crate::authorize;
use crate::paging::{self, ANYBODY, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{Query, path_id};
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use plex_api::audit::{AuditEntryList, AuditReason};
use plex_api::codes;
use plex_domain::env::micros_from;
use plex_domain::relation::Permission;
use plex_store::audit::{self, Filter, Most, Page};
use plex_store::{Error, Tx};
use uuid::Uuid;

/// Entries that are looked at in one transaction: where a filter finds few among many, a page takes several.
const LOOKED_AT: u32 = 2_000;

/// List a domain's audit entries
///
/// In the chain's order. All filters that are given must hold; `from` and `to` are inclusive. A page that is shorter than
/// `limit` is the last.
#[utoipa::path(
    get,
    path = "/v1/domains/{domain_id}/audit/entries",
    operation_id = "ListAuditEntries",
    tag = "audit",
    params(
        ("domain_id" = Uuid, Path, description = "The domain"),
        ("subject" = Option<String>, Query, pattern = "^[0-9a-f]{64}$", description = "Only by this pseudonym"),
        ("relation" = Option<String>, Query, description = "Only this relation or permission"),
        ("object_type" = Option<String>, Query, description = "Only on objects of this type"),
        ("object_id" = Option<String>, Query, description = "Only on this object"),
        ("reason" = Option<AuditReason>, Query, description = "Only decided so"),
        ("from" = Option<Timestamp>, Query, description = "Not before this time"),
        ("to" = Option<Timestamp>, Query, description = "Not after this time"),
        ("correlation_id" = Option<String>, Query, description = "Only of the request that was answered with it"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = AuditEntryList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(domain_id): Path<String>,
    query: Query,
) -> Result<Json<AuditEntryList>, Failure> {
    let id = path_id(&domain_id, codes::INVALID_DOMAIN_ID)?;
    let filter = filter(&query)?;
    authorize::domain(&app, &principal, Permission::ReadAudit, id)?;
    page(&app, Some(id), filter, &query).await
}

/// List the platform's audit entries
///
/// What belongs to no domain. `domain_id` is the nil UUID.
#[utoipa::path(
    get,
    path = "/v1/platform/audit/entries",
    operation_id = "ListPlatformAuditEntries",
    tag = "audit",
    params(
        ("subject" = Option<String>, Query, pattern = "^[0-9a-f]{64}$", description = "Only by this pseudonym"),
        ("relation" = Option<String>, Query, description = "Only this relation or permission"),
        ("object_type" = Option<String>, Query, description = "Only on objects of this type"),
        ("object_id" = Option<String>, Query, description = "Only on this object"),
        ("reason" = Option<AuditReason>, Query, description = "Only decided so"),
        ("from" = Option<Timestamp>, Query, description = "Not before this time"),
        ("to" = Option<Timestamp>, Query, description = "Not after this time"),
        ("correlation_id" = Option<String>, Query, description = "Only of the request that was answered with it"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = AuditEntryList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list_platform(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Json<AuditEntryList>, Failure> {
    let filter = filter(&query)?;
    authorize::platform(&app, &principal, Permission::ReadAudit)?;
    page(&app, None, filter, &query).await
}

/// The filters of a query. What the contract names gets its code, `invalid_cursor`.
fn filter(query: &Query) -> Result<Filter, Failure> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let filter = Filter {
        subject: query.parsed("subject", codes::INVALID_CURSOR, pseudonym)?,
        relation: text("relation"),
        object_type: text("object_type"),
        object_id: text("object_id"),
        reason: query.parsed("reason", codes::INVALID_QUERY, AuditReason::parse)?,
        from: query.time("from")?.map(micros_from),
        to: query.time("to")?,
        correlation_id: text("correlation_id"),
    };
    match (filter.from, filter.to) {
        (Some(from), Some(to)) if to < from => Err(Failure::bad_request(
            codes::INVALID_CURSOR,
            "to is before from; nothing can be between them",
        )),
        (Some(_) | None, Some(_) | None) => Ok(filter),
    }
}

fn pseudonym(text: &str) -> Option<[u8; 32]> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .ok()?
        .try_into()
        .ok()
}

async fn page(
    app: &App,
    chain: Option<Uuid>,
    filter: Filter,
    query: &Query,
) -> Result<Json<AuditEntryList>, Failure> {
    let paging = Paging::of(app, query, name(chain, &filter), ANYBODY)?;
    let after = paging.after(|bytes| bytes.try_into().map(u64::from_be_bytes).ok())?;
    let Page { rows, next } = whole_page(app, chain, &filter, (after.unwrap_or(0), paging.limit)).await?;
    let next_cursor = next.map(|next| paging.cursor(next.to_be_bytes()));
    Ok(Json(AuditEntryList {
        items: rows.iter().map(|row| row.entry(chain)).collect(),
        next_cursor,
    }))
}

/// A page that is full or the last (`api.md` §1.8), looked for bit by bit, so that others may read in between.
async fn whole_page(
    app: &App,
    chain: Option<Uuid>,
    filter: &Filter,
    (after, limit): (u64, u32),
) -> Result<Page, Error> {
    let (mut rows, mut after, mut left) = (Vec::new(), after, limit);
    loop {
        let most = Most {
            rows: left,
            looked_at: LOOKED_AT,
        };
        let filter = filter.clone();
        let read = async move |tx: &mut Tx| audit::page(tx, chain, &filter, after, most).await;
        let found = app.db.read(read).await?;
        left = left.saturating_sub(u32::try_from(found.rows.len()).unwrap_or(left));
        rows.extend(found.rows);
        match found.next {
            Some(next) if left > 0 => after = next,
            next => return Ok(Page { rows, next }),
        }
    }
}

/// What a cursor holds for: one chain and one set of filters.
fn name(chain: Option<Uuid>, filter: &Filter) -> [String; 10] {
    let text = |text: &Option<String>| paging::filter(text.as_ref().map(|text| format!("={text}")));
    let time = |time: Option<Timestamp>| paging::filter(time.map(Timestamp::as_nanosecond));
    [
        "audit".to_owned(),
        chain.unwrap_or(Uuid::nil()).to_string(),
        paging::filter(
            filter
                .subject
                .map(|subject| data_encoding::HEXLOWER.encode(&subject)),
        ),
        text(&filter.relation),
        text(&filter.object_type),
        text(&filter.object_id),
        paging::filter(filter.reason.map(AuditReason::as_str)),
        time(filter.from),
        time(filter.to),
        text(&filter.correlation_id),
    ]
}
