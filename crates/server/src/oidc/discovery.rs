//! What the provider says about itself, and its keys: fetched when needed, kept for a while.

use super::fetch::{Endpoint, FetchError, Fetcher};
use super::keys::KeySet;
use hyper::http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long what was fetched holds.
const HOLDS: Duration = Duration::from_secs(60 * 60);
/// The shortest time between two fetches of the same thing: nobody makes us a hammer by coming back with bad tokens.
const PAUSE: Duration = Duration::from_secs(10);

/// Why the provider cannot be used as it describes itself.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// It does not answer.
    #[error("it cannot be fetched")]
    Fetch(#[from] FetchError),
    /// It answers with an error.
    #[error("it is answered with status {0}")]
    Status(u16),
    /// What it answers is not what it should be.
    #[error("it is not what it should be: {0}")]
    Malformed(&'static str),
    /// It failed a moment ago.
    #[error("it failed a moment ago")]
    JustFailed,
}

/// The parts of the discovery document that matter.
pub(super) struct Document {
    /// Where browsers are sent.
    pub(super) authorization_endpoint: Endpoint,
    /// Where codes are redeemed.
    pub(super) token_endpoint: Endpoint,
    /// Where the keys are.
    pub(super) jwks_uri: Endpoint,
    /// Where a person's address may be asked for.
    pub(super) userinfo_endpoint: Option<Endpoint>,
    /// Whether it names itself to every browser that it sends back (RFC 9207).
    pub(super) names_itself: bool,
    /// Whether a client may prove itself by the header `Authorization`.
    pub(super) takes_basic: bool,
}

#[derive(Deserialize)]
struct Raw {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What was fetched, and when that was last tried.
struct Kept<T> {
    tried_at: Instant,
    /// What the last fetch that did not fail brought, and when. A failure takes nothing away that still holds.
    good: Option<(Instant, Arc<T>)>,
}

/// What is known of the provider.
#[derive(Default)]
pub(super) struct Discovery {
    document: Mutex<Option<Kept<Document>>>,
    keys: Mutex<Option<Kept<KeySet>>>,
    is_doubted: AtomicBool,
}

impl Discovery {
    /// Has the document fetched anew before it is used again: something that it says did not work.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }

    /// The document.
    pub(super) async fn document(
        &self,
        fetcher: &Fetcher,
        issuer: &str,
        now: Instant,
    ) -> Result<Arc<Document>, DiscoveryError> {
        let holds = if self.is_doubted.swap(false, Ordering::Relaxed) {
            PAUSE
        } else {
            HOLDS
        };
        keep(&self.document, (now, holds), fetch_document(fetcher, issuer)).await
    }

    /// The keys.
    pub(super) async fn keys(
        &self,
        fetcher: &Fetcher,
        document: &Document,
        now: Instant,
    ) -> Result<Arc<KeySet>, DiscoveryError> {
        keep(&self.keys, (now, HOLDS), fetch_keys(fetcher, document)).await
    }

    /// The keys, fetched anew unless that was done a moment ago.
    pub(super) async fn newer_keys(
        &self,
        fetcher: &Fetcher,
        document: &Document,
        now: Instant,
    ) -> Result<Arc<KeySet>, DiscoveryError> {
        keep(&self.keys, (now, PAUSE), fetch_keys(fetcher, document)).await
    }
}

/// What is kept, when it is young enough, else what `fetch` brings. Callers that come meanwhile wait for the same.
async fn keep<T>(
    kept: &Mutex<Option<Kept<T>>>,
    (now, holds): (Instant, Duration),
    fetch: impl Future<Output = Result<T, DiscoveryError>>,
) -> Result<Arc<T>, DiscoveryError> {
    let mut kept = kept.lock().await;
    let tried_at = kept.as_ref().map(|kept| kept.tried_at);
    let good = kept.as_ref().and_then(|kept| kept.good.clone());
    let good = good.filter(|(at, _)| now.saturating_duration_since(*at) < HOLDS);
    let is_young = |at: Instant, age: Duration| now.saturating_duration_since(at) < age;
    let is_settled = good.as_ref().is_some_and(|(at, _)| is_young(*at, holds))
        || tried_at.is_some_and(|at| is_young(at, PAUSE));
    let (tried_at, fetched) = match tried_at.filter(|_| is_settled) {
        Some(tried_at) => (tried_at, Err(DiscoveryError::JustFailed)),
        None => (now, fetch.await.map(|value| (now, Arc::new(value)))),
    };
    let (good, failure) = match fetched {
        Ok(fetched) => (Some(fetched), None),
        Err(failure) => (good, Some(failure)),
    };
    let value = good.as_ref().map(|(_, value)| Arc::clone(value));
    *kept = Some(Kept { tried_at, good });
    value.ok_or_else(|| failure.unwrap_or(DiscoveryError::JustFailed))
}

async fn fetch_document(fetcher: &Fetcher, issuer: &str) -> Result<Document, DiscoveryError> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let url = Endpoint::parse(&url).ok_or(DiscoveryError::Malformed("the issuer is no URL"))?;
    let (status, body) = fetcher.get(&url, None).await?;
    if status != StatusCode::OK {
        return Err(DiscoveryError::Status(status.as_u16()));
    }
    let raw: Raw =
        serde_json::from_slice(&body).map_err(|_| DiscoveryError::Malformed("not a discovery document"))?;
    if raw.issuer != issuer {
        return Err(DiscoveryError::Malformed("it names another issuer"));
    }
    let endpoint =
        |text: &str| Endpoint::parse(text).ok_or(DiscoveryError::Malformed("an endpoint is no https URL"));
    let methods = raw.token_endpoint_auth_methods_supported;
    Ok(Document {
        authorization_endpoint: endpoint(&raw.authorization_endpoint)?,
        token_endpoint: endpoint(&raw.token_endpoint)?,
        jwks_uri: endpoint(&raw.jwks_uri)?,
        userinfo_endpoint: raw.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
        names_itself: raw.authorization_response_iss_parameter_supported,
        takes_basic: methods
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
    })
}

async fn fetch_keys(fetcher: &Fetcher, document: &Document) -> Result<KeySet, DiscoveryError> {
    let (status, body) = fetcher.get(&document.jwks_uri, None).await?;
    if status != StatusCode::OK {
        return Err(DiscoveryError::Status(status.as_u16()));
    }
    KeySet::parse(&body).ok_or(DiscoveryError::Malformed("not a set of keys"))
}
