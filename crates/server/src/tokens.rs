//! Uses of API tokens on their way to the database: to the minute, and in batches.

use crate::app::App;
use jiff::Timestamp;
use plex_store::{Error, tokens};
use std::collections::HashSet;
use std::sync::Mutex;
use uuid::Uuid;

/// Tokens used since the last flush whose stored use is a minute old.
#[derive(Default)]
pub struct TokenUses(Mutex<HashSet<Uuid>>);

impl TokenUses {
    /// Notes a use, unless the stored one is recent enough.
    pub fn note(&self, token_id: Uuid, last_used_at: Option<Timestamp>, now: Timestamp) {
        let is_recent = last_used_at.is_some_and(|at| {
            std::time::Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < tokens::USE_PRECISION)
        });
        if !is_recent {
            self.0
                .lock()
                .expect("no holder of this lock panics")
                .insert(token_id);
        }
    }

    /// Writes the noted uses down.
    pub async fn flush(&self, app: &App) {
        let noted: Vec<Uuid> = self
            .0
            .lock()
            .expect("no holder of this lock panics")
            .drain()
            .collect();
        if noted.is_empty() {
            return;
        }
        let written: Result<_, Error> = app
            .db
            .write(async move |tx| tokens::note_uses(tx, &noted).await)
            .await;
        if let Err(error) = written {
            tracing::warn!(error.cause = ?error, "uses of API tokens could not be written down");
        }
    }
}

#[cfg(test)]
mod tests;
