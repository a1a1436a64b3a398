//! `POST /v1/auth/logout` (*beyond*): ends what the request came with.

use crate::app::App;
use crate::audit::Entry;
use crate::authorize;
use crate::cookies;
use crate::principal::{Credential, Principal};
use crate::problem::{Failure, Problems};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use plex_store::{Tx, sessions, tokens};

/// End the session or token that the request comes with
///
/// It ends at once. A browser's cookies are removed.
#[utoipa::path(
    post,
    path = "/v1/auth/logout",
    operation_id = "PostAuthLogout",
    tag = "auth",
    responses(
        (
            status = 204,
            description = "Ended",
            headers(("Set-Cookie" = String, description = "Clears the session's cookies")),
        ),
        Problems,
    ),
    security(("operatorBearer" = [])),
)]
pub async fn logout(State(app): State<App>, principal: Principal) -> Result<Response, Failure> {
    let by = principal.clone();
    let work = async move |tx: &mut Tx| {
        let (relation, what) = match by.credential {
            Credential::Session(id) => {
                sessions::end(tx, id).await?;
                ("sign_out", format!("session:{id}"))
            }
            Credential::Token { id, .. } => {
                tokens::revoke(tx, by.id, id).await?;
                ("revoke_token", format!("api-token:{id}"))
            }
        };
        Ok(((), [Entry::of(None, relation, &by.object()).about(what)]))
    };
    authorize::change(&app, &principal, work).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if matches!(principal.credential, Credential::Session(_)) {
        for cookie in [cookies::SESSION.clear(), cookies::CSRF.clear()] {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}
