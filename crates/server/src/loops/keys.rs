//! Ends streams whose key no longer holds, whichever replica ended it: within 5 s (issue 3).
//!
//! A change wakes its streams at once. This loop finds what no wake-up told of, and the keys that are over by the
//! clock. Both only say "look": the stream itself reads the database and decides.

use crate::app::App;
use crate::wakes::Wake;
use jiff::Timestamp;
use plex_store::{Error, Tx, nodes};
use std::time::Duration;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(2);
/// How far each look reaches back before the one before: transactions that were under way, and clocks that differ.
const OVERLAP: Duration = Duration::from_secs(10);

/// Looks again and again until the server stops.
pub(super) async fn run(app: App) {
    let mut since = app.clock.now();
    loop {
        let from = since.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        match look(&app, from).await {
            Ok(now) => since = now,
            Err(error) => {
                tracing::error!(error.cause = ?error, "changed node keys could not be read; trying again");
            }
        }
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn look(app: &App, since: Timestamp) -> Result<Timestamp, Error> {
    let read = async move |tx: &mut Tx| Ok::<_, Error>((tx.now(), nodes::changed_keys(tx, since).await?));
    let (now, changed) = app.db.read(read).await?;
    app.wakes.tell_here(Wake::Keys, &changed);
    Ok(now)
}
