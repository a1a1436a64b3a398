//! Ends streams whose key no longer holds, whichever replica ended it: within 5 s (issue 3).
//!
//! A change wakes its streams at once. This loop finds what no wake-up told of, and the keys that are over by the
//! clock. Both only say "look": the stream itself reads the database and decides. Reports by such keys are refused in any
//! case; here the keys are forgotten as well, so that their bearers are counted as strangers before they send anything.

use crate::app::App;
use crate::wakes::Wake;
use jiff::Timestamp;
use plex_store::{Error, Tx, nodes};

/// Looks once.
pub(super) async fn look(app: &App, since: Timestamp) -> Result<Timestamp, Error> {
    let read = async move |tx: &mut Tx| Ok::<_, Error>((tx.now(), nodes::changed_keys(tx, since).await?));
    let (now, changed) = app.db.read(read).await?;
    app.reporters.forget(&changed);
    app.wakes.tell_here(Wake::Keys, &changed);
    Ok(now)
}
