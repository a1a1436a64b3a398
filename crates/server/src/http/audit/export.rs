//! `GET …/audit/export`: a segment of a chain as lines of JSON, each an entry with its proof, for whoever verifies
//! elsewhere (`docs/audit.md`).
//!
//! The lines are read batch by batch while they go out, so a chain of any length needs the memory of one batch.

use super::place_in;
use crate::app::App;
use crate::authorize::{self, Watch};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{Query, path_id};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use plex_api::codes;
use plex_domain::relation::Permission;
use plex_store::{Tx, audit};
use uuid::Uuid;

/// Entries in memory at once.
const BATCH: u32 = 200;

/// Export a domain's audit chain
///
/// One line for each entry, each an `AuditEntryProof`, in the chain's order; up to what is its end when the export
/// begins. No lines where there are no entries.
#[utoipa::path(
    get,
    path = "/v1/domains/{domain_id}/audit/export",
    operation_id = "ExportAuditChain",
    tag = "audit",
    params(
        ("domain_id" = Uuid, Path, description = "The domain"),
        ("from_seq" = Option<i64>, Query, minimum = 1, description = "The first entry; the chain's when absent"),
        ("to_seq" = Option<i64>, Query, minimum = 1, description = "The last entry; the chain's when absent"),
    ),
    responses((status = 200, description = "Lines of JSON", body = String, content_type = "application/x-ndjson"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn export(
    State(app): State<App>,
    principal: Principal,
    Path(domain_id): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    let id = path_id(&domain_id, codes::INVALID_DOMAIN_ID)?;
    let segment = segment(&query)?;
    authorize::domain(&app, &principal, Permission::ReadAudit, id)?;
    answer(app, principal, Some(id), segment).await
}

/// Export the platform's audit chain
///
/// As a domain's.
#[utoipa::path(
    get,
    path = "/v1/platform/audit/export",
    operation_id = "ExportPlatformAuditChain",
    tag = "audit",
    params(
        ("from_seq" = Option<i64>, Query, minimum = 1, description = "The first entry; the chain's when absent"),
        ("to_seq" = Option<i64>, Query, minimum = 1, description = "The last entry; the chain's when absent"),
    ),
    responses((status = 200, description = "Lines of JSON", body = String, content_type = "application/x-ndjson"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn export_platform(
    State(app): State<App>,
    principal: Principal,
    query: Query,
) -> Result<Response, Failure> {
    let segment = segment(&query)?;
    authorize::platform(&app, &principal, Permission::ReadAudit)?;
    answer(app, principal, None, segment).await
}

fn segment(query: &Query) -> Result<(u64, Option<u64>), Failure> {
    let from = place_in(query, "from_seq")?.unwrap_or(1);
    let to = place_in(query, "to_seq")?;
    if to.is_some_and(|to| to < from) {
        return Err(Failure::bad_request(
            codes::INVALID_QUERY,
            "to_seq is before from_seq",
        ));
    }
    Ok((from, to))
}

async fn answer(
    app: App,
    principal: Principal,
    chain: Option<Uuid>,
    (from, to): (u64, Option<u64>),
) -> Result<Response, Failure> {
    let watch = Watch::new(principal);
    let end = app
        .db
        .read(async move |tx| audit::last_seq(tx, chain).await)
        .await?;
    let to = to.map_or(end, |to| to.min(end));
    // The first batch is read before anything is answered, so that what fails at once is a problem document.
    let first = batch(&app, chain, (from, to)).await?;
    let lines = stream::try_unfold((watch, Some(first)), move |(mut watch, state)| {
        let app = app.clone();
        async move {
            let Some((text, next)) = state else {
                return Ok(None);
            };
            watch.check(&app).await.map_err(BrokenOff)?;
            let rest = match next {
                Some(next) => Some(batch(&app, chain, (next, to)).await.map_err(BrokenOff)?),
                None => None,
            };
            Ok::<_, BrokenOff>(Some((text, (watch, rest))))
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The lines of a batch, and where the next one begins.
async fn batch(
    app: &App,
    chain: Option<Uuid>,
    (from, to): (u64, u64),
) -> Result<(Bytes, Option<u64>), Failure> {
    let read = async move |tx: &mut Tx| audit::range(tx, chain, (from, to), BATCH).await;
    let rows = app.db.read(read).await?;
    let mut text = Vec::new();
    for row in &rows {
        serde_json::to_writer(&mut text, &row.proof(chain)).map_err(Failure::internal)?;
        text.push(b'\n');
    }
    let last = rows.last().filter(|_| rows.len() == BATCH as usize);
    let next = last
        .and_then(|row| u64::try_from(row.seq).ok())
        .map(|seq| seq + 1);
    Ok((Bytes::from(text), next.filter(|next| *next <= to)))
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokenOff(Failure);
