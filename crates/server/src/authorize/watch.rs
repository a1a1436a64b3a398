//! Answers that take longer than a moment: a stream, an export, an execution with many outputs.
//!
//! Whoever was allowed to read when the answer began may not be any more while it goes out, so it asks again.

use super::write::decide_again;
use crate::app::App;
use crate::principal::Principal;
use crate::problem::Failure;
use plex_api::codes;
use plex_store::Tx;
use std::time::Duration;
use tokio::time::Instant;

/// How long one asking is good for. What has ended is out within 5 s.
const PERIOD: Duration = Duration::from_secs(4);

/// Asks whether a caller's credential still holds, and whether what was allowed to it in the course of its request
/// still is.
///
/// # Errors
/// 401 when the credential has ended, the denial when a relation has, 503 when nobody can say.
pub async fn still(app: &App, principal: &Principal) -> Result<(), Failure> {
    let credential = principal.credential;
    let look = async move |tx: &mut Tx| credential.standing(tx).await;
    let (revision, standing) = app.db.read(look).await?;
    if standing.is_none() {
        let detail = "the credential ended while this was being answered";
        return Err(Failure::unauthorized(codes::UNAUTHENTICATED, detail));
    }
    decide_again(app, principal, revision).await
}

/// Asks again now and then, for a body that goes out piece by piece.
pub struct Watch {
    principal: Principal,
    asked_at: Instant,
}

impl Watch {
    /// Of a caller that was allowed just now.
    pub fn new(principal: Principal) -> Self {
        Self {
            principal,
            asked_at: Instant::now(),
        }
    }

    /// Asks again if it is time. To be called before each piece.
    ///
    /// # Errors
    /// As [`still`].
    pub async fn check(&mut self, app: &App) -> Result<(), Failure> {
        if self.asked_at.elapsed() < PERIOD {
            return Ok(());
        }
        let now = Instant::now();
        still(app, &self.principal).await?;
        self.asked_at = now;
        Ok(())
    }
}
