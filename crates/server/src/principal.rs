//! Authentication: which operator or which node is calling.
//!
//! A handler that acts for somebody takes [`Principal`], [`Claim`], [`Node`] or [`Reporter`] as an argument, so none
//! can forget it.

mod claim;
mod reporter;

pub use claim::{Callers, Claim};
pub use reporter::{Remembered, Reporter};

use crate::app::App;
use crate::authorize::Decided;
use crate::cookies;
use crate::http;
use crate::problem::Failure;
use crate::request::{Context, parse_id, text_header};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;
use futures_util::FutureExt as _;
use plex_api::codes;
use plex_api::problem::DenialReason;
use plex_api::tokens::PrincipalType;
use plex_domain::credential;
use plex_domain::relation::{ObjectRef, caveat};
use plex_store::assurance::Assurance;
use plex_store::nodes::Standing;
use plex_store::tokens::{Caller, Presented};
use plex_store::{Tx, nodes, principals, sessions, tokens};
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// An operator: a person or a service that came with an API token, or with a browser's session.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The identity's id.
    pub id: Uuid,
    /// Person or service.
    pub kind: PrincipalType,
    /// What it came with.
    pub credential: Credential,
    /// From the identity provider, if any.
    pub email: Option<String>,
    /// How it proved who it is, as far as its credential says: the assurance class.
    pub acr: Option<String>,
    /// And the methods, for example `pwd`, `mfa`.
    pub amr: Vec<String>,
    /// What was allowed to it in the course of this request.
    pub decided: Arc<Decided>,
    /// The request, for the audit chain and for conditions.
    pub context: Context,
}

/// How an operator proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// By an API token.
    Token {
        /// Its id.
        id: Uuid,
        /// Which of its secrets.
        secret: PresentedKey,
    },
    /// By a browser's session, of this id.
    Session(Uuid),
}

impl Credential {
    /// The id of the token or the session.
    pub fn id(self) -> Uuid {
        match self {
            Self::Token { id, .. } | Self::Session(id) => id,
        }
    }

    /// How it stands now, with the revision of the relations at which it does; `None` when it has ended.
    pub async fn standing(self, tx: &mut Tx) -> Result<(u64, Option<tokens::Standing>), plex_store::Error> {
        match self {
            Self::Token { id, secret } => tokens::standing(tx, id, &secret.0).await,
            Self::Session(id) => sessions::standing(tx, id).await,
        }
    }

    /// Requires, in the transaction of something that gives out a new credential, that this one is not on its way
    /// out: an old secret that leaked ends with its grace and leaves nothing behind.
    pub async fn require_current(self, tx: &mut Tx) -> Result<tokens::Standing, Failure> {
        let (_, standing) = self.standing(tx).await?;
        let standing = standing.filter(|standing| standing.is_current);
        standing.ok_or_else(|| {
            let detail =
                "this secret was replaced, and no longer brings forth another; come with the new one";
            Failure::unauthorized(codes::UNAUTHENTICATED, detail)
        })
    }
}

impl Principal {
    /// `user:<uuid>` or `service-identity:<uuid>`: the subject of relation tuples.
    pub fn subject(&self) -> String {
        self.object().to_string()
    }

    /// The same as an object.
    pub fn object(&self) -> ObjectRef {
        principals::subject(self.kind, self.id)
    }

    /// What conditions on relations ask about this request.
    pub fn request(&self, app: &App) -> caveat::Request {
        caveat::Request {
            now: app.clock.now(),
            ip: self.context.ip,
            acr: self.acr.clone(),
            amr: (!self.amr.is_empty()).then(|| self.amr.clone()),
            ..caveat::Request::default()
        }
    }

    /// How it proved who it is.
    pub fn assurance(&self) -> Assurance {
        Assurance {
            acr: self.acr.clone(),
            amr: self.amr.clone(),
        }
    }
}

impl FromRequestParts<App> for Principal {
    type Rejection = Failure;

    /// By bearer or, where there is none, by cookie; a change by cookie must show that it comes from our own pages.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(parts, &app.trusted_proxies);
        let caller = find(&parts.headers, app).await?.ok_or_else(|| {
            let detail = "send a valid API token as Authorization: Bearer psk_…";
            refused(app, &context, codes::UNAUTHENTICATED, detail)
        })?;
        app.rates
            .take(caller.principal_id, Instant::now())
            .map_err(|seconds| {
                Failure::rate_limited(
                    seconds,
                    "you ask for more than this server's --rate-limit-per-principal allows",
                )
            })?;
        app.authority
            .catch_up(&app.db, caller.revision)
            .await
            .map_err(Failure::undecided)?;
        let credential = match caller.presented {
            Presented::Token {
                id,
                hash,
                last_used_at,
            } => {
                app.token_uses.note(id, last_used_at, app.clock.now());
                Credential::Token {
                    id,
                    secret: PresentedKey(hash),
                }
            }
            Presented::Session { id, csrf_hash } => {
                app.origins.check(parts, &app.keys.csrf, &csrf_hash)?;
                Credential::Session(id)
            }
        };
        Ok(Self {
            id: caller.principal_id,
            kind: caller.kind,
            credential,
            email: caller.email,
            acr: caller.assurance.acr,
            amr: caller.assurance.amr,
            decided: Arc::new(Decided::at(app.authority.revision())),
            context,
        })
    }
}

/// Whose credential these headers bring, if it holds. Nothing is counted and nobody is told to wait.
///
/// # Errors
/// When the database cannot say.
pub async fn find(headers: &HeaderMap, app: &App) -> Result<Option<Caller>, Failure> {
    if headers.contains_key(header::AUTHORIZATION) {
        by_token(headers, app).await
    } else {
        by_session(headers, app).await
    }
}

async fn by_token(headers: &HeaderMap, app: &App) -> Result<Option<Caller>, Failure> {
    let Some(hash) = presented_token(headers, app) else {
        return Ok(None);
    };
    Ok(app
        .db
        .look_up(move |tx| async move { tokens::authenticate(tx, &hash).await }.boxed())
        .await?)
}

/// The keyed hash of the API token that these headers bring.
fn presented_token(headers: &HeaderMap, app: &App) -> Option<[u8; 32]> {
    let token = bearer(headers).filter(|token| credential::ApiToken::looks_like_api_token(token))?;
    Some(credential::hash(&app.keys.api_tokens, token.as_bytes()))
}

async fn by_session(headers: &HeaderMap, app: &App) -> Result<Option<Caller>, Failure> {
    let cookie = cookies::SESSION
        .read(headers)
        .filter(|cookie| credential::looks_opaque(cookie));
    let Some(cookie) = cookie else { return Ok(None) };
    let hash = credential::hash(&app.keys.sessions, cookie.as_bytes());
    Ok(app
        .db
        .look_up(move |tx| async move { sessions::authenticate(tx, &hash).await }.boxed())
        .await?)
}

/// A node that came with its secret key, on its own path.
#[derive(Debug, Clone)]
pub struct Node {
    /// The node's id.
    pub id: Uuid,
    /// Its project.
    pub project_id: Uuid,
    /// Its domain.
    pub domain_id: Uuid,
    /// Which key it came with.
    pub key: PresentedKey,
    /// The request, for the audit chain.
    pub context: Context,
}

/// The keyed hash of a secret that somebody came with; it does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedKey(pub [u8; 32]);

impl std::fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedKey")
    }
}

impl FromRequestParts<App> for Node {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let claim = NodeClaim::of(parts, app)?;
        let (node, standing) = claim.look_up(app).await?;
        require_own_path(parts, node.id)?;
        if standing == Standing::Next {
            http::nodes::key::promote(app, &node).await?;
        }
        Ok(node)
    }
}

/// A node's id and a key that came with a request, before anybody said that they belong together.
struct NodeClaim {
    id: Uuid,
    key: PresentedKey,
    context: Context,
}

impl NodeClaim {
    fn of(parts: &Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(parts, &app.trusted_proxies);
        let credential = bearer(&parts.headers)
            .and_then(credential::parse_node)
            .ok_or_else(|| {
                let detail = "send the node's key as Authorization: Bearer nsk_<env>_<payload>";
                refused(app, &context, malformed_key_code(parts.uri.path()), detail)
            })?;
        Ok(Self {
            id: credential.node_id,
            key: PresentedKey(credential::hash(&app.keys.node_keys, &credential.key)),
            context,
        })
    }

    /// Whose key it is, and which, if it holds.
    async fn look_up(self, app: &App) -> Result<(Node, Standing), Failure> {
        let id = self.id;
        let found = app
            .db
            .look_up(move |tx| nodes::authenticate(tx, id).boxed())
            .await?;
        let now = app.clock.now();
        let known = found.map(|node| (node.keys.standing(&self.key.0, now), node));
        let known = known.filter(|(standing, _)| *standing != Standing::Unknown);
        let (standing, node) = known.ok_or_else(|| {
            let detail = "this node key is not known; register the node anew";
            refused(app, &self.context, codes::NSK_INVALID, detail)
        })?;
        if node.keys.revoked_at.is_some() {
            let detail = "this node's key was revoked";
            return Err(refused(app, &self.context, codes::NSK_REVOKED, detail));
        }
        Ok((self.into_node(node.project_id, node.domain_id), standing))
    }

    fn into_node(self, project_id: Uuid, domain_id: Uuid) -> Node {
        Node {
            id: self.id,
            project_id,
            domain_id,
            key: self.key,
            context: self.context,
        }
    }
}

/// A failed authentication: 401, or 429 for a source that has failed too often (decision 30). The log has those
/// within the limit, so that nobody can flood it.
fn refused(app: &App, context: &Context, code: &'static str, detail: &'static str) -> Failure {
    match app.throttle.fail(context.ip, Instant::now()) {
        Ok(()) => {
            let ip = context.ip.map(tracing::field::display);
            tracing::info!(
                client.ip = ip,
                correlation.id = context.correlation_id,
                "no credential that holds: {code}"
            );
            Failure::unauthorized(code, detail)
        }
        Err(seconds) => {
            app.metrics.throttled.increment();
            Failure::rate_limited(
                seconds,
                "too many requests from this address came without a credential that holds",
            )
        }
    }
}

/// The two pulling operations have a code of their own for a missing key (`api.md` §7.1).
fn malformed_key_code(path: &str) -> &'static str {
    if path.ends_with("/events") || path.ends_with("/state") {
        codes::NSK_INVALID
    } else {
        codes::UNAUTHORIZED
    }
}

/// A node's key opens its own path only; decided before any look-up by path (decision 22).
fn require_own_path(parts: &Parts, id: Uuid) -> Result<(), Failure> {
    let path = parts.uri.path().strip_prefix("/v1/nodes/").unwrap_or("");
    let (segment, rest) = path.split_once('/').unwrap_or((path, ""));
    let addressed = parse_id(segment)
        .ok_or_else(|| Failure::bad_request(codes::INVALID_ID, "the node id in the path is not a UUID"))?;
    if addressed == id {
        return Ok(());
    }
    let code = if rest.starts_with("executions/") {
        codes::NSK_NODE_MISMATCH
    } else {
        codes::NODE_ID_MISMATCH
    };
    let detail = "the node key belongs to another node than the path names";
    Err(Failure::denied(
        code,
        DenialReason::OutOfScope,
        Vec::new(),
        detail,
    ))
}

/// The credential of the one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (all.next(), all.next());
    if first.is_none() || second.is_some() {
        return None;
    }
    let (scheme, token) = text_header(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
