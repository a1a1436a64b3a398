//! Measures how full domains are, and says so when an axis is nearly full.

use crate::app::App;
use crate::capacity::readings;
use plex_api::capacity::DomainCapacitySnapshot;
use plex_store::capacity::{Usage, usage};
use plex_store::{Error, Tx};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Between two samples.
pub const PERIOD: Duration = Duration::from_secs(10);

/// Samples at once, and then again and again until the server stops.
pub(super) async fn run(app: App) {
    let mut before = Sent::now(&app);
    loop {
        let now = Sent::now(&app);
        if let Err(error) = sample(&app, &before, &now).await {
            tracing::error!(error.cause = ?error, "capacity could not be sampled; trying again");
        }
        before = now;
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Events sent up to some moment.
struct Sent {
    at: Instant,
    counts: HashMap<Uuid, u64>,
}

impl Sent {
    fn now(app: &App) -> Self {
        Self {
            at: Instant::now(),
            counts: app.fanout.counts(),
        }
    }

    /// Events a second of one domain since an earlier moment.
    fn rate_since(&self, before: &Self, domain_id: Uuid) -> f64 {
        let count = |sent: &Self| sent.counts.get(&domain_id).copied().unwrap_or(0);
        let events = u32::try_from(count(self) - count(before)).unwrap_or(u32::MAX);
        let seconds = (self.at - before.at).as_secs_f64();
        if seconds > 0.0 {
            f64::from(events) / seconds
        } else {
            0.0
        }
    }
}

async fn sample(app: &App, before: &Sent, now: &Sent) -> Result<(), Error> {
    let read = async |tx: &mut Tx| Ok::<_, Error>((tx.now(), usage(tx).await?));
    let (sampled_at, found) = app.db.read(read).await?;
    let snapshot = |usage: Usage| {
        let rate = now.rate_since(before, usage.domain_id);
        let snapshot = DomainCapacitySnapshot {
            sampled_at,
            dimensions: readings(&usage, rate, app.max_live_executions),
        };
        (usage.domain_id, snapshot)
    };
    let domains = found.into_iter().map(snapshot).collect();
    for (domain_id, reading) in app.capacity.replace(domains) {
        tracing::warn!(
            domain.id = %domain_id,
            dimension = reading.dimension.as_str(),
            used = reading.used,
            target = reading.target,
            "a domain is nearly full"
        );
    }
    Ok(())
}
