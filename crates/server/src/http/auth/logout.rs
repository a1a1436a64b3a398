//! `POST /v1/auth/logout` (*beyond*): ends what the request came with.

use crate::app::App;
use crate::audit::granted;
use crate::cookies;
use crate::principal::Principal;
use crate::problem::{Failure, Problems};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plex_store::tokens::{self, Credential};
use plex_store::{Error, audit, principals, sessions};

/// End the session or token that the request comes with
///
/// It ends at once. A browser's cookies are removed.
#[utoipa::path(
    post,
    path = "/v1/auth/logout",
    operation_id = "PostAuthLogout",
    tag = "auth",
    responses((status = 204, description = "Ended"), Problems),
    security(("operatorBearer" = [])),
)]
pub async fn logout(State(app): State<App>, principal: Principal) -> Result<Response, Failure> {
    let pseudonyms = app.keys.pseudonyms;
    let credential = principal.credential;
    let ended = app.db.write(async move |tx| {
        let subject = principals::subject(principal.kind, principal.id);
        let (relation, what) = match credential {
            Credential::Session { id, .. } => {
                sessions::end(tx, id).await?;
                ("sign_out", format!("session:{id}"))
            }
            Credential::Token { id, .. } => {
                tokens::revoke(tx, principal.id, id).await?;
                ("revoke_token", format!("api-token:{id}"))
            }
        };
        let mut record = granted(&principal, None, relation, &subject);
        record.details = Some(what);
        audit::append(tx, &pseudonyms, record).await
    });
    let ended: Result<(), Error> = ended.await;
    ended?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if matches!(credential, Credential::Session { .. }) {
        for cookie in [cookies::SESSION.clear(), cookies::CSRF.clear()] {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}
