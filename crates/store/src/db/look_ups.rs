//! Look-ups on the caller's own thread.
//!
//! Every request begins with finding its caller. That is one statement of a few microseconds, and handing it to a
//! reader and back would cost several times as much in switching threads.

use super::job::{Question, ask};
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

    /// Asks now; gives the question back when all connections are in use.
    pub(super) fn try_ask<T, E, Q>(&self, question: Q) -> Result<Result<T, E>, Q>
    where
        Q: Question<T, E>,
        E: From<Error>,
    {
        let Some(mut tx) = self.idle().pop() else {
            return Err(question);
        };
        tx.tick();
        let outcome = finish(ask(&mut tx, question));
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
    use futures_util::FutureExt as _;
    use futures_util::future::{BoxFuture, ready};

    fn count(tx: &mut Tx) -> BoxFuture<'_, Result<i64, Error>> {
        async {
            let found = tx
                .optional("select count(*) from domains", &values![], |row| row.get(0))
                .await?;
            Ok(found.unwrap_or_default())
        }
        .boxed()
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
            .look_up(|_: &mut Tx| -> BoxFuture<'_, Result<(), Error>> { panic!("as a test does") })
            .await;
        assert!(matches!(panicked, Err(Error::Panicked)));
        let refused = db
            .look_up(|_: &mut Tx| ready(Err::<(), Error>(Error::Busy)).boxed())
            .await;
        assert!(matches!(refused, Err(Error::Busy)));
        assert_eq!(db.idle_look_ups().idle().len(), before);
        assert_eq!(db.look_up(count).await.unwrap(), 0);
    }
}
