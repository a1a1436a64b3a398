//! The identity provider: who people are, by OpenID Connect's authorization code flow with PKCE.
//!
//! There is one, given by the flags of `plexsphere serve`. What it says about itself and its keys is fetched when first
//! needed, kept for a while and fetched anew when it no longer fits. Nothing that it sends is believed before its
//! signature holds, and nothing of it reaches an answer's text or the log raw.

mod discovery;
mod fetch;
mod id_token;
mod keys;
mod settings;

pub use discovery::DiscoveryError;
pub use fetch::{FetchError, form};
pub use id_token::{Claims, IdTokenError};
pub use settings::{OidcArgs, OidcConfig, OidcConfigError, OidcSettings};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use discovery::{Discovery, Document};
use fetch::{Endpoint, Fetcher};
use id_token::Expected;
use jiff::Timestamp;
use plex_domain::credential;
use plex_domain::text::printable;
use ring::digest;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use std::sync::Arc;
use thiserror::Error;
use tokio::time::Instant;
use uuid::Uuid;

/// What is asked for: who it is, and their address.
const SCOPE: &str = "openid email";

/// Why the provider did not say who somebody is.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// What it says about itself cannot be had or does not hold.
    #[error("the provider's discovery document cannot be used")]
    Discovery(#[from] DiscoveryError),
    /// The token endpoint did not answer.
    #[error("the provider's token endpoint does not answer")]
    Unreachable(#[from] FetchError),
    /// The token endpoint refused.
    #[error("the provider's token endpoint refused with status {status}: {error}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its word for why, made printable.
        error: String,
    },
    /// The token endpoint gave no ID token.
    #[error("the provider's token endpoint answered without an ID token")]
    NoIdToken,
    /// The ID token does not hold.
    #[error("the provider's ID token does not hold")]
    IdToken(#[from] IdTokenError),
}

/// The one provider.
pub struct Provider {
    /// Its name here.
    pub alias: String,
    /// The id of its binding, which stays the same as long as issuer and client do.
    pub binding_id: Uuid,
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    redirect_uri: String,
    fetcher: Fetcher,
    discovery: Discovery,
}

/// What one sign-in sends with the browser, and what only we know.
pub struct SignIn {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back inside the ID token.
    pub nonce: String,
    /// Proves to the token endpoint that who redeems the code is who asked for it.
    pub code_verifier: String,
}

impl SignIn {
    /// The sign-in of that state. Both secrets derive from it, so nothing of them needs to be kept.
    pub fn of(keys: &crate::app::Keys, state: String) -> Self {
        let derived = |key| URL_SAFE_NO_PAD.encode(credential::hash(key, state.as_bytes()));
        Self {
            nonce: derived(&keys.nonces),
            code_verifier: derived(&keys.code_verifiers),
            state,
        }
    }
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// What the token endpoint gave.
struct Redeemed {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Option<String>,
}

impl Provider {
    /// A provider that sends browsers back to `public_url`.
    ///
    /// # Errors
    /// When its certificates cannot be used.
    pub fn new(settings: OidcSettings, public_url: &str) -> Result<Self, rustls::Error> {
        let roots: Vec<CertificateDer<'static>> = settings.roots;
        Ok(Self {
            alias: settings.alias,
            binding_id: binding_id(&settings.issuer, &settings.client_id),
            redirect_uri: format!("{public_url}{}", plex_api::paths::SIGN_IN_CALLBACK),
            fetcher: Fetcher::new(roots)?,
            discovery: Discovery::default(),
            issuer: settings.issuer,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
        })
    }

    /// The provider's name for itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether a browser that comes back with that `iss`, or without, was sent by this provider: one that says that it
    /// names itself always does (RFC 9207).
    pub async fn is_named_by(&self, issuer: Option<&str>) -> Result<bool, ProviderError> {
        Ok(match issuer {
            Some(issuer) => issuer == self.issuer,
            None => !self.document(Instant::now()).await?.names_itself,
        })
    }

    /// Where to send the browser.
    pub async fn authorization_url(
        &self,
        sign_in: &SignIn,
        prompt: Option<&str>,
    ) -> Result<String, ProviderError> {
        let document = self.document(Instant::now()).await?;
        let challenge = digest::digest(&digest::SHA256, sign_in.code_verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", SCOPE),
            ("state", &sign_in.state),
            ("nonce", &sign_in.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.extend(prompt.map(|prompt| ("prompt", prompt)));
        let endpoint = document.authorization_endpoint.as_str();
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{separator}{}", form(&query)))
    }

    /// Redeems a code: what the provider says about who came back with it. The time is that of the wall, for what the
    /// provider says, and of the machine, for what was fetched when.
    pub async fn redeem(
        &self,
        code: &str,
        sign_in: &SignIn,
        (now, tick): (Timestamp, Instant),
    ) -> Result<Claims, ProviderError> {
        let document = self.document(tick).await?;
        let redeemed = self.tokens(&document, code, sign_in).await?;
        let expected = Expected {
            issuer: &self.issuer,
            client_id: &self.client_id,
            nonce: &sign_in.nonce,
            now,
        };
        let token = &redeemed.id_token;
        let keys = self.discovery.keys(&self.fetcher, &document, tick).await?;
        let mut claims = match id_token::verify(token, &keys, &expected) {
            // The provider may have changed its keys since they were fetched.
            Err(IdTokenError::UnknownKey | IdTokenError::Signature) => {
                let keys = self.discovery.newer_keys(&self.fetcher, &document, tick).await?;
                id_token::verify(token, &keys, &expected)?
            }
            verified => verified?,
        };
        if claims.email.is_none() {
            claims.email = self
                .address(&document, redeemed.access_token, &claims.subject)
                .await;
        }
        Ok(claims)
    }

    /// The person's address, where the ID token does not carry it. Who cannot be asked for it is signed in without.
    async fn address(
        &self,
        document: &Document,
        access_token: Option<String>,
        subject: &str,
    ) -> Option<String> {
        let endpoint = document.userinfo_endpoint.as_ref()?;
        let token = access_token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()))?;
        let asked = self.fetcher.get(endpoint, Some(format!("Bearer {token}"))).await;
        match asked {
            Ok((status, body)) if status.is_success() => id_token::address(&body, subject),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(error.cause = ?error, "the provider's userinfo endpoint does not answer");
                None
            }
        }
    }

    async fn document(&self, tick: Instant) -> Result<Arc<Document>, DiscoveryError> {
        self.discovery.document(&self.fetcher, &self.issuer, tick).await
    }

    async fn tokens(
        &self,
        document: &Document,
        code: &str,
        sign_in: &SignIn,
    ) -> Result<Redeemed, ProviderError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &sign_in.code_verifier),
        ];
        let mut authorization = None;
        match &self.client_secret {
            Some(secret) if document.takes_basic => authorization = Some(basic(&self.client_id, secret)),
            Some(secret) => {
                fields.extend([("client_id", self.client_id.as_str()), ("client_secret", secret)])
            }
            None => fields.push(("client_id", &self.client_id)),
        }
        let endpoint: &Endpoint = &document.token_endpoint;
        let sent = self.fetcher.post(endpoint, form(&fields), authorization).await;
        let (status, body) = sent.inspect_err(|_| self.discovery.doubt())?;
        if !status.is_success() {
            self.discovery.doubt();
            let refusal = serde_json::from_slice::<Refusal>(&body).ok();
            let error = refusal.and_then(|refusal| refusal.error).unwrap_or_default();
            let error = error.chars().take(100).collect::<String>();
            return Err(ProviderError::Refused {
                status: status.as_u16(),
                error: printable(&error).into_owned(),
            });
        }
        let tokens: Tokens = serde_json::from_slice(&body).map_err(|_| ProviderError::NoIdToken)?;
        Ok(Redeemed {
            id_token: tokens.id_token.ok_or(ProviderError::NoIdToken)?,
            access_token: tokens.access_token,
        })
    }
}

/// RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
fn basic(client_id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", fetch::encoded(client_id), fetch::encoded(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// The same for the same issuer and client, and nobody else's.
fn binding_id(issuer: &str, client_id: &str) -> Uuid {
    let digest = digest::digest(&digest::SHA256, format!("{issuer}\0{client_id}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
pub(crate) mod stand_in;
#[cfg(test)]
mod tests;
