//! `/v1/projects/{project_id}/bootstrap-tokens`: the tokens by which machines become nodes (decision 25).

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::http::created::Created;
use crate::paging::{self, Paging};
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use crate::request::{PLAIN_BODY, Query, json, path_id};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use plex_api::bootstrap_tokens::{
    BootstrapTokenIssueRequest, BootstrapTokenIssueResponse, BootstrapTokenList, BootstrapTokenMetadata,
};
use plex_api::{codes, paths};
use plex_domain::credential;
use plex_domain::label::is_reserved;
use plex_domain::relation::{ObjectKind, ObjectRef, Permission};
use plex_domain::selector::valid_local_key;
use plex_store::Tx;
use plex_store::bootstrap_tokens::{self, NewToken, Position, Revoked};
use plex_store::labels::{MAX_LABELS, ValueSchema};
use uuid::Uuid;

/// Shortest and longest life, in seconds.
const TTL_SECONDS: std::ops::RangeInclusive<u32> = 300..=86_400;
/// Least and most uses.
const USES: std::ops::RangeInclusive<u32> = 1..=100_000;

/// Issue a bootstrap token
///
/// The secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/projects/{project_id}/bootstrap-tokens",
    operation_id = "IssueBootstrapToken",
    tag = "bootstrap-tokens",
    params(("project_id" = Uuid, Path, description = "The project that nodes join")),
    request_body = BootstrapTokenIssueRequest,
    responses(
        (
            status = 201,
            description = "Issued",
            body = BootstrapTokenIssueResponse,
            headers(("Location" = String, description = "The token's metadata")),
        ),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn issue(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    request: Request,
) -> Result<Created<BootstrapTokenIssueResponse>, Failure> {
    let id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let project = authorize::project(&app, &principal, Permission::IssueBootstrapToken, id)?;
    let wanted: BootstrapTokenIssueRequest = json(request, PLAIN_BODY).await?;
    check(&wanted)?;
    let token = credential::mint_bootstrap(&wanted.env_prefix, id, wanted.kind, &*app.rng);
    let hash = credential::hash(&app.keys.bootstrap_tokens, token.as_bytes());
    let new = new_token(wanted, (id, hash), principal.id);
    let work = async move |tx: &mut Tx| {
        let issued = bootstrap_tokens::insert(tx, &new).await.map_err(not_issued)?;
        let entry = entry(&project, "issue_bootstrap_token", issued.id);
        Ok((issued, [entry]))
    };
    let issued = authorize::change(&app, &principal, work).await?;
    let (issued_at, expires_at) = (issued.issued_at, issued.expires_at);
    let answer = BootstrapTokenIssueResponse {
        token_id: issued.id,
        token,
        issued_at,
        expires_at,
    };
    Ok(Created(paths::bootstrap_token(id, answer.token_id), answer))
}

/// The project may have been deleted since the caller was allowed.
fn not_issued(error: plex_store::Error) -> Failure {
    if error.is_constraint() {
        Failure::not_found(codes::PROJECT_NOT_FOUND, "project")
    } else {
        error.into()
    }
}

fn check(wanted: &BootstrapTokenIssueRequest) -> Result<(), Failure> {
    let invalid = |detail: &'static str| Err(Failure::bad_request(codes::INVALID_BODY, detail));
    if !credential::is_env_prefix(&wanted.env_prefix) {
        return invalid("env_prefix takes 1 to 32 letters a-z");
    }
    if !TTL_SECONDS.contains(&wanted.ttl_seconds) {
        return invalid("ttl_seconds takes 300 to 86400");
    }
    if wanted.max_uses.is_some_and(|uses| !USES.contains(&uses)) {
        return invalid("max_uses takes 1 to 100000");
    }
    if wanted.labels.len() > MAX_LABELS as usize {
        return invalid("labels has more than 64 entries");
    }
    let text = ValueSchema::plain();
    let valid = |(key, value): (&String, &String)| {
        valid_local_key(key) && !is_reserved(key) && text.accepts(&value.as_str().into())
    };
    if !wanted.labels.iter().all(valid) {
        return invalid(
            "a label needs a key such as `env` and a value of up to 256 bytes without control characters",
        );
    }
    Ok(())
}

fn new_token(
    wanted: BootstrapTokenIssueRequest,
    (project_id, hash): (Uuid, [u8; 32]),
    issued_by: Uuid,
) -> NewToken {
    NewToken {
        project_id,
        hash,
        kind: wanted.kind,
        env_prefix: wanted.env_prefix,
        labels: wanted.labels,
        max_uses: wanted.max_uses.unwrap_or(1),
        ttl_seconds: wanted.ttl_seconds,
        issued_by,
    }
}

fn entry(project: &authorize::Project, relation: &'static str, token: Uuid) -> Entry {
    let object = ObjectRef::of(ObjectKind::Project, project.id);
    Entry::of(Some(project.domain_id), relation, &object).about(format!("bootstrap-token:{token}"))
}

/// List a project's bootstrap tokens, newest first
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/bootstrap-tokens",
    operation_id = "ListBootstrapTokens",
    tag = "bootstrap-tokens",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most items; 50 when absent"),
    ),
    responses((status = 200, description = "A page", body = BootstrapTokenList), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(project_id): Path<String>,
    query: Query,
) -> Result<Json<BootstrapTokenList>, Failure> {
    let id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    authorize::project(&app, &principal, Permission::ReadBootstrapTokens, id)?;
    let list = ["bootstrap-tokens", &id.to_string()];
    let paging = Paging::of(&app, &query, list, &principal.subject())?;
    let after = paging.after(paging::time_and_id)?;
    let after = after.map(|(issued_at, id)| Position { issued_at, id });
    let mut items = app
        .db
        .read(async move |tx| bootstrap_tokens::page(tx, id, after, paging.limit + 1).await)
        .await?;
    let next_cursor = paging.cut(&mut items, |last| {
        paging::time_and_id_bytes(last.issued_at, last.id)
    });
    Ok(Json(BootstrapTokenList { items, next_cursor }))
}

fn missing() -> Failure {
    Failure::not_found(codes::BOOTSTRAP_TOKEN_NOT_FOUND, "bootstrap token")
}

/// Read a bootstrap token's metadata
#[utoipa::path(
    get,
    path = "/v1/projects/{project_id}/bootstrap-tokens/{id}",
    operation_id = "GetBootstrapTokenMetadata",
    tag = "bootstrap-tokens",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("id" = Uuid, Path, description = "The token"),
    ),
    responses((status = 200, description = "The token", body = BootstrapTokenMetadata), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path((project_id, id)): Path<(String, String)>,
) -> Result<Json<BootstrapTokenMetadata>, Failure> {
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let id = path_id(&id, codes::INVALID_ID)?;
    authorize::project(&app, &principal, Permission::ReadBootstrapTokens, project_id)?;
    let found = app
        .db
        .read(async move |tx| bootstrap_tokens::find(tx, project_id, id).await)
        .await?;
    found.map(Json).ok_or_else(missing)
}

/// Revoke a bootstrap token
#[utoipa::path(
    delete,
    path = "/v1/projects/{project_id}/bootstrap-tokens/{id}",
    operation_id = "RevokeBootstrapToken",
    tag = "bootstrap-tokens",
    params(
        ("project_id" = Uuid, Path, description = "The project"),
        ("id" = Uuid, Path, description = "The token"),
    ),
    responses((status = 204, description = "Revoked"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path((project_id, id)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let project_id = path_id(&project_id, codes::INVALID_PROJECT_ID)?;
    let id = path_id(&id, codes::INVALID_ID)?;
    let project = authorize::project(&app, &principal, Permission::IssueBootstrapToken, project_id)?;
    let work = async move |tx: &mut Tx| match bootstrap_tokens::revoke(tx, project_id, id).await? {
        Revoked::Done => Ok(((), [entry(&project, "revoke_bootstrap_token", id)])),
        Revoked::Settled => {
            let detail = "this bootstrap token was already used up or revoked";
            Err(Failure::conflict(codes::BOOTSTRAP_TOKEN_SETTLED, detail))
        }
        Revoked::NotFound => Err(missing()),
    };
    authorize::change(&app, &principal, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
