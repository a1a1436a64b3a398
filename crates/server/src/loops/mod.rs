//! What the control plane does without being asked.

mod capacity;
mod deadlines;
mod keys;
mod pending;
mod retention;
mod sweep;

pub use capacity::PERIOD as CAPACITY_PERIOD;

use crate::app::App;
use jiff::Timestamp;
use plex_store::Error;
use std::time::Duration;

/// Starts every loop; they end with the server.
pub fn start(app: &App) {
    app.spawn(deadlines::run(app.clone()));
    app.spawn(watch(app.clone(), "changed node keys", async |app, since| {
        keys::look(app, since).await
    }));
    app.spawn(watch(app.clone(), "what is pending", async |app, since| {
        pending::look(app, since).await
    }));
    app.spawn(capacity::run(app.clone()));
    app.spawn(every(app.clone(), Duration::from_secs(10), async |app| {
        app.denials.flush_due(app).await;
        app.token_uses.flush(app).await;
    }));
    app.spawn(every(app.clone(), Duration::from_secs(600), async |app| {
        sweep::run(app).await
    }));
    app.spawn(every(app.clone(), retention::PERIOD, async |app| {
        retention::run(app).await
    }));
}

/// Between two looks of a [`watch`].
const LOOK: Duration = Duration::from_secs(2);
/// How far each look reaches back before the one before: transactions that were under way, and clocks that differ.
const OVERLAP: Duration = Duration::from_secs(10);

/// Looks again and again for what is new in the database, whichever replica wrote it: the net under lost wake-ups.
async fn watch(app: App, what: &str, look: impl AsyncFn(&App, Timestamp) -> Result<Timestamp, Error>) {
    let mut since = app.clock.now();
    loop {
        let from = since.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        match look(&app, from).await {
            Ok(now) => since = now,
            Err(error) => tracing::error!(error.cause = ?error, what, "could not be read; trying again"),
        }
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Runs `work` now and then after every `period`.
async fn every(app: App, period: Duration, work: impl AsyncFn(&App)) {
    loop {
        work(&app).await;
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
    }
}
