//! `GET /v1/nodes/{id}/events`: the node's event stream.

use crate::app::App;
use crate::delivery;
use crate::http::nodes::reader::{Reader, Standing};
use crate::problem::{Failure, Problems};
use crate::wakes::{Signal, Subscription};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use plex_api::codes;
use plex_api::events::{ACTION_REQUEST, KEEP_ALIVE_SECONDS, ROTATE_NODE_KEY};
use plex_api::executions::ExecutionStatus;
use plex_domain::trace::SpanContext;
use plex_store::invocations::{Audience, Queued};
use plex_telemetry::Kind;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a sent invocation may stay pending before it is sent again.
const RESEND: Duration = Duration::from_secs(30);
/// How long the stream waits before it looks again after the database could not answer.
const RETRY: Duration = Duration::from_millis(500);
/// How long a credential may be in doubt because the database does not answer. With the 2 s between two looks, an
/// ended one is still out within 5 s.
const DOUBT: Duration = Duration::from_millis(2500);
const KEEP_ALIVE: Duration = Duration::from_secs(KEEP_ALIVE_SECONDS);
/// Frames are handed on when they reach this size, so that a slow reader bounds the memory it takes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Follow the node's events
///
/// Each frame's `data` is a signed envelope on one line. `Last-Event-ID` is checked, and otherwise without
/// effect: what is pending is sent on every opening. For the node itself, and for operators who hold `node-agent`
/// on it; these see secret parameters masked. It ends within 5 s after the credential does.
#[utoipa::path(
    get,
    path = "/v1/nodes/{id}/events",
    operation_id = "GetNodeEvents",
    tag = "nodes",
    params(
        ("id" = Uuid, Path, description = "The node"),
        ("Last-Event-ID" = Option<String>, Header, description = "A frame's id: a non-negative integer"),
    ),
    responses(
        (
            status = 200,
            description = "The stream",
            content_type = "text/event-stream",
            body = String,
            headers(("X-Plexsphere-API-Version" = String), ("Cache-Control" = String)),
        ),
        Problems,
    ),
    security(("nskBearer" = []), ("operatorBearer" = [])),
)]
pub async fn events(State(app): State<App>, reader: Reader, headers: HeaderMap) -> Result<Response, Failure> {
    check_last_event_id(&headers)?;
    let stream = EventStream::new(app, reader);
    let body = Body::from_stream(stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(chunk), stream))
    }));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::HeaderName::from_static("x-plexsphere-api-version"), "v1"),
        // Without this, some proxies hold frames back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

fn check_last_event_id(headers: &HeaderMap) -> Result<(), Failure> {
    let mut ids = headers.get_all("last-event-id").iter();
    let acceptable = |id: &[u8]| {
        let text = std::str::from_utf8(id).unwrap_or("-");
        text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok())
    };
    let first_is_fine = ids.next().is_none_or(|id| acceptable(id.as_bytes()));
    if first_is_fine && ids.next().is_none() {
        return Ok(());
    }
    let detail = "Last-Event-ID takes one non-negative integer; leave it out to start anew";
    Err(Failure::bad_request(codes::INVALID_CURSOR, detail))
}

/// What a look at the credential came to.
enum Checked {
    /// It no longer holds: the stream ends.
    Ended,
    /// It holds, and this is to be sent.
    Holds(String),
}

struct EventStream {
    app: App,
    /// The node's domain and the node.
    ids: (Uuid, Uuid),
    reader: Reader,
    subscription: Subscription,
    /// What it was told so far.
    heard: Signal,
    /// When to see whether the credential still holds, even if nobody says so.
    check_at: Option<Instant>,
    /// Since when the database has not said whether it does.
    in_doubt_since: Option<Instant>,
    /// Which request to change its key the node was last told of.
    rotation_told: Option<Timestamp>,
    /// The id of the last frame.
    sequence: u64,
    /// When each invocation that was pending at the last look was last sent.
    sent: HashMap<Uuid, Instant>,
    /// When to look even if nobody says so.
    look_at: Option<Instant>,
    keep_alive_at: Instant,
    greeted: bool,
    told_to_reconnect: bool,
}

impl EventStream {
    fn new(app: App, reader: Reader) -> Self {
        let subscription = app.wakes.subscribe(reader.node_id);
        Self {
            app,
            ids: (reader.domain_id, reader.node_id),
            reader,
            subscription,
            heard: Signal::default(),
            // Between its authentication and its subscription the credential may have ended.
            check_at: Some(Instant::now()),
            in_doubt_since: None,
            rotation_told: None,
            sequence: 0,
            sent: HashMap::new(),
            look_at: Some(Instant::now()),
            keep_alive_at: Instant::now() + KEEP_ALIVE,
            greeted: false,
            told_to_reconnect: false,
        }
    }

    /// The next chunk of the body; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            // The first bytes tell the node at once that the stream stands.
            return Some(Bytes::from_static(b":connected\n\n"));
        }
        loop {
            if self.app.shutdown.is_cancelled() {
                if std::mem::replace(&mut self.told_to_reconnect, true) {
                    return None;
                }
                let away = self.app.wakes.away(&*self.app.rng).as_millis();
                return Some(format!("retry: {away}\n\n:stopping\n\n").into());
            }
            self.hear();
            if self.check_at.is_some_and(|at| at <= Instant::now()) {
                // Boxed, as the room that these two take is not needed while the stream waits.
                match Box::pin(self.check()).await {
                    Checked::Ended => return None,
                    Checked::Holds(frame) if frame.is_empty() => {}
                    Checked::Holds(frame) => return Some(frame.into()),
                }
            }
            if self.look_at.is_some_and(|at| at <= Instant::now()) {
                let frames = Box::pin(self.look()).await;
                if !frames.is_empty() {
                    self.keep_alive_at = Instant::now() + KEEP_ALIVE;
                    return Some(frames.into());
                }
            }
            if let Some(chunk) = self.wait().await {
                return Some(chunk);
            }
        }
    }

    /// Takes note of what it was told. What comes later is heard the next time, also when it comes during a look.
    fn hear(&mut self) {
        let told = *self.subscription.signal.borrow_and_update();
        let before = std::mem::replace(&mut self.heard, told);
        if told.keys != before.keys {
            self.check_at = Some(Instant::now());
        }
        if told.pending != before.pending {
            self.look_at = Some(Instant::now());
        }
    }

    /// Waits for a wake, the next look, the next keep-alive or the end.
    async fn wait(&mut self) -> Option<Bytes> {
        let next = self.look_at.into_iter().chain(self.check_at).min();
        let look = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.app.shutdown.cancelled() => None,
            // The sender lives as long as the subscription.
            _ = self.subscription.signal.changed() => None,
            () = look => None,
            () = tokio::time::sleep_until(self.keep_alive_at) => {
                self.keep_alive_at = Instant::now() + KEEP_ALIVE;
                Some(Bytes::from_static(b":keep-alive\n\n"))
            }
        }
    }

    /// Sees whether the credential still holds, and whether the node should change its key.
    async fn check(&mut self) -> Checked {
        let asked_at = Instant::now();
        let doubted_since = self.in_doubt_since.take().unwrap_or(asked_at);
        let answer = tokio::time::timeout_at(doubted_since + DOUBT, self.reader.standing(&self.app)).await;
        match answer.unwrap_or(Standing::Unknown) {
            Standing::Ended => return Checked::Ended,
            Standing::Unknown if doubted_since.elapsed() >= DOUBT => return Checked::Ended,
            Standing::Unknown => {
                self.in_doubt_since = Some(doubted_since);
                self.check_at = Some((Instant::now() + RETRY).min(doubted_since + DOUBT));
            }
            Standing::Holds {
                rotation_requested_at,
                again_after,
            } => {
                self.check_at = again_after.map(|after| Instant::now() + after);
                if let Some(at) = rotation_requested_at.filter(|at| self.rotation_told != Some(*at)) {
                    return Checked::Holds(self.rotation(at).await);
                }
            }
        }
        Checked::Holds(String::new())
    }

    /// The request to change the key as a frame; nothing when it cannot be signed, and then the heartbeat brings it.
    async fn rotation(&mut self, requested_at: Timestamp) -> String {
        let Ok(envelope) = delivery::sign_rotation(&self.app, self.ids).await else {
            return String::new();
        };
        self.rotation_told = Some(requested_at);
        self.frame(ROTATE_NODE_KEY, &envelope)
    }

    fn frame(&mut self, event: &str, envelope: &str) -> String {
        self.sequence += 1;
        self.app.fanout.note(self.ids.0, 1);
        format!("id: {}\nevent: {event}\ndata: {envelope}\n\n", self.sequence)
    }

    /// Counts the first delivery of an invocation on this stream.
    fn note_delivery(&self, item: &Queued) {
        let took = self.app.clock.now().duration_since(item.requested_at);
        let took = Duration::try_from(took).unwrap_or_default();
        self.app.metrics.deliveries.observe_time(took);
        let root = SpanContext::of_execution(item.execution_id);
        // It ends here and now.
        let _ = self
            .app
            .traces
            .begin(root, "deliver", Kind::Producer)
            .since(item.requested_at)
            .with("node.id", self.ids.1);
    }

    /// Reads what is pending, and signs what was not sent within the last 30 s.
    async fn look(&mut self) -> String {
        let Ok(queued) = delivery::queued(&self.app, self.ids.1, self.reader.audience()).await else {
            self.look_at = Some(Instant::now() + RETRY);
            return String::new();
        };
        let now = Instant::now();
        let pending: Vec<_> = queued
            .into_iter()
            .filter(|item| item.status == ExecutionStatus::Pending)
            .collect();
        let mut sent = std::mem::take(&mut self.sent);
        let mut frames = String::new();
        let mut is_cut = false;
        for item in &pending {
            let before = sent.remove(&item.execution_id);
            if let Some(last) = before.filter(|at| *at + RESEND > now) {
                self.sent.insert(item.execution_id, last);
            } else if frames.len() < CHUNK_BYTES {
                let Ok(envelope) = delivery::sign(&self.app, self.ids, item).await else {
                    continue;
                };
                frames.push_str(&self.frame(ACTION_REQUEST, &envelope));
                if before.is_none() && self.reader.audience() == Audience::Node {
                    self.note_delivery(item);
                }
                self.sent.insert(item.execution_id, now);
            } else {
                is_cut = true;
            }
        }
        self.look_at = if is_cut {
            Some(now)
        } else {
            self.sent.values().min().map(|oldest| *oldest + RESEND)
        };
        frames
    }
}
