//! What the control plane does without being asked.

mod capacity;
mod deadlines;
mod keys;
mod pending;
mod sweep;

pub use capacity::PERIOD as CAPACITY_PERIOD;

use crate::app::App;
use std::time::Duration;

/// Starts every loop; they end with the server.
pub fn start(app: &App) {
    app.spawn(deadlines::run(app.clone()));
    app.spawn(keys::run(app.clone()));
    app.spawn(pending::run(app.clone()));
    app.spawn(capacity::run(app.clone()));
    app.spawn(every(app.clone(), Duration::from_secs(10), async |app| {
        app.denials.flush_due(app).await;
        app.token_uses.flush(app).await;
    }));
    app.spawn(every(app.clone(), Duration::from_secs(600), async |app| {
        sweep::run(app).await
    }));
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
