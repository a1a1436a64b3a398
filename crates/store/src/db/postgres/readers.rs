//! The connections that read.

use super::session::Trouble;
use super::{Opener, Session, View, Waiting};
use crate::db::job::Again;
use crate::db::{Error, Tx};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Threads that read, each with [`CONNECTIONS`].
pub(super) const THREADS: usize = 2;
/// Connections of each thread.
const CONNECTIONS: usize = 4;
/// How long a job may wait for a connection; its caller has better things to do then than to wait on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that look-ups share.
const SHARED: usize = 2;
/// Look-ups under way on each of them.
const UNDER_WAY: usize = 32;

type Jobs = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Where a reader's connection comes from.
#[derive(Clone)]
enum Source {
    /// It is its own.
    Own(Opener),
    /// Others use it as well. `None` until the first asks for it.
    Shared(Opener, Rc<Mutex<Option<Session>>>),
}

impl Source {
    async fn open(&self) -> Result<Tx, Error> {
        match self {
            Self::Own(opener) => opener.open().await,
            Self::Shared(opener, session) => {
                let mut shared = session.lock().await;
                let session = match shared.take().filter(|session| !session.is_closed()) {
                    Some(session) => session,
                    None => opener.connect().await?,
                };
                Ok(opener.with(shared.insert(session).beside()))
            }
        }
    }
}

/// Reads until there is nobody left who could ask.
pub(super) async fn run(opener: Opener, jobs: Jobs) {
    read_with(vec![Source::Own(opener); CONNECTIONS], &jobs).await;
}

/// Looks up until there is nobody left who could ask.
pub(super) async fn run_look_ups(opener: Opener, jobs: mpsc::Receiver<Waiting>) {
    let shared = (0..SHARED).map(|_| Source::Shared(opener.clone(), Rc::default()));
    let sources = shared.flat_map(|source| vec![source; UNDER_WAY]).collect();
    read_with(sources, &Arc::new(Mutex::new(jobs))).await;
}

async fn read_with(sources: Vec<Source>, jobs: &Jobs) {
    let readers: Vec<_> = sources
        .into_iter()
        .map(|source| tokio::task::spawn_local(read(source, Arc::clone(jobs))))
        .collect();
    for reader in readers {
        // One that panicked has ended as well.
        let _ = reader.await;
    }
}

async fn read(source: Source, jobs: Jobs) {
    let mut idle: Option<Tx> = None;
    loop {
        let next = jobs.lock().await.recv().await;
        let Some(waiting) = next else { return };
        if waiting.since.elapsed() > PATIENCE {
            waiting.job.answer(Err(Error::Busy));
            continue;
        }
        idle = serve(&source, idle, waiting).await;
    }
}

/// Runs a job; returns the connection unless it is lost.
async fn serve(source: &Source, idle: Option<Tx>, waiting: Waiting) -> Option<Tx> {
    let Waiting { mut job, since, view } = waiting;
    // Who shares a connection waits while another of them tries to make it.
    let patience = PATIENCE.saturating_sub(since.elapsed());
    let begun = tokio::time::timeout(patience, begin(source, idle, view)).await;
    let mut tx = match begun.unwrap_or(Err(Error::Busy)) {
        Ok(tx) => tx,
        Err(error) => {
            job.answer(Err(error));
            return None;
        }
    };
    tx.tick();
    job.run(&mut tx, Again::Never).await;
    job.answer(Ok(()));
    let session = tx.postgres();
    if view == View::Snapshot || session.is_aborted() {
        // Without a transaction this only warns.
        session.step("rollback").await.ok()?;
    }
    (session.trouble() != Some(Trouble::Lost)).then_some(tx)
}

/// Begins on the idle connection, or on a new one where that has gone meanwhile.
async fn begin(source: &Source, idle: Option<Tx>, view: View) -> Result<Tx, Error> {
    if let Some(mut tx) = idle
        && !tx.postgres().is_closed()
        && begin_on(&mut tx, view).await.is_ok()
    {
        return Ok(tx);
    }
    let mut tx = source.open().await?;
    begin_on(&mut tx, view).await?;
    Ok(tx)
}

async fn begin_on(tx: &mut Tx, view: View) -> Result<(), Error> {
    match view {
        View::Snapshot => tx.postgres().begin_snapshot().await,
        View::Statement => tx.postgres().sync().await,
    }
}
