//! The connections that read.

use super::session::Trouble;
use super::{Opener, View, Waiting};
use crate::db::job::Again;
use crate::db::{Error, Tx};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Threads that read, each with [`CONNECTIONS`].
pub(super) const THREADS: usize = 2;
/// Connections of each thread.
const CONNECTIONS: usize = 4;
/// How long a job may wait for a connection; its caller has better things to do then than to wait on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads until there is nobody left who could ask.
pub(super) async fn run(opener: Opener, jobs: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::task::spawn_local(read(opener.clone(), Arc::clone(&jobs))))
        .collect();
    for connection in connections {
        // One that panicked has ended as well.
        let _ = connection.await;
    }
}

async fn read(opener: Opener, jobs: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let mut idle: Option<Tx> = None;
    loop {
        let next = jobs.lock().await.recv().await;
        let Some(waiting) = next else { return };
        if waiting.since.elapsed() > PATIENCE {
            waiting.job.answer(Err(Error::Busy));
            continue;
        }
        idle = serve(&opener, idle, waiting).await;
    }
}

/// Runs a job; returns the connection unless it is lost.
async fn serve(opener: &Opener, idle: Option<Tx>, waiting: Waiting) -> Option<Tx> {
    let Waiting { mut job, view, .. } = waiting;
    let mut tx = match begin(opener, idle, view).await {
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
async fn begin(opener: &Opener, idle: Option<Tx>, view: View) -> Result<Tx, Error> {
    if let Some(mut tx) = idle
        && !tx.postgres().is_closed()
        && begin_on(&mut tx, view).await.is_ok()
    {
        return Ok(tx);
    }
    let mut tx = opener.open().await?;
    begin_on(&mut tx, view).await?;
    Ok(tx)
}

async fn begin_on(tx: &mut Tx, view: View) -> Result<(), Error> {
    match view {
        View::Snapshot => tx.postgres().begin_snapshot().await,
        View::Statement => tx.postgres().sync().await,
    }
}
