//! Reads of SQLite on the caller's own thread.
//!
//! Every request begins with finding its caller. That is one statement of a few microseconds, and handing it to a
//! reader and back would cost several times as much in switching threads. A page takes longer, but where it was read
//! its rows are in the processor's caches, and whoever writes them to JSON elsewhere waits for each of them.

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

    /// Asks one statement now; gives the question back when all connections are in use.
    pub(super) fn try_ask<T, E, Q>(&self, question: Q) -> Result<Result<T, E>, Q>
    where
        Q: Question<T, E>,
        E: From<Error>,
    {
        self.lend(question, |tx, question| {
            tx.tick();
            finish(ask(tx, question))
        })
    }

    /// Reads a snapshot now; gives the question back when all connections are in use.
    pub(super) fn try_read<T, E, Q>(&self, question: Q) -> Result<Result<T, E>, Q>
    where
        Q: Question<T, E>,
        E: From<Error>,
    {
        self.lend(question, |tx, question| {
            tx.step("begin")?;
            tx.tick();
            let outcome = finish(ask(tx, question));
            let _ = tx.step("rollback");
            outcome
        })
    }

    fn lend<Q, R>(&self, question: Q, work: impl FnOnce(&mut Tx, Q) -> R) -> Result<R, Q> {
        let Some(mut tx) = self.idle().pop() else {
            return Err(question);
        };
        let done = work(&mut tx, question);
        self.idle().push(tx);
        Ok(done)
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
    async fn what_asks_once_sees_one_moment_and_no_other_of_the_one_before() {
        let (_dir, db) = testing::on_sqlite();
        for round in 0..3 {
            let writer = db.clone();
            let counts = db.read_committed(move |tx: &mut Tx| {
                async move {
                    let before = count(tx).await?;
                    // It may run on the thread of this very test.
                    let write = move || {
                        let slug = format!("domain-{round}");
                        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                        runtime.block_on(writer.write(async move |tx| testing::domain(tx, &slug).await))
                    };
                    std::thread::spawn(write).join().unwrap().unwrap();
                    Ok::<_, Error>((before, count(tx).await?))
                }
                .boxed()
            });
            assert_eq!(counts.await.unwrap(), (round, round));
        }
    }

    #[tokio::test]
    async fn with_every_connection_in_use_a_reader_answers() {
        let (_dir, db) = testing::on_sqlite();
        let _taken = db.idle().map(|idle| std::mem::take(&mut *idle.idle()));
        assert_eq!(db.look_up(count).await.unwrap(), 0);
        assert_eq!(db.read_committed(count).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_panic_or_an_error_costs_no_connection() {
        fn panics(_: &mut Tx) -> BoxFuture<'_, Result<(), Error>> {
            panic!("as a test does")
        }
        fn refuses(_: &mut Tx) -> BoxFuture<'_, Result<(), Error>> {
            ready(Err(Error::Busy)).boxed()
        }
        let (_dir, db) = testing::on_sqlite();
        let number = || db.idle().map(|idle| idle.idle().len());
        let before = number();
        for _ in 0..2 {
            assert!(matches!(db.look_up(panics).await, Err(Error::Panicked)));
            assert!(matches!(db.read_committed(panics).await, Err(Error::Panicked)));
            assert!(matches!(db.look_up(refuses).await, Err(Error::Busy)));
            assert!(matches!(db.read_committed(refuses).await, Err(Error::Busy)));
        }
        assert_eq!(number(), before);
        assert_eq!(db.look_up(count).await.unwrap(), 0);
        assert_eq!(db.read_committed(count).await.unwrap(), 0);
    }

    #[test]
    fn one_thread_of_a_runtime_never_reads_but_to_look_up() {
        let (_dir, db) = testing::on_sqlite();
        let [_, others] = db.idle().map(|idle| idle.idle().len());
        let threads = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        assert!(others < threads.metrics().num_workers());
    }
}
