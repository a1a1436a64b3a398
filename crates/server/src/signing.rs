//! The domains' signing keys, opened once and kept.

use crate::app::App;
use crate::problem::Failure;
use plex_domain::envelope::SigningKey;
use plex_store::domains;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use uuid::Uuid;

/// What a sealed signing key is bound to.
pub const SEAL_PURPOSE: &str = "domain signing key";

/// Signing keys by domain.
#[derive(Default)]
pub struct Signers(RwLock<HashMap<Uuid, Arc<SigningKey>>>);

impl Signers {
    /// The signing key of a domain.
    pub async fn of(&self, app: &App, domain_id: Uuid) -> Result<Arc<SigningKey>, Failure> {
        let known = self
            .0
            .read()
            .expect("no holder of this lock panics")
            .get(&domain_id)
            .cloned();
        if let Some(key) = known {
            return Ok(key);
        }
        let sealed = app
            .db
            .read(async move |tx| domains::sealed_signing_key(tx, domain_id).await)
            .await?;
        let seed = sealed
            .and_then(|sealed| app.keys.master.open(SEAL_PURPOSE, &sealed))
            .and_then(|seed| <[u8; 32]>::try_from(seed).ok())
            .ok_or_else(|| Failure::internal("a domain's signing key does not open under the master key"))?;
        let key = Arc::new(SigningKey::from_seed(&seed));
        self.0
            .write()
            .expect("no holder of this lock panics")
            .insert(domain_id, Arc::clone(&key));
        Ok(key)
    }
}
