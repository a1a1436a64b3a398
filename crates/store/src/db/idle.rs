//! Reads of SQLite on the caller's own thread.
//!
//! Every request begins with finding its caller. That is one statement of a few microseconds, and handing it to a
//! reader and back would cost several times as much in switching threads. A page takes longer, but where it was read
//! its rows are in the processor's caches, and whoever writes them to JSON elsewhere waits for each of them.
//!
//! While a thread of the runtime reads, nobody may notice what arrives for others. So a page that takes long, as from a
//! cold disk, is given up and left to a reader, and so are all others for a while.

use super::job::{Question, ask};
use super::sqlite::finish;
use super::{Error, Tx};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a page is read for at most, apart from a disk that takes longer for a single access.
const LONGEST: Duration = Duration::from_millis(10);
/// How long no page is read after one that took longer.
const REST: Duration = Duration::from_secs(1);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 200;

/// Idle connections. Clones share them.
#[derive(Clone)]
pub(super) struct Idle(Arc<Mutex<State>>);

struct State {
    connections: Vec<Tx>,
    /// Until then pages are left to the readers.
    rests_until: Option<Instant>,
}

impl Idle {
    pub(super) fn new(connections: Vec<Tx>) -> Self {
        Self(Arc::new(Mutex::new(State {
            connections,
            rests_until: None,
        })))
    }

    /// Asks one statement now; gives the question back when all connections are in use.
    pub(super) fn try_ask<T, E, Q>(&self, question: Q) -> Result<Result<T, E>, Q>
    where
        Q: Question<T, E>,
        E: From<Error>,
    {
        let Some(mut tx) = self.state().connections.pop() else {
            return Err(question);
        };
        tx.tick();
        let outcome = finish(ask(&mut tx, question));
        self.state().connections.push(tx);
        Ok(outcome)
    }

    /// Reads a snapshot now; gives the question back when all connections are in use, or when it takes too long.
    pub(super) fn try_read<T, E, Q>(&self, question: Q) -> Result<Result<T, E>, Q>
    where
        Q: Question<T, E> + Clone,
        E: From<Error>,
    {
        let began = Instant::now();
        let Some(mut tx) = self.awake(began) else {
            return Err(question);
        };
        let outcome = read(&mut tx, question.clone(), began + LONGEST);
        let mut state = self.state();
        state.connections.push(tx);
        let ended = Instant::now();
        if ended > began + LONGEST {
            state.rests_until = Some(ended + REST);
            // Whatever it was, nothing was changed, and the reader has the time to see.
            return outcome.map(Ok).map_err(|_| question);
        }
        Ok(outcome)
    }

    /// A connection to read a page by.
    fn awake(&self, now: Instant) -> Option<Tx> {
        let mut state = self.state();
        if state.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        state.connections.pop()
    }

    /// Closes the idle connections.
    pub(super) fn close(&self) {
        self.state().connections.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a snapshot until a time, when the statement that is at it fails.
fn read<T, E, Q>(tx: &mut Tx, question: Q, until: Instant) -> Result<T, E>
where
    Q: Question<T, E>,
    E: From<Error>,
{
    let is_over = move || Instant::now() >= until;
    // First of all, because nothing may be left begun where it fails.
    let connection = tx.sqlite_mut();
    connection
        .progress_handler(STEPS, Some(is_over))
        .map_err(Error::from)?;
    tx.step("begin")?;
    tx.tick();
    let outcome = finish(ask(tx, question));
    // The next read sets another, and a statement as short as this ends before it is asked.
    let _ = tx.sqlite_mut().progress_handler(0, None::<fn() -> bool>);
    let _ = tx.step("rollback");
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;
    use crate::{Db, testing};
    use futures_util::FutureExt as _;
    use futures_util::future::{BoxFuture, ready};
    use std::thread::{self, ThreadId};

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

    /// The thread that answers.
    fn thread(_: &mut Tx) -> BoxFuture<'_, Result<ThreadId, Error>> {
        ready(Ok(thread::current().id())).boxed()
    }

    /// Whether the caller reads, once it has rested. A machine that is busy may take its turn away for as long as a page
    /// may take, so it gets several tries.
    async fn reads_here(db: &Db) -> bool {
        let [_, others] = db.idle();
        for _ in 0..20 {
            others.state().rests_until = None;
            if db.read_committed(thread).await.unwrap() == thread::current().id() {
                return true;
            }
        }
        false
    }

    #[tokio::test]
    async fn the_caller_reads_itself_unless_every_connection_is_in_use() {
        let (_dir, db) = testing::on_sqlite();
        let here = thread::current().id();
        assert_eq!(db.look_up(thread).await.unwrap(), here);
        assert!(reads_here(&db).await);
        let _taken = db
            .idle()
            .map(|idle| std::mem::take(&mut idle.state().connections));
        assert_ne!(db.look_up(thread).await.unwrap(), here);
        assert_ne!(db.read_committed(thread).await.unwrap(), here);
    }

    /// Counts for so long that nobody can read it on the caller's thread, and tells who counted.
    fn count_long(tx: &mut Tx) -> BoxFuture<'_, Result<(i64, ThreadId), Error>> {
        async {
            let sql =
                "with recursive number (n) as (select 1 union all select n + 1 from number where n < $1)
                select count(*) from number";
            let counted = tx.optional(sql, &values![COUNTED], |row| row.get(0)).await?;
            Ok((counted.unwrap_or_default(), thread::current().id()))
        }
        .boxed()
    }
    const COUNTED: i64 = 2_000_000;

    #[tokio::test]
    async fn what_takes_long_is_left_to_a_reader_and_so_is_the_next_for_a_while() {
        let (_dir, db) = testing::on_sqlite();
        let here = thread::current().id();
        let began = Instant::now();
        let (counted, by) = db.read_committed(count_long).await.unwrap();
        assert_eq!(counted, COUNTED);
        assert_ne!(by, here);
        let [look_ups, others] = db.idle();
        let until = others.state().rests_until.expect("it rests");
        assert!(until > began + LONGEST + REST);
        assert!(others.awake(until - Duration::from_nanos(1)).is_none());
        let rested = others.awake(until).expect("it has rested");
        others.state().connections.push(rested);
        // However long the reader took.
        others.state().rests_until = Some(Instant::now() + 600 * REST);
        assert_ne!(db.read_committed(thread).await.unwrap(), here);
        assert!(reads_here(&db).await);
        assert_eq!(db.read_committed(count).await.unwrap(), 0);
        // A look-up is never given up.
        assert_eq!(db.look_up(count_long).await.unwrap(), (COUNTED, here));
        assert!(look_ups.awake(Instant::now()).is_some());
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
        let number = || db.idle().map(|idle| idle.state().connections.len());
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
}
