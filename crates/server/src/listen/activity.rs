//! Who is at work on a connection: what its service, its guard and its driver tell each other.

use super::refusal::Refusal;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// Shared by everyone who serves one connection.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    in_flight: AtomicUsize,
    served: AtomicU64,
    quiet_since_micros: AtomicU64,
    head_begun: AtomicBool,
    refusal: OnceLock<Refusal>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            in_flight: AtomicUsize::new(0),
            served: AtomicU64::new(0),
            quiet_since_micros: AtomicU64::new(0),
            head_begun: AtomicBool::new(false),
            refusal: OnceLock::new(),
        })
    }

    /// Counts a request until the value returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        self.served.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Says whether part of a head has arrived; such a connection is not idle, and the guard times it.
    pub(super) fn set_head_begun(&self, begun: HeadBegun) {
        self.head_begun.store(begun == HeadBegun::Yes, Ordering::Release);
    }

    /// When the connection becomes idle for too long; `None` while a request is in progress or arriving.
    ///
    /// Until the first request the shorter `first` counts, afterwards `idle`.
    pub(super) fn idle_deadline(&self, first: Duration, idle: Duration) -> Option<Instant> {
        if self.in_flight.load(Ordering::Acquire) > 0 || self.head_begun.load(Ordering::Acquire) {
            return None;
        }
        let patience = if self.served.load(Ordering::Relaxed) == 0 {
            first
        } else {
            idle
        };
        let quiet = Duration::from_micros(self.quiet_since_micros.load(Ordering::Acquire));
        Some(self.opened + quiet + patience)
    }

    /// Says that this connection's requests end here. The first reason stays.
    pub(super) fn refuse(&self, refusal: Refusal) {
        // A later reason is a consequence of the first, and of no interest.
        let _ = self.refusal.set(refusal);
    }

    /// Why the connection ends, if it was refused.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.get().copied()
    }
}

/// Whether part of a head has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadBegun {
    Yes,
    No,
}

/// One request in progress, from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let quiet = u64::try_from(self.0.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.quiet_since_micros.store(quiet, Ordering::Release);
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body that keeps its request in progress until it is sent or given up.
///
/// This is what exempts an open event stream from the idle time-out.
#[derive(Debug)]
pub(super) struct Tracked {
    body: Body,
    _in_flight: InFlight,
}

impl Tracked {
    pub(super) fn new(body: Body, in_flight: InFlight) -> Self {
        Self {
            body,
            _in_flight: in_flight,
        }
    }
}

impl hyper::body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
