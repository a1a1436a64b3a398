//! The connections that read a snapshot, on threads of ours.

use super::place::{PATIENCE, Place, View};
use super::{Opener, Waiting};
use crate::db::Error;
use crate::db::job::Again;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// Threads that read, each with [`CONNECTIONS`].
pub(super) const THREADS: usize = 2;
/// Connections of each thread.
pub(super) const CONNECTIONS: usize = 2;

type Jobs = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Reads until there is nobody left who could ask.
pub(super) async fn run(opener: Opener, jobs: Jobs) {
    let readers: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::task::spawn_local(read(Place::own(&opener), Arc::clone(&jobs))))
        .collect();
    for reader in readers {
        // One that panicked has ended as well.
        let _ = reader.await;
    }
}

async fn read(mut place: Place, jobs: Jobs) {
    loop {
        let next = jobs.lock().await.recv().await;
        let Some(waiting) = next else { return };
        if waiting.since.elapsed() > PATIENCE {
            waiting.job.answer(Err(Error::Busy));
            continue;
        }
        serve(&mut place, waiting).await;
    }
}

async fn serve(place: &mut Place, Waiting { mut job, since }: Waiting) {
    match place.begin(since, View::Snapshot).await {
        Ok(mut tx) => {
            job.run(&mut tx, Again::Never).await;
            job.answer(Ok(()));
            place.end(tx, View::Snapshot).await;
        }
        Err(error) => job.answer(Err(error)),
    }
}
