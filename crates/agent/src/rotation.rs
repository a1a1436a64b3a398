//! Changes this node's key when an operator asks for it.
//!
//! The order is what keeps the node from being locked out: the next key is on disk before the server hears of it, and
//! the key in use is forgotten only after the server has taken the next one. Wherever a crash falls, the disk holds a
//! key that the server knows; which of the two it is, the first call after the start finds out.

use crate::backoff::Backoff;
use crate::entropy::System;
use crate::fatal::Fatal;
use crate::identity::{Identity, IdentityError};
use crate::report::retry_after;
use plex_api::codes;
use plex_api::nodes::NodeKeyRequest;
use plex_client::Error;
use plex_client::node::NodeClient;
use plex_domain::text::printable;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const RETRY: Duration = Duration::from_secs(1);
const RETRY_CEILING: Duration = Duration::from_secs(60);

/// What changing the key takes.
pub struct Rotation {
    /// The client that everything in this agent calls with.
    pub client: NodeClient,
    /// Who this node is.
    pub identity: Identity,
    /// Where that is kept.
    pub path: PathBuf,
    /// Notified when the server asks for a new key.
    pub asked: Arc<Notify>,
}

/// Why the key has not changed yet.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    #[error(transparent)]
    Server(#[from] Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the identity could not be written")]
    Interrupted,
    #[error("the next key cannot be used: {0}")]
    Unusable(String),
}

/// Changes the key whenever the server asks. Ends only when the node's key is refused.
pub async fn run(mut rotation: Rotation) -> Fatal {
    let mut backoff = Backoff::new(RETRY, RETRY_CEILING);
    // A change that an earlier run began is seen through first.
    let mut is_due = rotation.identity.next_key().is_some();
    let mut was_asked = false;
    loop {
        if !is_due {
            rotation.asked.notified().await;
            was_asked = true;
        }
        let error = match rotation.proceed(&mut was_asked).await {
            Ok(()) => {
                backoff.reset();
                (is_due, was_asked) = (false, false);
                continue;
            }
            Err(error) => error,
        };
        let mut wait = backoff.next(&System);
        if let RotationError::Server(error) = &error {
            if let Some(fatal) = Fatal::of(error) {
                return fatal;
            }
            if let Error::Api(answer) = error {
                wait = wait.max(retry_after(answer));
            }
        }
        tracing::warn!(reason = %printable(&error.to_string()), "key not changed yet; trying again");
        is_due = true;
        tokio::time::sleep(wait).await;
    }
}

impl Rotation {
    /// Hands a key in if the server asked for one, and uses it. What the server took is not handed in again: from
    /// its first use on it is the key in use, whether or not this node heard the answer.
    async fn proceed(&mut self, was_asked: &mut bool) -> Result<(), RotationError> {
        let is_refused = *was_asked && !self.hand_in().await?;
        *was_asked = is_refused;
        self.settle().await?;
        if is_refused {
            // The server just showed that it does not know it, so it is not needed to find the way back in.
            self.keep(self.identity.without_next_key()).await?;
        }
        Ok(())
    }

    /// Draws a key, keeps it, and hands it in. Returns whether the server took it.
    async fn hand_in(&mut self) -> Result<bool, RotationError> {
        self.keep(self.identity.with_next_key(&System)).await?;
        let Some(nsk) = self.identity.next_key().map(str::to_owned) else {
            return Ok(true);
        };
        match self.client.hand_in_key(&NodeKeyRequest { nsk }).await {
            Ok(_) => Ok(true),
            // Nobody asked, or this is the key in use already: only a call with it can tell.
            Err(Error::Api(answer)) if answer.code.as_deref() == Some(codes::ILLEGAL_TRANSITION) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Calls with the next key first, and makes it the only one if the server takes it.
    async fn settle(&mut self) -> Result<(), RotationError> {
        let Some(next) = self.identity.next_credential()? else {
            return Ok(());
        };
        let unusable = |error: plex_client::node::ConnectionError| RotationError::Unusable(error.to_string());
        self.client.prefer(&next).map_err(unusable)?;
        self.client.executions().await?;
        if self.client.uses(&next) {
            self.keep(self.identity.with_key_changed()).await?;
            tracing::info!(node.id = %self.identity.node_id, "key changed");
        }
        Ok(())
    }

    async fn keep(&mut self, identity: Identity) -> Result<(), RotationError> {
        if identity == self.identity {
            return Ok(());
        }
        let (path, kept) = (self.path.clone(), identity.clone());
        tokio::task::spawn_blocking(move || kept.store(&path))
            .await
            .map_err(|_| RotationError::Interrupted)??;
        self.identity = identity;
        Ok(())
    }
}
