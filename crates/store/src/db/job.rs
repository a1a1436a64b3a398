//! A transaction on its way to the thread that runs it.

use super::{Error, Tx};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::panic::AssertUnwindSafe;
use tokio::sync::oneshot;

/// A transaction's code with the way back to its caller.
pub(super) trait Job: Send {
    /// Runs the code; says whether to keep what it did.
    fn run<'j>(&'j mut self, tx: &'j mut Tx, again: Again) -> LocalBoxFuture<'j, bool>;

    /// Answers the caller: what the code said, once the commit says so too.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// Whether a job may have to run once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// This is the only time.
    Never,
    /// The transaction may turn out to be in conflict with another, or lost.
    Perhaps,
}

/// The job that there is.
pub(super) struct Transaction<W, T, E> {
    /// `None` once it has run for the only time.
    work: Option<W>,
    /// How the code is copied before it runs, where it can run again.
    copy: Option<fn(&W) -> W>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E> Transaction<W, T, E> {
    /// Code that runs once.
    pub(super) fn once(work: W, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            work: Some(work),
            copy: None,
            outcome: None,
            answer,
        }
    }

    /// Code that can run again from its beginning.
    pub(super) fn repeatable(work: W, answer: oneshot::Sender<Result<T, E>>) -> Self
    where
        W: Clone,
    {
        let copy: Option<fn(&W) -> W> = Some(W::clone);
        Self {
            copy,
            ..Self::once(work, answer)
        }
    }
}

impl<W, T, E> Job for Transaction<W, T, E>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run<'j>(&'j mut self, tx: &'j mut Tx, again: Again) -> LocalBoxFuture<'j, bool> {
        let work = match self.copy.filter(|_| again == Again::Perhaps) {
            Some(copy) => self.work.as_ref().map(copy),
            None => self.work.take(),
        };
        async move {
            let outcome = match work {
                Some(work) => {
                    run(tx, async |tx| {
                        let done = work(tx).await?;
                        tx.end_job().await?;
                        Ok(done)
                    })
                    .await
                }
                None => Err(Error::Unavailable(None).into()),
            };
            self.outcome.insert(outcome).is_ok()
        }
        .boxed_local()
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (self.outcome, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(_)) | None, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Unavailable(None).into()),
        };
        // A caller that went away needs no answer.
        let _ = self.answer.send(answer);
    }
}

/// Code that asks once. It may run on its caller's own runtime, whose tasks go from thread to thread.
pub trait Question<T, E>: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static {}

impl<T, E, Q> Question<T, E> for Q where
    Q: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static
{
}

/// Asks; a panic is an error of the caller alone.
pub(super) async fn ask<T, E>(tx: &mut Tx, question: impl Question<T, E>) -> Result<T, E>
where
    E: From<Error>,
{
    caught(async move { question(tx).await }).await
}

/// Runs a transaction's code; a panic in it is an error of its caller alone.
async fn run<T, E, W>(tx: &mut Tx, work: W) -> Result<T, E>
where
    W: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<Error>,
{
    caught(async move { work(tx).await }).await
}

async fn caught<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Err(Error::Panicked.into()))
}
