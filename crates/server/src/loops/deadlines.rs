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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestApp};
    use std::time::Instant;

    /// Long enough to be seen in milliseconds.
    const WHILE: Duration = Duration::from_millis(5);

    /// What the metrics say.
    fn lag(app: &App) -> Duration {
        let text = app.metrics.text(app);
        let mut lines = text.lines();
        let lag = lines.find_map(|line| line.strip_prefix("plexsphere_deadlines_lag_seconds "));
        Duration::from_secs_f64(lag.expect("it is always there").parse().unwrap())
    }

    /// A control plane whose own loops have ended, so that each [`run`] is one round.
    async fn stopped() -> TestApp {
        let app = TestApp::start().await;
        app.app.stop().await;
        app
    }

    #[tokio::test]
    async fn a_round_takes_the_lag_back_unless_it_fails() {
        let app = stopped().await;
        tokio::time::sleep(WHILE).await;
        let before = Instant::now();
        run(app.app.clone()).await;
        let (lag_then, most) = (lag(&app.app), before.elapsed() + Duration::from_millis(1));
        assert!(lag_then <= most, "{lag_then:?}");
        testing::execute(&app.app, "alter table invocations rename to gone").await;
        let after = Instant::now();
        tokio::time::sleep(WHILE).await;
        run(app.app.clone()).await;
        let least = after.elapsed();
        assert!(lag(&app.app) >= least, "nothing was ended");
        testing::execute(&app.app, "alter table gone rename to invocations").await;
        let before = Instant::now();
        run(app.app.clone()).await;
        assert!(lag(&app.app) <= before.elapsed() + Duration::from_millis(1));
    }

    #[tokio::test]
    async fn a_round_that_is_held_up_is_seen_as_lag() {
        let app = stopped().await;
        let taken = app.take_reporter().await;
        let round = tokio::spawn(run(app.app.clone()));
        let is_waiting = async {
            while app.app.db.waiting()[1].1 == 0 {
                tokio::task::yield_now().await;
            }
        };
        let is_waiting = tokio::time::timeout(Duration::from_secs(30), is_waiting);
        is_waiting.await.expect("a round reports");
        let (held_up, at_first) = (Instant::now(), lag(&app.app));
        tokio::time::sleep(WHILE).await;
        assert!(lag(&app.app) >= at_first + WHILE, "it grows");
        drop(taken);
        round.await.unwrap();
        let least = held_up.elapsed();
        assert!(lag(&app.app) >= least, "what fell due meanwhile is not ended yet");
    }
}
