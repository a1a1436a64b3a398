//! `POST /v1/register`: a machine becomes a node (`api.md` §8, decisions 22 to 25).
//!
//! The bootstrap token in the body is the credential. All that happens commits together or not at all, so
//! that every refusal leaves the token as it was.

use crate::app::App;
use crate::http::labels::resolve_or_define;
use crate::problem::{Failure, Problems};
use crate::request::{BodyRules, Context, json};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use plex_api::audit::AuditReason;
use plex_api::bootstrap_tokens::{BootstrapTokenMetadata, NodeKind, RegisterRequest, RegisterResponse};
use plex_api::codes;
use plex_api::limits::TEXT_BYTES;
use plex_domain::credential;
use plex_store::audit::{self, Record};
use plex_store::labels::definitions::CreateError;
use plex_store::labels::{self, AssignedBy, Object};
use plex_store::nodes::{self, Member, NewNode, NoAddress};
use plex_store::{Tx, bootstrap_tokens};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use tokio::time::Instant;
use uuid::Uuid;

/// Room for four strings of 4096 bytes with their escapes.
const BODY: BodyRules = BodyRules {
    ceiling: 64 * 1024,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::INVALID_BODY,
};
/// Longest name of a node, in characters.
const NAME_CHARS: usize = 253;

/// Register a node
///
/// The node's secret key is in this answer and nowhere else. The token counts as used only when the answer
/// is 201.
#[utoipa::path(
    post,
    path = "/v1/register",
    operation_id = "PostRegister",
    tag = "nodes",
    request_body = RegisterRequest,
    responses((status = 201, description = "Registered", body = RegisterResponse), Problems),
    security(()),
)]
pub async fn register(
    State(app): State<App>,
    context: Context,
    request: Request,
) -> Result<(StatusCode, Json<RegisterResponse>), Failure> {
    let wanted: RegisterRequest = json(request, BODY).await?;
    let applicant = Applicant::read(&app, wanted, context)?;
    require_promising(&app, &applicant).await?;
    let shared = app.clone();
    let admitted: Result<_, Refused> = app
        .db
        .write(async move |tx| Ok(admit(tx, &shared, &applicant).await?))
        .await;
    let answer = admitted.map_err(|Refused(failure)| failure)?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Turns away, before it waits for the one writer, who has no token that could be redeemed: a failed authentication
/// like any other (decision 30). The transaction asks again.
async fn require_promising(app: &App, applicant: &Applicant) -> Result<(), Failure> {
    let hash = applicant.token_hash;
    let found = app
        .db
        .look_up(move |tx| async move { bootstrap_tokens::find_by_hash(tx, &hash).await }.boxed())
        .await?;
    let refusal = match found {
        Some(token) => require_redeemable(&token, applicant, app.clock.now()).err(),
        None => Some(unknown_token()),
    };
    let Some(refusal) = refusal else { return Ok(()) };
    let counted = app.throttle.fail(applicant.context.ip, Instant::now());
    Err(counted.map_or_else(
        |seconds| {
            let detail = "too many requests from this address came without a credential that holds";
            Failure::rate_limited(seconds, detail)
        },
        |()| refusal,
    ))
}

/// A refusal, with the contract's own code for a queue of registrations that is too long.
#[derive(Debug)]
struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<plex_store::Error> for Refused {
    fn from(error: plex_store::Error) -> Self {
        Self(match error {
            plex_store::Error::Busy => Failure::unavailable(
                codes::ALLOCATOR_CONTENTION,
                "too many registrations wait for an address; try again",
            ),
            other => other.into(),
        })
    }
}

/// A request that is in order by itself; whether its token is good, the database says.
#[derive(Clone)]
struct Applicant {
    project_id: Uuid,
    name: String,
    public_key: String,
    nonce: [u8; 32],
    token_hash: [u8; 32],
    context: Context,
}

impl Applicant {
    fn read(app: &App, wanted: RegisterRequest, context: Context) -> Result<Self, Failure> {
        if !is_public_key(&wanted.public_key) {
            let detail = "public_key is not a 32-byte X25519 key in base64";
            return Err(Failure::bad_request(codes::PUBLIC_KEY_INVALID, detail));
        }
        let violated = |detail: &'static str| Failure::unprocessable(codes::INVARIANT_VIOLATION, detail);
        if wanted.project_id.is_nil() {
            return Err(violated("project_id is nil"));
        }
        let fits = |text: &str| (1..=TEXT_BYTES).contains(&text.len());
        if !fits(&wanted.resource_handle) || !fits(&wanted.bootstrap_token) || !fits(&wanted.nonce) {
            return Err(violated(
                "resource_handle, bootstrap_token and nonce take 1 to 4096 bytes",
            ));
        }
        let asked = wanted.requested_resource_id.filter(|name| !name.is_empty());
        let name = asked.unwrap_or(wanted.resource_handle);
        if !is_name(&name) {
            return Err(violated(
                "a node's name takes 1 to 253 characters, none of them a control character",
            ));
        }
        if credential::parse_bootstrap(&wanted.bootstrap_token).is_none() {
            return Err(unknown_token());
        }
        Ok(Self {
            project_id: wanted.project_id,
            name,
            public_key: wanted.public_key,
            nonce: digest(&SHA256, wanted.nonce.as_bytes())
                .as_ref()
                .try_into()
                .expect("SHA-256 has 32 bytes"),
            token_hash: credential::hash(&app.keys.bootstrap_tokens, wanted.bootstrap_token.as_bytes()),
            context,
        })
    }
}

fn is_public_key(text: &str) -> bool {
    STANDARD
        .decode(text)
        .is_ok_and(|key| key.len() == 32 && key.iter().any(|byte| *byte != 0))
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= NAME_CHARS && !name.contains(char::is_control)
}

fn unknown_token() -> Failure {
    let detail = "bootstrap_token is not a token of this control plane; ask an admin for a new one";
    Failure::unprocessable(codes::BOOTSTRAP_TOKEN_INVALID, detail)
}

async fn admit(tx: &mut Tx, app: &App, applicant: &Applicant) -> Result<RegisterResponse, Failure> {
    let found = bootstrap_tokens::find_by_hash(tx, &applicant.token_hash).await?;
    let token = found.ok_or_else(unknown_token)?;
    require_redeemable(&token, applicant, tx.now())?;
    if !nodes::note_nonce(tx, token.project_id, &applicant.nonce).await? {
        return Err(Failure::forbidden(
            codes::NONCE_COLLISION,
            "this nonce was used before; draw another",
        ));
    }
    let member = nodes::join(tx, token.project_id).await?.map_err(no_address)?;
    let mut key = [0; 32];
    tx.rng().fill(&mut key);
    let node = NewNode {
        project_id: token.project_id,
        name: &applicant.name,
        kind: token.kind,
        public_key: &applicant.public_key,
        key_hash: credential::hash(&app.keys.node_keys, &key),
        bootstrap_token_id: token.id,
    };
    let node_id = nodes::register(tx, &node, &member).await?;
    let record = record(&token, (node_id, member.domain_id), &applicant.context);
    label(tx, node_id, &token, (&app.keys.pseudonyms, &record)).await?;
    if !bootstrap_tokens::spend(tx, token.id).await? {
        return Err(Failure::internal("a redeemable bootstrap token had no use left"));
    }
    audit::append(tx, &app.keys.pseudonyms, record).await?;
    Ok(answer(node_id, member, &key))
}

fn no_address(none: NoAddress) -> Failure {
    match none {
        NoAddress::Pool => Failure::unavailable(
            codes::POOL_EXHAUSTED,
            "the domain's mesh pool has no free address left",
        ),
        NoAddress::SubRange => Failure::unavailable(
            codes::SUBRANGE_EXHAUSTED,
            "the project's reservation has no free address left",
        ),
    }
}

fn require_redeemable(
    token: &BootstrapTokenMetadata,
    applicant: &Applicant,
    now: Timestamp,
) -> Result<(), Failure> {
    let refused = |code, detail: &'static str| Err(Failure::forbidden(code, detail));
    if token.project_id != applicant.project_id {
        return refused(
            codes::PROJECT_MISMATCH,
            "the bootstrap token is for another project",
        );
    }
    if token.kind != NodeKind::Node {
        return refused(codes::KIND_MISMATCH, "the bootstrap token is not for nodes");
    }
    if token.revoked_at.is_some() {
        return refused(codes::TOKEN_REVOKED, "the bootstrap token was revoked");
    }
    if token.consumed_at.is_some() {
        return refused(codes::TOKEN_CONSUMED, "the bootstrap token has been used up");
    }
    if token.expires_at <= now {
        return refused(codes::TOKEN_EXPIRED, "the bootstrap token has expired");
    }
    Ok(())
}

async fn label(
    tx: &mut Tx,
    node_id: Uuid,
    token: &BootstrapTokenMetadata,
    told: (&[u8; 32], &Record),
) -> Result<(), Failure> {
    for (key, value) in &token.labels {
        let key = (token.project_id, key.as_str());
        let definition = resolve_or_define(tx, key, AssignedBy::System, told).await;
        let definition = definition.map_err(undefined)?;
        let value = value.as_str().into();
        labels::assign(tx, Object::node(node_id), &definition, &value, AssignedBy::System)
            .await?
            .map_err(|_| {
                let detail =
                    "a label of the bootstrap token no longer satisfies its definition; issue a new token";
                Failure::unprocessable(codes::INVARIANT_VIOLATION, detail)
            })?;
    }
    Ok(())
}

fn undefined(error: CreateError) -> Failure {
    match error {
        CreateError::Full => Failure::unprocessable(
            codes::INVARIANT_VIOLATION,
            "the project has no room for the definition of a label of the bootstrap token",
        ),
        CreateError::Store(error) => error.into(),
        CreateError::ScopeMissing | CreateError::KeyTaken => {
            Failure::internal("a project without this key refused a definition of it")
        }
    }
}

fn record(token: &BootstrapTokenMetadata, (node_id, domain_id): (Uuid, Uuid), context: &Context) -> Record {
    Record {
        domain_id: Some(domain_id),
        reason: AuditReason::Granted,
        identity: format!("bootstrap-token:{}", token.id),
        relation: "register".to_owned(),
        object_type: "node".to_owned(),
        object_id: node_id.to_string(),
        correlation_id: context.correlation_id.clone(),
        ip: context.ip.map(|ip| ip.to_string()),
        user_agent: context.user_agent.clone(),
        caveats: BTreeMap::new(),
        count: 1,
        details: None,
    }
}

fn answer(node_id: Uuid, member: Member, key: &[u8; 32]) -> RegisterResponse {
    RegisterResponse {
        node_id,
        mesh_ip: member.mesh_ip.to_string(),
        signing_public_key: STANDARD.encode(member.signing_public_key),
        signing_key_id: member.signing_key_id,
        nsk: STANDARD.encode(key),
        peer_snapshot: Vec::new(),
        domain_mesh_cidr: member.mesh_cidr.to_string(),
    }
}

#[cfg(test)]
mod tests;
