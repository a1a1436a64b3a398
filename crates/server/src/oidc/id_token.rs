//! Whether an ID token holds (OpenID Connect Core, section 3.1.3.7): signature first, and only then what it says.

use super::keys::{Algorithm, Judgement, KeySet};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use plex_domain::credential;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

/// The longest token that is looked at.
const TOKEN_BYTES: usize = 16 * 1024;
/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// How long ago a token that answers a code just redeemed may have been issued, in seconds.
const FRESH: i64 = 600;
/// The longest subject (OpenID Connect Core, section 2).
const SUBJECT_BYTES: usize = 255;
/// The longest address, class or method that is kept.
const TEXT_BYTES: usize = 254;
/// Most methods (`api.md` §3, `Whoami`).
const METHODS: usize = 16;

/// Why a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdTokenError {
    /// Not a signed token of three parts, or its JSON is not what it should be.
    #[error("it is malformed")]
    Malformed,
    /// Unsigned, or by another algorithm than RS256 and ES256.
    #[error("its algorithm is not taken")]
    Algorithm,
    /// The provider has no such key.
    #[error("its key is unknown")]
    UnknownKey,
    /// The key did not make the signature.
    #[error("its signature does not hold")]
    Signature,
    /// Another provider's.
    #[error("it is another issuer's")]
    Issuer,
    /// Made for another client.
    #[error("it is for another audience")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Issued in the future or long ago.
    #[error("it was not issued now")]
    IssuedAt,
    /// The answer to another sign-in.
    #[error("its nonce is another sign-in's")]
    Nonce,
    /// It names nobody, or in a way that cannot be kept.
    #[error("its subject cannot be used")]
    Subject,
}

/// What a token must be made for.
pub(super) struct Expected<'a> {
    /// By whom.
    pub(super) issuer: &'a str,
    /// For whom.
    pub(super) client_id: &'a str,
    /// For which sign-in.
    pub(super) nonce: &'a str,
    /// When.
    pub(super) now: Timestamp,
}

/// What the provider says about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Its unchanging name for them.
    pub subject: String,
    /// Their address, if it has verified it.
    pub email: Option<String>,
    /// The assurance class.
    pub acr: Option<String>,
    /// The methods by which they proved who they are.
    pub amr: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    iat: i64,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<Value>,
    #[serde(default)]
    email_verified: Option<Value>,
    #[serde(default)]
    acr: Option<Value>,
    #[serde(default)]
    amr: Option<Value>,
}

/// What a token says, once it is certain that the provider made it, now, for this client and this sign-in.
pub(super) fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, IdTokenError> {
    if token.len() > TOKEN_BYTES {
        return Err(IdTokenError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(IdTokenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(IdTokenError::Malformed)?;
    if payload.contains('.') {
        return Err(IdTokenError::Malformed);
    }
    let header: Header = decoded(header)?;
    if header.crit.is_some() {
        return Err(IdTokenError::Malformed);
    }
    let algorithm = Algorithm::parse(&header.alg).ok_or(IdTokenError::Algorithm)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| IdTokenError::Malformed)?;
    match keys.judge(algorithm, header.kid.as_deref(), message.as_bytes(), &signature) {
        Judgement::Holds => {}
        Judgement::Fails => return Err(IdTokenError::Signature),
        Judgement::NoKey => return Err(IdTokenError::UnknownKey),
    }
    let payload: Payload = decoded(payload)?;
    payload.check(expected)?;
    payload.claims()
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, IdTokenError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| IdTokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| IdTokenError::Malformed)
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(default)]
    email: Option<Value>,
    #[serde(default)]
    email_verified: Option<Value>,
}

/// The verified address that the userinfo endpoint tells of this very person (OpenID Connect Core, section 5.3.2).
pub(super) fn address(userinfo: &[u8], subject: &str) -> Option<String> {
    let said: UserInfo = serde_json::from_slice(userinfo).ok()?;
    (said.sub == subject)
        .then(|| verified(said.email, said.email_verified))
        .flatten()
}

/// An address counts only where the provider says that it has verified it.
fn verified(email: Option<Value>, is_verified: Option<Value>) -> Option<String> {
    email
        .filter(|_| is_verified == Some(Value::Bool(true)))
        .and_then(text)
}

impl Payload {
    fn check(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        if self.iss != expected.issuer {
            return Err(IdTokenError::Issuer);
        }
        if !self.is_for(expected.client_id) {
            return Err(IdTokenError::Audience);
        }
        let now = expected.now.as_second();
        if self.exp.saturating_add(LEEWAY) <= now {
            return Err(IdTokenError::Expired);
        }
        if !(now - FRESH - LEEWAY..=now + LEEWAY).contains(&self.iat) {
            return Err(IdTokenError::IssuedAt);
        }
        let nonce = self.nonce.as_deref().unwrap_or_default();
        if !credential::equal(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(IdTokenError::Nonce);
        }
        Ok(())
    }

    /// With several audiences the party that it was issued to must be named, and in any case it must be us.
    fn is_for(&self, client_id: &str) -> bool {
        let (is_among, is_alone) = match &self.aud {
            Value::String(only) => (only == client_id, true),
            Value::Array(all) => (all.iter().any(|one| one == client_id), all.len() == 1),
            _ => (false, false),
        };
        is_among && self.azp.as_deref().map_or(is_alone, |party| party == client_id)
    }

    fn claims(self) -> Result<Claims, IdTokenError> {
        let fits = !self.sub.is_empty() && self.sub.len() <= SUBJECT_BYTES && self.sub.is_ascii();
        if !fits {
            return Err(IdTokenError::Subject);
        }
        let amr = match self.amr {
            Some(Value::Array(all)) => all.into_iter().take(METHODS).filter_map(text).collect(),
            Some(_) | None => Vec::new(),
        };
        Ok(Claims {
            subject: self.sub,
            email: verified(self.email, self.email_verified),
            acr: self.acr.and_then(text),
            amr,
        })
    }
}

/// A text worth keeping.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() && text.len() <= TEXT_BYTES => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
