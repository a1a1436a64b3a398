//! Where spans go in, and the task that sends them.

use crate::collector::Collector;
use crate::otlp;
use crate::span::{Kind, Open, Span};
use bytes::Bytes;
use plex_domain::env::{Clock, Rng};
use plex_domain::trace::SpanContext;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Spans that may wait; one more is dropped.
const QUEUE: usize = 4096;
/// Most spans in one request.
const BATCH: usize = 512;
/// How long spans gather before they are sent.
const GATHER: Duration = Duration::from_millis(500);
/// How long the last spans may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two lines in the log that say that the collector does not take them.
const WARNING: Duration = Duration::from_secs(60);

/// Takes spans; clones share everything. The default takes none, and costs nothing.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Shared>>);

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Traces")
    }
}

struct Shared {
    queue: mpsc::Sender<Span>,
    dropped: AtomicU64,
    origin: Origin,
    stop: Notify,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Who sends, and what it measures and draws with.
pub struct Origin {
    /// The name of the program.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Which of its kind.
    pub instance: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub rng: Arc<dyn Rng>,
}

impl Traces {
    /// Begins to send to that collector.
    pub fn start(origin: Origin, collector: Collector) -> Self {
        let (queue, spans) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            queue,
            dropped: AtomicU64::new(0),
            origin,
            stop: Notify::new(),
            task: Mutex::default(),
        });
        let task = tokio::spawn(send(shared.clone(), spans, collector));
        *shared.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Self(Some(shared))
    }

    /// Whether anything is traced.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span below another.
    pub fn begin(&self, parent: SpanContext, name: impl Into<Cow<'static, str>>, kind: Kind) -> Open {
        let Some(shared) = &self.0 else {
            return Open::default();
        };
        self.open(
            parent.child(&*shared.origin.rng),
            Some(parent),
            (name.into(), kind),
        )
    }

    /// Begins a span whose id both sides know, below another or below none.
    pub fn begin_known(
        &self,
        context: SpanContext,
        parent: Option<SpanContext>,
        (name, kind): (&'static str, Kind),
    ) -> Open {
        self.open(context, parent, (name.into(), kind))
    }

    fn open(
        &self,
        context: SpanContext,
        parent: Option<SpanContext>,
        (name, kind): (Cow<'static, str>, Kind),
    ) -> Open {
        let Some(shared) = &self.0 else {
            return Open::default();
        };
        let now = shared.origin.clock.now();
        let span = Span {
            context,
            parent,
            link: None,
            name,
            kind,
            began: now,
            ended: now,
            attributes: Vec::new(),
            failed: false,
        };
        Open::new(self.clone(), span)
    }

    pub(crate) fn record(&self, span: Span) {
        let Some(shared) = &self.0 else { return };
        if shared.queue.try_send(span).is_err() {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Spans that nobody will see, because the queue was full or the collector did not take them.
    pub fn dropped(&self) -> u64 {
        let shared = self.0.as_ref();
        shared.map_or(0, |shared| shared.dropped.load(Ordering::Relaxed))
    }

    /// Sends what is left, within a moment, and then no more.
    pub async fn stop(&self) {
        let Some(shared) = &self.0 else { return };
        shared.stop.notify_one();
        let task = shared.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = tokio::time::timeout(FAREWELL, task).await;
        }
    }
}

/// Sends batch after batch until it is told to stop; then what is left.
async fn send(shared: Arc<Shared>, mut spans: mpsc::Receiver<Span>, collector: Collector) {
    let mut warned = None;
    let mut batch = Vec::with_capacity(BATCH);
    let mut is_last = false;
    while !is_last {
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = shared.stop.notified() => {
                spans.close();
                is_last = true;
            }
        }
        while !spans.is_empty() {
            spans.recv_many(&mut batch, BATCH).await;
            let sent = collector
                .send(Bytes::from(otlp::request(&shared.origin, &batch)))
                .await;
            if let Err(error) = sent {
                shared.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if warned.is_none_or(|at: Instant| at.elapsed() > WARNING) {
                    tracing::warn!(error.cause = ?error, "the collector does not take spans: {error}");
                    warned = Some(Instant::now());
                }
            }
            batch.clear();
        }
    }
}

#[cfg(test)]
mod tests;
