//! `POST …/audit/verify`: whether a chain is what it was, and if not, where it first diverges.
//!
//! The walk reads batch by batch and holds no snapshot between two, so it may take as long as the chain is long. A
//! caller that goes away ends it.

use crate::app::App;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, parse_json, path_id, read_body};
use axum::Json;
use axum::body::HttpBody as _;
use axum::extract::{Path, Request, State};
use plex_api::audit::{AuditChainVerifyRequest, AuditChainVerifyResult};
use plex_api::codes;
use plex_domain::relation::Permission;
use plex_store::audit::{Begun, Outcome, Verification};
use plex_store::{Error, Tx};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Entries in one read: a few milliseconds' work.
const BATCH: u32 = 500;
/// Walks at once; they are work for the processor, and others want to read, too.
static WALKS: Semaphore = Semaphore::const_new(2);

/// Verify a domain's audit chain
///
/// Walks the chain, or the part that is asked for, and names the first entry that is not what it was. That is an
/// answer: `200` with `ok: false`.
#[utoipa::path(
    post,
    path = "/v1/domains/{domain_id}/audit/verify",
    operation_id = "VerifyAuditChain",
    tag = "audit",
    params(("domain_id" = Uuid, Path, description = "The domain")),
    request_body(content = Option<AuditChainVerifyRequest>, description = "May be absent: the whole chain"),
    responses((status = 200, description = "How it went", body = AuditChainVerifyResult), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn verify(
    State(app): State<App>,
    principal: Principal,
    Path(domain_id): Path<String>,
    request: Request,
) -> Result<Json<AuditChainVerifyResult>, Failure> {
    let id = path_id(&domain_id, codes::INVALID_DOMAIN_ID)?;
    authorize::domain(&app, &principal, Permission::ReadAudit, id)?;
    walk(&app, Some(id), segment(request).await?).await
}

/// Verify the platform's audit chain
///
/// As a domain's.
#[utoipa::path(
    post,
    path = "/v1/platform/audit/verify",
    operation_id = "VerifyPlatformAuditChain",
    tag = "audit",
    request_body(content = Option<AuditChainVerifyRequest>, description = "May be absent: the whole chain"),
    responses((status = 200, description = "How it went", body = AuditChainVerifyResult), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn verify_platform(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<Json<AuditChainVerifyResult>, Failure> {
    authorize::platform(&app, &principal, Permission::ReadAudit)?;
    walk(&app, None, segment(request).await?).await
}

/// Which part is asked for. The body may be absent altogether.
async fn segment(request: Request) -> Result<(u64, Option<u64>), Failure> {
    let asked = if request.body().is_end_stream() {
        AuditChainVerifyRequest::default()
    } else {
        let body = read_body(request, PLAIN_BODY).await?;
        match body.trim_ascii() {
            b"" | b"null" => AuditChainVerifyRequest::default(),
            text => parse_json(text, codes::INVALID_BODY)?,
        }
    };
    let invalid = |detail: &'static str| Failure::bad_request(codes::INVALID_BODY, detail);
    let from = asked.from_seq.unwrap_or(1);
    let is_place = |seq: u64| seq >= 1 && i64::try_from(seq).is_ok();
    if !is_place(from) || asked.to_seq.is_some_and(|to| !is_place(to)) {
        return Err(invalid("entries are numbered from 1"));
    }
    if asked.to_seq.is_some_and(|to| to < from) {
        return Err(invalid("to_seq is before from_seq"));
    }
    Ok((from, asked.to_seq))
}

async fn walk(
    app: &App,
    chain: Option<Uuid>,
    segment: (u64, Option<u64>),
) -> Result<Json<AuditChainVerifyResult>, Failure> {
    let _turn = WALKS.acquire().await.map_err(Failure::internal)?;
    let key = app.keys.pseudonyms;
    let begin = async move |tx: &mut Tx| Verification::begin(tx, &key, chain, segment).await;
    let mut walking = match app.db.read(begin).await? {
        Begun::Walking(walking) => walking,
        Begun::BeyondTheEnd(end) => {
            let detail = format!("from_seq is after the chain's end, which is entry {end}");
            return Err(Failure::bad_request(codes::INVALID_BODY, detail));
        }
    };
    loop {
        let step = async move |tx: &mut Tx| Ok::<_, Error>((walking.go_on(tx, BATCH).await?, walking));
        let (outcome, rest) = app.db.read(step).await?;
        walking = rest;
        if let Some(outcome) = outcome {
            log(chain, &outcome);
            return Ok(Json(answer(&outcome)));
        }
    }
}

fn log(chain: Option<Uuid>, outcome: &Outcome) {
    if let Some(divergence) = &outcome.divergence {
        tracing::error!(
            audit.chain = %chain.unwrap_or(Uuid::nil()),
            audit.seq = divergence.seq,
            "an audit chain is not what it was"
        );
    }
}

fn answer(outcome: &Outcome) -> AuditChainVerifyResult {
    let hex = |hash: [u8; 32]| data_encoding::HEXLOWER.encode(&hash);
    let divergence = outcome.divergence.as_ref();
    AuditChainVerifyResult {
        ok: divergence.is_none(),
        divergent_seq: divergence.map(|divergence| divergence.seq),
        expected_hash: divergence.and_then(|divergence| divergence.expected).map(hex),
        observed_hash: divergence.and_then(|divergence| divergence.observed).map(hex),
        finding: divergence.map(|divergence| divergence.finding),
        segment_from: outcome.from,
        segment_to: outcome.to,
        segment_hash: outcome.hash.map(hex),
    }
}
