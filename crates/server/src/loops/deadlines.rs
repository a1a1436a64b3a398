//! Sets `timeout` on what no node reported (decision 16): between 5 s and 8 s after the deadline.

use crate::app::App;
use crate::callbacks::records;
use crate::request::CorrelationId;
use jiff::Timestamp;
use plex_store::{Error, audit, invocations};
use std::time::Duration;
use tokio::time::Instant;

/// How long after the deadline a report still counts.
const GRACE: Duration = Duration::from_secs(5);
/// How often it looks: well within the 3 s that the grace leaves.
const PERIOD: Duration = Duration::from_millis(500);
/// Most invocations in one transaction, so that callbacks wait a few milliseconds at most.
const BATCH: u32 = 500;
/// A wall clock that gains this much on the monotonic one was set, and a sweep is left out: a jump must not
/// end what still runs.
const JUMP: Duration = Duration::from_secs(30);

/// Looks again and again until the server stops.
pub(super) async fn run(app: App) {
    let mut seen = (app.clock.now(), Instant::now());
    loop {
        let now = (app.clock.now(), Instant::now());
        if has_jumped(seen, now) {
            tracing::warn!("the clock jumped ahead; deadlines are left alone for one round");
        } else {
            match sweep(&app, now.0).await {
                Ok(()) => app.metrics.deadlines_kept(now.1.into_std()),
                Err(error) => {
                    tracing::error!(error.cause = ?error, "overdue invocations could not be ended; trying again");
                }
            }
        }
        seen = now;
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

fn has_jumped(before: (Timestamp, Instant), now: (Timestamp, Instant)) -> bool {
    let wall = now.0.duration_since(before.0);
    let ran = now.1 - before.1;
    Duration::try_from(wall).is_ok_and(|wall| wall > ran + JUMP)
}

async fn sweep(app: &App, now: Timestamp) -> Result<(), Error> {
    let cutoff = now.checked_sub(GRACE).unwrap_or(Timestamp::MIN);
    let key = app.keys.pseudonyms;
    loop {
        let correlation = CorrelationId::new(app);
        let ended = app
            .db
            .report(async move |tx| {
                let events = invocations::time_out(tx, cutoff, BATCH).await?;
                let entries = records("timeout", &events, |_| correlation.as_str().to_owned());
                audit::append_all(tx, &key, entries).await?;
                Ok::<_, Error>(events.len())
            })
            .await?;
        if ended < BATCH as usize {
            return Ok(());
        }
    }
}
