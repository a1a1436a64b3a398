//! A request's body that may not pause for long.
//!
//! The timer exists only while a piece is awaited: the bodies that arrive with their head, which are nearly
//! all, cost nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

/// How reading a body failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The connection or its framing broke.
    Broken,
    /// Nothing came for too long.
    Stalled,
}

/// Set by the body as it is read; looked at when the route has answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failed: OnceLock<Failed>,
    is_unread: AtomicBool,
}

impl Outcome {
    /// How reading failed, if it did.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.0.failed.get().copied()
    }

    /// Whether the route left some of the body where it was.
    pub(super) fn is_unread(&self) -> bool {
        self.0.is_unread.load(Ordering::Relaxed)
    }

    fn fail(&self, failed: Failed) {
        // The first failure is the one that ended the body.
        let _ = self.0.failed.set(failed);
    }

    fn note(&self, is_at_end: impl FnOnce() -> bool) {
        self.0.is_unread.store(!is_at_end(), Ordering::Relaxed);
    }
}

/// The body as the routes get it.
#[derive(Debug)]
pub(super) struct Timed {
    body: Incoming,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    outcome: Outcome,
}

impl Timed {
    pub(super) fn new(body: Incoming, patience: Duration, outcome: Outcome) -> Self {
        outcome.note(|| body.is_end_stream());
        Self {
            body,
            patience,
            waiting: None,
            outcome,
        }
    }
}

/// Why reading a body failed.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection or its framing broke.
    Transport(hyper::Error),
    /// Nothing came for too long.
    Stalled,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(_) => f.write_str("the request's body broke off"),
            Self::Stalled => f.write_str("the request's body stopped arriving"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            Self::Stalled => None,
        }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            // A chunked body knows of its end only by the frame that does not come.
            self.outcome.note(|| frame.is_none() || self.body.is_end_stream());
            if matches!(frame, Some(Err(_))) {
                self.outcome.fail(Failed::Broken);
            }
            return Poll::Ready(frame.map(|result| result.map_err(BodyError::Transport)));
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if waiting.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.outcome.fail(Failed::Stalled);
        Poll::Ready(Some(Err(BodyError::Stalled)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
