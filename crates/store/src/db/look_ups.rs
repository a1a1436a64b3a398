//! Look-ups on the caller's own thread.
//!
//! Every request begins with finding its caller. That is one statement of a few microseconds, and handing it to a
//! reader and back would cost several times as much in switching threads.

use super::sqlite::run;
use super::{Error, Tx};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Idle connections. Clones share them.
#[derive(Clone)]
pub(super) struct LookUps(Arc<Mutex<Vec<Tx>>>);

impl LookUps {
    pub(super) fn new(connections: Vec<Tx>) -> Self {
        Self(Arc::new(Mutex::new(connections)))
    }

    /// Runs `work` now; gives it back when all connections are in use.
    pub(super) fn try_run<T, E, W>(&self, work: W) -> Result<Result<T, E>, W>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let Some(mut tx) = self.idle().pop() else { return Err(work) };
        let outcome = run(&mut tx, work);
        self.idle().push(tx);
        Ok(outcome)
    }

    /// Closes the idle connections.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Tx>> {
        // The list is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
