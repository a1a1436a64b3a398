//! `POST /v1/auth/sign-in`: the way to the identity provider.

use super::{NO_STORE, count_beginning, no_provider};
use crate::app::App;
use crate::cookies;
use crate::oidc::SignIn;
use crate::problem::{Failure, Problems};
use crate::request::{Context, PLAIN_BODY, json};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use plex_api::auth::{SignInRequest, SignInResponse};
use plex_api::{codes, paths};
use plex_domain::credential;
use plex_store::sign_ins::{self, NewSignIn};

/// The longest path to come back to.
const RETURN_TO_BYTES: usize = 2048;
/// What a provider can be asked to ask (OpenID Connect Core, section 3.1.2.1).
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// Begin to sign in
///
/// Send the browser to the URL within ten minutes. A cookie that this answer sets binds what follows to this browser.
#[utoipa::path(
    post,
    path = "/v1/auth/sign-in",
    operation_id = "PostAuthSignIn",
    tag = "auth",
    request_body = SignInRequest,
    responses(
        (
            status = 200,
            description = "Where to go",
            body = SignInResponse,
            headers(("Set-Cookie" = String, description = "By which the browser is known when it comes back")),
        ),
        Problems,
    ),
    security(()),
)]
pub async fn sign_in(
    State(app): State<App>,
    context: Context,
    headers: HeaderMap,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let wanted: SignInRequest = json(request, PLAIN_BODY).await?;
    let return_to = wanted.return_to.unwrap_or_else(|| paths::DEVICE_PAGE.to_owned());
    if !is_local(&return_to) {
        let detail = "return_to takes a path of this server, at most 2048 bytes";
        return Err(Failure::bad_request(codes::INVALID_BODY, detail));
    }
    let prompt = wanted.prompt.as_deref().filter(|prompt| !prompt.is_empty());
    if prompt.is_some_and(|prompt| !PROMPTS.contains(&prompt)) {
        let detail = "prompt takes none, login, consent or select_account";
        return Err(Failure::bad_request(codes::INVALID_BODY, detail));
    }
    let provider = app.provider.as_ref().ok_or_else(no_provider)?;
    if wanted.idp_binding_id.is_some_and(|id| id != provider.binding_id) {
        return Err(no_provider());
    }
    count_beginning(&app, &context)?;

    let sign_in = SignIn::of(&app.keys, credential::mint_opaque(&*app.rng));
    let authorization_url = provider
        .authorization_url(&sign_in, prompt)
        .await
        .map_err(|error| {
            let detail = "the identity provider cannot be reached now; try again";
            Failure::unavailable(codes::IDENTITY_PROVIDER_UNAVAILABLE, detail).with_cause(error)
        })?;
    let browser = credential::mint_opaque(&*app.rng);
    // The session's cookie does not come along with the way back, which begins at another site.
    let session = cookies::SESSION.read(&headers);
    let new = NewSignIn {
        state_hash: credential::hash(&app.keys.sign_ins, sign_in.state.as_bytes()),
        browser_hash: credential::hash(&app.keys.sign_ins, browser.as_bytes()),
        session_hash: session.map(|cookie| credential::hash(&app.keys.sessions, cookie.as_bytes())),
        return_to,
    };
    let id = app
        .db
        .write(async move |tx| sign_ins::begin(tx, &new).await)
        .await?;
    let answer = SignInResponse {
        authorization_url,
        state: sign_in.state,
        code_verifier_handle: id.to_string(),
        nonce: sign_in.nonce,
    };
    let cookie = (header::SET_COOKIE, cookies::SIGN_IN.set(&browser, sign_ins::LIFE));
    Ok(([cookie, NO_STORE], Json(answer)))
}

/// Whether a browser that is sent there stays on this server: one slash, and nothing that a browser reads as another.
fn is_local(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    path.len() <= RETURN_TO_BYTES
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for good in [
            "/",
            "/v1/auth/device",
            "/v1/auth/device?user_code=ABCD-EFGH#x",
            "/a//b",
        ] {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "",
            "v1",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " /",
            "/ü",
            "/a\r\nset-cookie: x=1",
            &format!("/{}", "x".repeat(2048)),
        ] {
            assert!(!is_local(bad), "{bad:?}");
        }
    }
}
