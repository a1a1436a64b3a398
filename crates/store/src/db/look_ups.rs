//! Look-ups on the caller's own thread.
//!
//! Every request begins with finding its caller. That is one statement of a few microseconds, and handing it to a
//! reader and back would cost several times as much in switching threads.

use super::job::run;
use super::sqlite::finish;
use super::{Error, Tx};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Idle connections. Clones share them.
#[derive(Clone)]
pub(super) struct Idle(Arc<Mutex<Vec<Tx>>>);

impl Idle {
    pub(super) fn new(connections: Vec<Tx>) -> Self {
        Self(Arc::new(Mutex::new(connections)))
    }

    /// Runs `work` now; gives it back when all connections are in use.
    pub(super) fn try_run<T, E, W>(&self, work: W) -> Result<Result<T, E>, W>
    where
        W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
        E: From<Error>,
    {
        let Some(mut tx) = self.idle().pop() else {
            return Err(work);
        };
        tx.tick();
        let outcome = finish(run(&mut tx, work));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use crate::values;

    async fn count(tx: &mut Tx) -> Result<i64, Error> {
        let found = tx
            .optional("select count(*) from domains", &values![], |row| row.get(0))
            .await?;
        Ok(found.unwrap_or_default())
    }

    #[tokio::test]
    async fn a_look_up_sees_what_was_committed_before_it() {
        let (_dir, db) = testing::on_sqlite();
        for expected in 0..10 {
            assert_eq!(db.look_up(count).await.unwrap(), expected);
            let slug = format!("domain-{expected}");
            db.write(async move |tx| testing::domain(tx, &slug).await)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn with_every_connection_in_use_a_look_up_goes_to_a_reader() {
        let (_dir, db) = testing::on_sqlite();
        let connections = std::mem::take(&mut *db.idle_look_ups().idle());
        assert!(!connections.is_empty());
        assert_eq!(db.look_up(count).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_panic_or_an_error_in_a_look_up_costs_no_connection() {
        let (_dir, db) = testing::on_sqlite();
        let before = db.idle_look_ups().idle().len();
        let panicked = db
            .look_up(async |_: &mut Tx| -> Result<(), Error> { panic!("as a test does") })
            .await;
        assert!(matches!(panicked, Err(Error::Panicked)));
        let refused = db
            .look_up(async |_: &mut Tx| -> Result<(), Error> { Err(Error::Busy) })
            .await;
        assert!(matches!(refused, Err(Error::Busy)));
        assert_eq!(db.idle_look_ups().idle().len(), before);
        assert_eq!(db.look_up(count).await.unwrap(), 0);
    }
}
