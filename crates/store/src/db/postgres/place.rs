//! A place for one who reads, with its connection while it has one.

use super::Opener;
use super::session::{Session, Trouble};
use crate::db::{Error, Tx};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, oneshot};

/// How long one may wait for a connection, and how long one may take to be made; there are better things to do then
/// than to wait on.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// One state of the whole database.
    Snapshot,
    /// Whatever is committed when each of the statements begins; mostly there is only one.
    Statement,
}

/// A place for one who reads.
pub(super) struct Place {
    source: Source,
    idle: Option<Tx>,
}

/// Where a place's connection comes from.
enum Source {
    /// It is its own.
    Own(Opener),
    /// Others use it as well. `None` until the first asks for it.
    Shared(Opener, Arc<Mutex<Option<Session>>>),
}

impl Source {
    async fn open(&self) -> Result<Tx, Error> {
        match self {
            Self::Own(opener) => opener.open().await,
            Self::Shared(opener, slot) => {
                let (answer, answered) = oneshot::channel();
                let (opener, slot) = (opener.clone(), Arc::clone(slot));
                // On its own: who waits no longer leaves the connection to those behind him.
                tokio::spawn(async move {
                    let mut slot = slot.lock().await;
                    if !answer.is_closed() {
                        let _ = answer.send(open_shared(&opener, &mut slot).await);
                    }
                });
                answered.await.unwrap_or(Err(Error::Unavailable(None)))
            }
        }
    }

    /// Has a connection made anew that was lost, also where it does not know so itself.
    async fn forget(&self, mut lost: Tx) {
        if let Self::Shared(_, slot) = self {
            let mut slot = slot.lock().await;
            slot.take_if(|session| session.is_beside(lost.postgres()));
        }
    }
}

async fn open_shared(opener: &Opener, slot: &mut Option<Session>) -> Result<Tx, Error> {
    let session = match slot.take().filter(|session| !session.is_closed()) {
        Some(session) => session,
        None => tokio::time::timeout(PATIENCE, opener.connect())
            .await
            .map_err(|_| Error::Unavailable(None))??,
    };
    Ok(opener.with(slot.insert(session).beside()))
}

impl Place {
    /// A place with a connection of its own.
    pub(super) fn own(opener: &Opener) -> Self {
        Self {
            source: Source::Own(opener.clone()),
            idle: None,
        }
    }

    /// Places that share a connection; at none of them anybody waits for another's answer before he asks.
    pub(super) fn shared(opener: &Opener, places: usize) -> Vec<Self> {
        let session = Arc::default();
        let shared = |_| Self {
            source: Source::Shared(opener.clone(), Arc::clone(&session)),
            idle: None,
        };
        (0..places).map(shared).collect()
    }

    /// Begins for one who has waited since then.
    pub(super) async fn begin(&mut self, since: Instant, view: View) -> Result<Tx, Error> {
        // Who shares a connection waits while another of them tries to make it.
        let patience = PATIENCE.saturating_sub(since.elapsed());
        let begun = tokio::time::timeout(patience, self.try_begin(view)).await;
        let mut tx = begun.unwrap_or(Err(Error::Busy))?;
        tx.tick();
        Ok(tx)
    }

    /// On the idle connection, or on a new one where that has gone meanwhile.
    async fn try_begin(&mut self, view: View) -> Result<Tx, Error> {
        if let Some(mut tx) = self.idle.take()
            && !tx.postgres().is_closed()
            && begin_on(&mut tx, view).await.is_ok()
        {
            return Ok(tx);
        }
        let mut tx = self.source.open().await?;
        begin_on(&mut tx, view).await?;
        Ok(tx)
    }

    /// Ends what was begun; keeps the connection unless it is lost.
    pub(super) async fn end(&mut self, mut tx: Tx, view: View) {
        let session = tx.postgres();
        let is_open = view == View::Snapshot || session.is_aborted();
        // Without a transaction this only warns.
        let ended = !is_open || session.step("rollback").await.is_ok();
        if ended && session.trouble() != Some(Trouble::Lost) {
            self.idle = Some(tx);
        } else {
            self.source.forget(tx).await;
        }
    }
}

async fn begin_on(tx: &mut Tx, view: View) -> Result<(), Error> {
    match view {
        View::Snapshot => tx.postgres().begin_snapshot().await,
        View::Statement => tx.postgres().sync().await,
    }
}
