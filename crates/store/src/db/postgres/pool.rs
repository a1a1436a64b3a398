//! The connections of those who ask once, on their callers' own runtime.
//!
//! Handing a question to another thread and its answer back costs about as much as finding a row. So the driver of
//! these connections runs where the question comes from: mostly the thread that has the request sends the statement,
//! hears the answer and goes on.

use super::Opener;
use super::place::{PATIENCE, Place, View};
use crate::db::Error;
use crate::db::handle::QUEUE;
use crate::db::job::{Question, ask};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that has answered nobody for so long has something before it that others need not wait for.
const SLOW: Duration = Duration::from_millis(20);
/// For so long one that could not be made is left alone: it answers nobody, and so it would look idle.
const AVOIDED: Duration = Duration::from_secs(1);

/// How long one waits for an answer, with the wait for a place. On a connection that is shared it could be minutes:
/// whoever is before him may wait for a table that somebody has locked. An agent gives up after 10 s, and is to hear of
/// it before.
const ANSWERED: Duration = Duration::from_secs(8);

/// Connections, each of which several share. Clones are the same.
#[derive(Clone)]
pub(in crate::db) struct Pool(Arc<Places>);

struct Places {
    /// As many as there are free places.
    turns: Arc<Semaphore>,
    lines: Mutex<Vec<Line>>,
    waiting: AtomicUsize,
}

/// One of the connections.
struct Line {
    free: Vec<Place>,
    under_way: usize,
    /// When somebody was answered last, or nobody was waiting.
    heard: Instant,
    /// When it could not be made, if nobody has been answered since.
    failed: Option<Instant>,
}

impl Line {
    /// What a newcomer would have before him: no connection first, then something slow, then how much.
    fn load(&self) -> (bool, bool, usize) {
        let is_down = self.failed.is_some_and(|failed| failed.elapsed() < AVOIDED);
        let is_slow = self.under_way > 0 && self.heard.elapsed() > SLOW;
        (is_down, is_slow, self.under_way)
    }
}

impl Pool {
    /// So many connections, and so many questions under way on each.
    pub(super) fn of(opener: &Opener, (connections, under_way): (usize, usize)) -> Self {
        let unused = |_| Line {
            free: Place::shared(opener, under_way),
            under_way: 0,
            heard: Instant::now(),
            failed: None,
        };
        Self(Arc::new(Places {
            turns: Arc::new(Semaphore::new(connections * under_way)),
            lines: Mutex::new((0..connections).map(unused).collect()),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// How many wait for a place.
    pub(in crate::db) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Asks, and waits for the answer.
    pub(in crate::db) async fn ask<T, E>(&self, question: impl Question<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let places = Arc::clone(&self.0);
        // On its own, so that a caller who goes away, or has waited for too long, leaves no connection in the middle of
        // an answer.
        let asked = tokio::spawn(async move {
            let since = Instant::now();
            places.turn(since).await?.take(since, question).await
        });
        match tokio::time::timeout(ANSWERED, asked).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(Error::Unavailable(None).into())),
            Err(_) => Err(Error::Busy.into()),
        }
    }
}

impl Places {
    async fn turn(self: Arc<Self>, since: Instant) -> Result<Turn, Error> {
        let turns = Arc::clone(&self.turns);
        let permit = match Arc::clone(&turns).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Counted::of(&self.waiting)?;
                let turn =
                    tokio::time::timeout(PATIENCE.saturating_sub(since.elapsed()), turns.acquire_owned());
                turn.await
                    .map_err(|_| Error::Busy)?
                    .map_err(|_| Error::Unavailable(None))?
            }
        };
        // With nothing under way it is always the same.
        let mut lines = self.lines();
        let places = lines
            .iter_mut()
            .enumerate()
            .filter(|(_, line)| !line.free.is_empty());
        let (at, line) = places
            .min_by_key(|(_, line)| line.load())
            .ok_or(Error::Unavailable(None))?;
        if line.under_way == 0 {
            line.heard = Instant::now();
        }
        line.under_way += 1;
        let place = line.free.pop();
        drop(lines);
        Ok(Turn {
            place,
            at,
            has_begun: false,
            places: self,
            _permit: permit,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        // They are whole whatever panics.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, until whoever has it is done or gone.
struct Turn {
    /// `None` only when it has been given back.
    place: Option<Place>,
    /// The connection.
    at: usize,
    has_begun: bool,
    places: Arc<Places>,
    /// The last to go: who has one finds a free place.
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    async fn take<T, E>(&mut self, since: Instant, question: impl Question<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let place = self.place.as_mut().ok_or(Error::Unavailable(None))?;
        let mut tx = place.begin(since, View::Statement).await?;
        self.has_begun = true;
        let answer = ask(&mut tx, question).await;
        place.end(tx, View::Statement).await;
        answer
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let line = &mut self.places.lines()[self.at];
        line.free.extend(self.place.take());
        line.under_way -= 1;
        line.heard = Instant::now();
        line.failed = (!self.has_begun).then_some(line.heard);
    }
}

/// One of those who wait.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn of(waiting: &'c AtomicUsize) -> Result<Self, Error> {
        let counted = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            Ok(counted)
        } else {
            Err(Error::Busy)
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
