//! PostgreSQL, shared by replicas.
//!
//! Five kinds of connections. One writes, one reports and a few read snapshots, each driven on threads of ours; a few
//! answer what asks once and two are shared by look-ups, on the runtime of those who ask. The writers of all replicas
//! take the same lock at the beginning of their transactions, so that each is alone while it lasts, as SQLite's writer
//! is; and so do the reporters. What is written therefore commits in the order of its times.

mod clock;
mod lane;
mod migrate;
mod months;
mod place;
mod pool;
mod readers;
mod session;
mod settings;

#[doc(hidden)]
pub use migrate::{Change, Step};
pub(super) use pool::Pool;
pub(super) use session::{Asked, Session};
pub use settings::{Settings, Time, UrlError};

use super::handle::{Asking, QUEUE, Queue, Threads};
use super::job::Job;
use super::tx::Connection;
use super::{Db, Error, Tx};
use crate::nodes::Names;
use clock::Clock;
use lane::Lane;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

/// Connections for look-ups, and how many are under way on each.
const LOOK_UPS: (usize, usize) = (2, 32);
/// The same for what else asks once. With another question behind it a connection never rests.
const QUESTIONS: (usize, usize) = (4, 16);

/// A job on its way to a connection.
pub(super) struct Waiting {
    pub(super) job: Box<dyn Job>,
    pub(super) since: Instant,
}

impl Waiting {
    pub(super) fn new(job: Box<dyn Job>) -> Self {
        let since = Instant::now();
        Self { job, since }
    }
}

/// Brings the schema up to date and starts the threads.
pub(super) fn open(server: &Settings, settings: &super::Settings) -> Result<Db, Error> {
    let opener = Opener::new(server, settings);
    let found_version = std::thread::scope(|scope| {
        let first = scope.spawn(|| block_on(prepare(&opener)));
        first.join().map_err(|_| Error::Panicked)?
    })?;
    let mut threads = Threads::default();
    let (running, stopped) = crossbeam_channel::bounded(0);
    threads.start("db-months", {
        let opener = opener.clone();
        move || months::run(&opener, &stopped)
    });
    let mut lane = |name, lane| {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let opener = opener.clone();
        threads.start(name, move || block_on(lane::run(Lane::new(lane, opener), jobs)));
        Queue::Postgres(queue)
    };
    let writer = lane("db-writer", lane::Name::Writers);
    let reports = lane("db-reports", lane::Name::Reporters);
    let (readers, reads) = mpsc::channel(QUEUE);
    let reads = Arc::new(tokio::sync::Mutex::new(reads));
    for _ in 0..readers::THREADS {
        let (opener, reads) = (opener.clone(), Arc::clone(&reads));
        threads.start("db-readers", move || block_on(readers::run(opener, reads)));
    }
    Ok(Db {
        writer,
        reports,
        readers: Queue::Postgres(readers),
        asking: Asking::Postgres {
            look_ups: Pool::of(&opener, LOOK_UPS),
            others: Pool::of(&opener, QUESTIONS),
        },
        clock: opener.settings.clock,
        failed: Arc::new(AtomicBool::new(false)),
        found_version,
        running: Some(running),
        threads,
    })
}

/// Brings the schema up to date, and makes the months that what is dispatched from now on goes to.
async fn prepare(opener: &Opener) -> Result<u32, Error> {
    let found_version = migrate::migrate(&opener.server).await?;
    let mut session = Session::open(&opener.server, None).await?;
    match months::make(&mut session, opener.settings.clock.now()).await {
        // Other replicas are at work; the default partition takes what comes until the next look.
        Ok(()) | Err(Error::Busy) => Ok(found_version),
        Err(error) => Err(error),
    }
}

/// Makes connections.
#[derive(Clone)]
struct Opener {
    server: Settings,
    settings: super::Settings,
    /// Told what the server says; `None` when another clock rules.
    clock: Option<Arc<Clock>>,
    /// What all of its transactions know.
    names: Arc<Names>,
}

impl Opener {
    fn new(server: &Settings, settings: &super::Settings) -> Self {
        let mut settings = settings.clone();
        let clock = (server.time == Time::Database).then(|| Arc::new(Clock::new()));
        if let Some(clock) = &clock {
            settings.clock = Arc::clone(clock) as Arc<dyn plex_domain::env::Clock>;
        }
        Self {
            server: server.clone(),
            settings,
            clock,
            names: Arc::default(),
        }
    }

    async fn open(&self) -> Result<Tx, Error> {
        Ok(self.with(self.connect().await?))
    }

    async fn connect(&self) -> Result<Session, Error> {
        Session::open(&self.server, self.clock.clone()).await
    }

    fn with(&self, session: Session) -> Tx {
        Tx::new(Connection::Postgres(session), &self.settings, &self.names)
    }
}

/// Runs a future, and what it spawns beside itself, on this thread.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made while the program starts");
    LocalSet::new().block_on(&runtime, work)
}

#[cfg(test)]
mod tests;

/// Runs statements on a server, outside any transaction of ours.
#[doc(hidden)]
pub fn execute(server: &Settings, sql: &str) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| block_on(async { Session::open(server, None).await?.step(sql).await }));
        ran.join().map_err(|_| Error::Panicked)?
    })
}
