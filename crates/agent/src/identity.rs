//! Who this node is: its id, its secret key and the key it believes, kept in the state directory.

use crate::backoff::Backoff;
use crate::durable;
use crate::entropy::System;
use crate::report::retry_after;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plex_api::bootstrap_tokens::{NodeKind, RegisterRequest, RegisterResponse};
use plex_api::codes;
use plex_client::node::Connection;
use plex_client::{ApiError, Error};
use plex_domain::credential;
use plex_domain::env::Rng;
use plex_domain::text::printable;
use ring::agreement::{EphemeralPrivateKey, X25519};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

const RETRY: Duration = Duration::from_secs(1);
const RETRY_CEILING: Duration = Duration::from_secs(30);
/// An Ed25519 key in its DER wrapping begins with this; the rest is the raw key.
const DER_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A registered node's identity. Its `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The node's id.
    pub node_id: Uuid,
    /// Its secret key, base64.
    nsk: String,
    /// The key that is to take its place, base64: on disk before the server hears of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_nsk: Option<String>,
    /// The domain's Ed25519 key, base64.
    signing_public_key: String,
    /// The name of that key.
    pub signing_key_id: String,
    /// The domain's address range.
    pub domain_mesh_cidr: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("node_id", &self.node_id)
            .finish_non_exhaustive()
    }
}

/// Why this node has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("identity file: {0}")]
    Io(#[from] io::Error),
    /// The file or the server's answer is not what it should be.
    #[error("{0}")]
    Malformed(&'static str),
    /// The text is not a bootstrap token for a node.
    #[error("the bootstrap token file does not hold a bootstrap token for a node")]
    NotAToken,
    /// The token was redeemed before.
    #[error(
        "the bootstrap token is used up; if an earlier start of this agent broke off while it registered, issue a fresh token and start again with it"
    )]
    Consumed,
    /// The server refuses the registration.
    #[error("registration refused: {0}")]
    Refused(String),
}

impl Identity {
    /// The identity in that file; `None` when the node is not registered yet.
    ///
    /// # Errors
    /// When the file is there but cannot be used.
    pub fn load(path: &Path) -> Result<Option<Self>, IdentityError> {
        let json = match std::fs::read(path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let identity: Self = serde_json::from_slice(&json)
            .map_err(|_| IdentityError::Malformed("the identity file is damaged"))?;
        identity.keys()?;
        Ok(Some(identity))
    }

    /// Keeps the identity so that it survives power loss.
    ///
    /// # Errors
    /// When it may be lost.
    pub fn store(&self, path: &Path) -> Result<(), IdentityError> {
        let json = serde_json::to_vec_pretty(self).expect("an identity has only string keys");
        Ok(durable::replace(path, &json)?)
    }

    /// What the node proves itself with.
    pub fn credential(&self) -> Result<String, IdentityError> {
        Ok(credential::format_node("plexd", self.node_id, &self.keys()?.0))
    }

    /// The key that is to take the place of the one in use, base64.
    pub fn next_key(&self) -> Option<&str> {
        self.next_nsk.as_deref()
    }

    /// What the node will prove itself with once its key has changed.
    pub fn next_credential(&self) -> Result<Option<String>, IdentityError> {
        let next = self.next_nsk.as_ref().map(|next| Self {
            nsk: next.clone(),
            ..self.clone()
        });
        next.map(|next| next.credential()).transpose()
    }

    /// The same with a next key: the one that was drawn before, or else a fresh one.
    #[must_use]
    pub fn with_next_key(&self, rng: &dyn Rng) -> Self {
        let draw = || {
            let mut key = [0; 32];
            rng.fill(&mut key);
            STANDARD.encode(key)
        };
        Self {
            next_nsk: Some(self.next_nsk.clone().unwrap_or_else(draw)),
            ..self.clone()
        }
    }

    /// The same once the next key is the only one.
    #[must_use]
    pub fn with_key_changed(&self) -> Self {
        Self {
            nsk: self.next_nsk.clone().unwrap_or_else(|| self.nsk.clone()),
            next_nsk: None,
            ..self.clone()
        }
    }

    /// The same without a next key.
    #[must_use]
    pub fn without_next_key(&self) -> Self {
        Self {
            next_nsk: None,
            ..self.clone()
        }
    }

    /// The domain's Ed25519 key.
    pub fn signing_key(&self) -> Result<[u8; 32], IdentityError> {
        Ok(self.keys()?.1)
    }

    fn keys(&self) -> Result<([u8; 32], [u8; 32]), IdentityError> {
        let decode = |text: &str| STANDARD.decode(text).ok();
        let nsk = decode(&self.nsk).and_then(|key| key.try_into().ok());
        let signing = decode(&self.signing_public_key)
            .and_then(|key| key.strip_prefix(&DER_PREFIX).unwrap_or(&key).try_into().ok());
        let next_is_whole = self
            .next_nsk
            .as_deref()
            .is_none_or(|next| decode(next).is_some_and(|key| key.len() == 32));
        match (nsk, signing) {
            (Some(nsk), Some(signing)) if next_is_whole => Ok((nsk, signing)),
            (_, _) => Err(IdentityError::Malformed("a key is not 32 bytes in base64")),
        }
    }

    fn of(answer: RegisterResponse) -> Result<Self, IdentityError> {
        let identity = Self {
            node_id: answer.node_id,
            nsk: answer.nsk,
            next_nsk: None,
            signing_public_key: answer.signing_public_key,
            signing_key_id: answer.signing_key_id,
            domain_mesh_cidr: answer.domain_mesh_cidr,
        };
        identity.keys()?;
        Ok(identity)
    }
}

/// Redeems the bootstrap token for an identity under the given name. A server that cannot be reached yet is waited for.
///
/// # Errors
/// When the token will not do.
pub async fn register(connection: &Connection, token: &str, name: &str) -> Result<Identity, IdentityError> {
    let bootstrap = credential::parse_bootstrap(token).ok_or(IdentityError::NotAToken)?;
    match bootstrap.kind {
        NodeKind::Node => {}
        NodeKind::Bridge => return Err(IdentityError::NotAToken),
    }
    let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
    loop {
        let request = RegisterRequest {
            project_id: bootstrap.project_id,
            resource_handle: name.to_owned(),
            bootstrap_token: token.to_owned(),
            nonce: nonce(&System),
            public_key: mesh_public_key(),
            requested_resource_id: None,
        };
        let error = match connection.register(&request).await {
            Ok(answer) => return Identity::of(answer),
            Err(error) => error,
        };
        let mut wait = backoff.next(&System);
        match &error {
            Error::Transport(_) => {}
            Error::Api(answer) if is_passing(answer) => wait = wait.max(retry_after(answer)),
            Error::Api(answer) if answer.code.as_deref() == Some(codes::TOKEN_CONSUMED) => {
                return Err(IdentityError::Consumed);
            }
            Error::Api(_) | Error::Contract(_) => {
                return Err(IdentityError::Refused(printable(&error.to_string()).into()));
            }
        }
        tracing::warn!(reason = %printable(&error.to_string()), "not registered yet; trying again");
        tokio::time::sleep(wait).await;
    }
}

fn is_passing(answer: &ApiError) -> bool {
    answer.status >= 500 || answer.status == 429 || answer.code.is_none()
}

fn nonce(rng: &dyn Rng) -> String {
    let mut bytes = [0; 24];
    rng.fill(&mut bytes);
    STANDARD.encode(bytes)
}

/// The contract wants an X25519 key. There is no mesh, so nothing will ever be decrypted with its private half, which is
/// forgotten at once.
fn mesh_public_key() -> String {
    let random = ring::rand::SystemRandom::new();
    let private = EphemeralPrivateKey::generate(&X25519, &random).expect("the kernel gives randomness");
    let public = private
        .compute_public_key()
        .expect("an X25519 key has a public half");
    STANDARD.encode(public.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(signing_public_key: &[u8]) -> RegisterResponse {
        RegisterResponse {
            node_id: Uuid::from_u128(5),
            mesh_ip: "10.0.0.1".to_owned(),
            signing_public_key: STANDARD.encode(signing_public_key),
            signing_key_id: "k".to_owned(),
            nsk: STANDARD.encode([0x2a; 32]),
            peer_snapshot: Vec::new(),
            domain_mesh_cidr: "10.0.0.0/16".to_owned(),
        }
    }

    #[test]
    fn an_identity_is_kept_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity.json");
        assert_eq!(Identity::load(&path).unwrap(), None);
        let identity = Identity::of(answer(&[7; 32])).unwrap();
        identity.store(&path).unwrap();
        assert_eq!(Identity::load(&path).unwrap().unwrap(), identity);
        assert!(!format!("{identity:?}").contains("Kioq"));
        std::fs::write(&path, "{").unwrap();
        assert!(Identity::load(&path).is_err());
    }

    #[test]
    fn raw_and_wrapped_signing_keys_are_the_same() {
        let wrapped = [DER_PREFIX.as_slice(), &[7; 32]].concat();
        assert_eq!(
            Identity::of(answer(&wrapped)).unwrap().signing_key().unwrap(),
            [7; 32]
        );
        assert_eq!(
            Identity::of(answer(&[7; 32])).unwrap().signing_key().unwrap(),
            [7; 32]
        );
        assert!(Identity::of(answer(&[7; 31])).is_err());
    }

    #[test]
    fn the_mesh_key_is_a_fresh_32_byte_key() {
        assert_eq!(mesh_public_key().len(), 44);
        assert_ne!(mesh_public_key(), mesh_public_key());
    }
}
