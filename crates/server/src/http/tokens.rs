//! `/v1/auth/whoami` and `/v1/auth/tokens`: who one is, and the API tokens by which one says so.

pub mod rotate;

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, json, parse_id, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::codes;
use plex_api::tokens::{
    APITokenIssueRequest, APITokenIssueResponse, APITokenSummary, PrincipalScope, PrincipalType, Whoami,
};
use plex_domain::credential::{self, ApiToken};
use plex_domain::relation::{ObjectKind, ObjectRef};
use plex_store::assurance::Assurance;
use plex_store::tokens::{self, NewToken, Origin};
use plex_store::{Tx, erasure, principals};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How long a token lives when nobody says so: 90 days.
const TTL_SECONDS: u32 = 90 * 24 * 60 * 60;
/// The longest life: 365 days.
const MAX_TTL_SECONDS: u32 = 31_536_000;

/// Tell who the caller is
#[utoipa::path(
    get,
    path = "/v1/auth/whoami",
    operation_id = "GetAuthWhoami",
    tag = "auth",
    responses((status = 200, description = "The caller", body = Whoami), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn whoami(State(app): State<App>, principal: Principal) -> Result<Json<Whoami>, Failure> {
    let bound = app
        .authority
        .bindings(&principal.object(), None)
        .map_err(authorize::too_large)?;
    let domains: BTreeSet<Uuid> = bound
        .iter()
        .filter(|object| object.kind != ObjectKind::Group)
        .filter_map(|object| app.authority.domain_of(object)?.id)
        .collect();
    let is_platform = bound.contains(&ObjectRef::PLATFORM);
    let principal_scope = match (is_platform, domains.is_empty()) {
        (true, _) => Some(PrincipalScope::Platform),
        (false, false) => Some(PrincipalScope::Domain),
        (false, true) => None,
    };
    Ok(Json(Whoami {
        principal_type: principal.kind,
        principal_scope,
        subject: principal.id.to_string(),
        domain_id: domains
            .first()
            .copied()
            .filter(|_| domains.len() == 1 && !is_platform),
        email: principal.email,
        acr: principal.acr,
        amr: principal.amr,
    }))
}

/// Issue an API token
///
/// The secret is in this answer and nowhere else. A token for another identity needs admin over every scope
/// that identity holds, and ends when the identity gains what its issuer is not admin over. A token of one's own,
/// issued by a login, lives no longer than the login. An identity has 200 living tokens at most.
#[utoipa::path(
    post,
    path = "/v1/auth/tokens",
    operation_id = "PostAuthTokens",
    tag = "auth",
    request_body = APITokenIssueRequest,
    responses((status = 201, description = "Issued", body = APITokenIssueResponse), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn issue(
    State(app): State<App>,
    principal: Principal,
    request: Request,
) -> Result<(StatusCode, Json<APITokenIssueResponse>), Failure> {
    let wanted: APITokenIssueRequest = json(request, PLAIN_BODY).await?;
    let (kind, id) = identity(&wanted.identity_ref)?;
    let ttl_seconds = wanted.ttl_seconds.unwrap_or(TTL_SECONDS);
    if !(1..=MAX_TTL_SECONDS).contains(&ttl_seconds) {
        return Err(Failure::bad_request(
            codes::INVALID_BODY,
            "ttl_seconds takes 1 to 31536000",
        ));
    }
    let plaintext = ApiToken::mint(wanted.env_prefix, &*app.rng);
    let hash = credential::hash(&app.keys.api_tokens, plaintext.as_bytes());
    let whom = principals::subject(kind, id);
    let is_own = whom == principal.object();
    if !is_own {
        authorize::identity(&app, &principal, &whom)?;
    }
    let env = wanted.env_prefix;
    let by = principal.clone();
    let work = async move |tx: &mut Tx| {
        if principals::ensure(tx, kind, id).await? != kind {
            let detail = "identity_ref names an identity of the other kind";
            return Err(Failure::bad_request(codes::INVALID_BODY, detail));
        }
        if erasure::is_erased(tx, id).await? {
            let detail = "identity_ref names an identity that was erased";
            return Err(Failure::bad_request(codes::INVALID_BODY, detail));
        }
        let credential = by.credential.require_current(tx).await?;
        if tokens::living(tx, id).await? >= tokens::MOST {
            let detail = "the identity has 200 tokens that hold; revoke one that is no longer used";
            return Err(Failure::rate_limited(60, detail));
        }
        // Else a login would make itself longer by way of its own tokens.
        let is_of_login = is_own && credential.is_login;
        let new = NewToken {
            principal_id: id,
            env,
            hash,
            ttl_seconds,
            not_after: is_of_login.then_some(credential.expires_at),
            issued_by: credential.issued_by,
            origin: if is_of_login {
                Origin::Login(Assurance::default())
            } else {
                Origin::Issued
            },
        };
        let issued = tokens::issue(tx, &new).await?;
        let entry = Entry::of(None, "issue_token", &whom).about(format!("api-token:{}", issued.id));
        Ok((issued, [entry]))
    };
    let issued = authorize::change(&app, &principal, work).await?;
    let answer = APITokenIssueResponse {
        id: issued.id,
        plaintext,
        env_prefix: env,
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn identity(text: &str) -> Result<(PrincipalType, Uuid), Failure> {
    let read = || {
        let (kind, id) = text.split_once(':')?;
        let kind = match kind {
            "user" => PrincipalType::User,
            "service" => PrincipalType::Service,
            _ => return None,
        };
        Some((kind, parse_id(id)?))
    };
    read().ok_or_else(|| {
        Failure::bad_request(
            codes::INVALID_BODY,
            "identity_ref takes user:<uuid> or service:<uuid>",
        )
    })
}

/// List the caller's API tokens
#[utoipa::path(
    get,
    path = "/v1/auth/tokens",
    operation_id = "GetAuthTokens",
    tag = "auth",
    responses((status = 200, description = "All of them, oldest first", body = Vec<APITokenSummary>), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Vec<APITokenSummary>>, Failure> {
    let id = principal.id;
    Ok(Json(
        app.db.read(async move |tx| tokens::list(tx, id).await).await?,
    ))
}

/// Revoke one of the caller's API tokens
///
/// It ends at once.
#[utoipa::path(
    delete,
    path = "/v1/auth/tokens/{id}",
    operation_id = "DeleteAuthTokenByID",
    tag = "auth",
    params(("id" = Uuid, Path, description = "The token")),
    responses((status = 204, description = "Revoked"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = path_id(&id, codes::INVALID_ID)?;
    let (holder, object) = (principal.id, principal.object());
    let work = async move |tx: &mut Tx| {
        if !tokens::revoke(tx, holder, id).await? {
            return Err(Failure::not_found(codes::API_TOKEN_NOT_FOUND, "token of yours"));
        }
        let entry = Entry::of(None, "revoke_token", &object).about(format!("api-token:{id}"));
        Ok(((), [entry]))
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
