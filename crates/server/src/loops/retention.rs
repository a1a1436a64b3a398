//! Removes executions that are beyond the bounds of their project's history.
//!
//! In small transactions with pauses between them, in the lane of the reports: a callback waits for one of them at
//! most. Any number of replicas may do it at once, and it may be interrupted anywhere.

use crate::app::App;
use crate::request::CorrelationId;
use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use plex_api::audit::AuditReason;
use plex_store::retention::{self, Bounded, Forgotten, Leftover};
use plex_store::{Error, Tx, audit};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Between two rounds.
pub(super) const PERIOD: Duration = Duration::from_secs(60 * 60);
/// Most executions in one transaction. What is old is read from the disk, while reports wait.
const EXECUTIONS: u32 = 50;
/// Most invocations, with their outputs, in one transaction: they are at most 16 KiB each.
const INVOCATIONS: u32 = 50;
/// Most steps of the history that are looked at, and so removed, at once.
const STEPS: u32 = 2_000;
/// Between two transactions, at least.
const PAUSE: Duration = Duration::from_millis(12);
/// How many times as long as the last one took, the wait for its turn included: four fifths of the lane are the
/// reports', however slow the database is.
const REST: u32 = 4;
/// How much earlier a step may lie in the history than its time says: clocks have gone back.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

/// One round.
pub(super) async fn run(app: &App) {
    if let Err(error) = round(app).await {
        tracing::warn!(error.cause = ?error, "old executions could not be removed; trying again later");
    }
}

async fn round(app: &App) -> anyhow::Result<()> {
    // What an interrupted round left.
    clear(app).await?;
    let mut ended_at = None;
    for bounded in app.db.read(async |tx| retention::bounded(tx).await).await? {
        ended_at = ended_at.max(forget(app, bounded).await?);
    }
    if let Some(ended_at) = ended_at {
        clear_steps(app, ended_at).await?;
        give_back(app).await?;
    }
    Ok(())
}

/// Waits a little between two transactions, of which one began then and has just ended; `false` when the server stops.
async fn goes_on(app: &App, began: Instant) -> bool {
    let pause = pause_after(began.elapsed());
    tokio::select! {
        () = app.shutdown.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

fn pause_after(took: Duration) -> Duration {
    PAUSE.max(took * REST)
}

/// Removes what is beyond a project's bounds. Returns when the last of it had ended, where there was any.
async fn forget(app: &App, bounded: Bounded) -> anyhow::Result<Option<Timestamp>> {
    let Bounded {
        project_id,
        retention,
        ..
    } = bounded;
    let bound = app
        .db
        .read(async move |tx| retention::bound(tx, project_id, &retention).await)
        .await?;
    let key = app.keys.pseudonyms;
    let (mut ended_at, mut count) = (None, 0);
    loop {
        let correlation = CorrelationId::new(app);
        let began = Instant::now();
        let forgotten = app
            .db
            .report(async move |tx| {
                let forgotten = retention::forget(tx, project_id, bound, EXECUTIONS).await?;
                let entry = forgotten.map(|forgotten| record(&bounded, &forgotten, &correlation));
                audit::append_all(tx, &key, entry.into_iter().collect()).await?;
                Ok::<_, Error>(forgotten)
            })
            .await?;
        let Some(forgotten) = forgotten else { break };
        ended_at = ended_at.max(Some(forgotten.ended_at));
        count += u64::from(forgotten.count);
        if !goes_on(app, began).await {
            break;
        }
        clear(app).await?;
    }
    if count > 0 {
        tracing::info!(project.id = %project_id, count, "old executions were removed");
    }
    Ok(ended_at)
}

fn record(bounded: &Bounded, forgotten: &Forgotten, correlation: &CorrelationId) -> audit::Record {
    audit::Record {
        domain_id: Some(bounded.domain_id),
        reason: AuditReason::Granted,
        identity: "system".to_owned(),
        relation: "retention".to_owned(),
        object_type: "project".to_owned(),
        object_id: bounded.project_id.to_string(),
        correlation_id: correlation.as_str().to_owned(),
        ip: None,
        user_agent: None,
        caveats: BTreeMap::new(),
        count: forgotten.count,
        details: Some("old executions were removed".to_owned()),
    }
}

/// Removes the invocations and outputs of executions that are gone: first objects, then the rows that tell of them.
async fn clear(app: &App) -> anyhow::Result<()> {
    loop {
        let part = app
            .db
            .read(async |tx| retention::leftovers(tx, INVOCATIONS).await)
            .await?;
        for left in &part {
            remove_object(app, left).await?;
        }
        let is_cleared = part.is_empty();
        let remove = async move |tx: &mut Tx| {
            retention::remove(tx, &part).await?;
            retention::finish(tx).await
        };
        let began = Instant::now();
        let is_left = app.db.report(remove).await?;
        if !goes_on(app, began).await || is_cleared || !is_left {
            return Ok(());
        }
    }
}

async fn remove_object(app: &App, left: &Leftover) -> anyhow::Result<()> {
    match &left.object {
        Some(key) => app
            .objects
            .remove(key)
            .await
            .context("the object of an old output"),
        None => Ok(()),
    }
}

/// Removes the steps of executions that are gone and had ended by then. They are looked for beside the writer.
async fn clear_steps(app: &App, ended_at: Timestamp) -> Result<(), Error> {
    let until = ended_at.checked_add(CLOCKS).unwrap_or(Timestamp::MAX);
    let mut after = i64::MIN;
    loop {
        let steps = app
            .db
            .read(async move |tx| retention::steps(tx, after, STEPS).await)
            .await?;
        let Some(last) = steps.last() else { return Ok(()) };
        after = last.place;
        let is_past = last.occurred_at > until;
        let places: Vec<i64> = steps
            .iter()
            .filter(|step| step.is_left)
            .map(|step| step.place)
            .collect();
        let began = Instant::now();
        if !places.is_empty() {
            app.db
                .report(async move |tx| retention::remove_steps(tx, &places).await)
                .await?;
        }
        if is_past || !goes_on(app, began).await {
            return Ok(());
        }
    }
}

/// Gives what became free back to the disk.
async fn give_back(app: &App) -> Result<(), Error> {
    loop {
        let began = Instant::now();
        let is_more = app.db.report(async |tx| retention::give_back(tx).await).await?;
        if !is_more || !goes_on(app, began).await {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
