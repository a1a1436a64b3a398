//! One connection from its handshake to its end.

use super::Peer;
use super::activity::{Activity, Tracked};
use super::body::{Failed, Outcome, Timed};
use super::guard::{Guard, STAND_IN};
use super::limits::Limits;
use super::pacing::Paced;
use super::refusal::Refusal;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Streams that one HTTP/2 connection may have open.
const H2_STREAMS: u32 = 256;
/// Streams a peer may open and reset before the server has looked at them (CVE-2023-44487).
const H2_PENDING_RESETS: usize = 20;
/// Streams the server may have had to reset for the peer's mistakes (RUSTSEC-2024-0003).
const H2_ERROR_RESETS: usize = 64;
const H2_PING: Duration = Duration::from_secs(30);
const H2_PONG: Duration = Duration::from_secs(20);

/// What all connections of one listener share.
pub(super) struct Shared {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) shutdown: CancellationToken,
}

/// Serves one accepted connection to its end.
///
/// Idle connections are what there are most of, and a future keeps room for all that it ever held. So an open one is
/// a future of its own, without the handshake that it came from.
pub(super) async fn serve(stream: TcpStream, peer: Peer, shared: Arc<Shared>) {
    let opened = Box::pin(open(stream, peer, &shared)).await;
    if let Some(connection) = opened {
        connection.await;
    }
}

/// What serves the connection once its handshake is done; `None` when it comes to nothing.
async fn open(stream: TcpStream, peer: Peer, shared: &Shared) -> Option<BoxFuture<'_, ()>> {
    let patience = shared.limits.write_stall;
    let Some(tls) = &shared.tls else {
        return Some(serve_http1(Paced::new(stream, patience), peer, shared));
    };
    let handshake = tokio::time::timeout(shared.limits.handshake, tls.accept(stream));
    let stream = tokio::select! {
        stream = handshake => stream,
        () = shared.shutdown.cancelled() => return None,
    };
    let Ok(Ok(stream)) = stream else {
        tracing::debug!(peer.address = %peer.0, "TLS handshake failed");
        return None;
    };
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = Paced::new(stream, patience);
    Some(if is_h2 {
        serve_http2(stream, peer, shared)
    } else {
        serve_http1(stream, peer, shared)
    })
}

fn serve_http1<IO>(io: IO, peer: Peer, shared: &Shared) -> BoxFuture<'_, ()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let guard = Guard::new(io, &shared.limits, Arc::clone(&activity));
    let mut builder = http1::Builder::new();
    // The guard times and bounds heads. The library's own timer would also end a connection that merely
    // waits for its next request.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(shared.limits.headers)
        .max_buf_size(2 * shared.limits.head_bytes.max(8192));
    let service = service(peer, &activity, shared);
    let connection = Box::pin(builder.serve_connection(TokioIo::new(guard), service));
    drive(connection, activity, (peer, shared)).boxed()
}

fn serve_http2<IO>(io: IO, peer: Peer, shared: &Shared) -> BoxFuture<'_, ()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(u32::try_from(shared.limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(H2_PENDING_RESETS)
        .max_local_error_reset_streams(H2_ERROR_RESETS)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PONG);
    let service = service(peer, &activity, shared);
    let connection = Box::pin(builder.serve_connection(TokioIo::new(io), service));
    drive(connection, activity, (peer, shared)).boxed()
}

/// Answers the requests of one connection.
fn service(
    peer: Peer,
    activity: &Arc<Activity>,
    shared: &Shared,
) -> impl HttpService<Incoming, ResBody = Tracked, Error = Infallible, Future: Send> + Send + use<> {
    let (activity, router) = (Arc::clone(activity), shared.router.clone());
    let body_idle = shared.limits.body_idle;
    service_fn(move |request| answer(request, peer, router.clone(), (Arc::clone(&activity), body_idle)))
}

/// Runs the connection until it ends by itself, has been idle for too long, or the server shuts down.
async fn drive<C>(mut connection: Pin<Box<C>>, activity: Arc<Activity>, (peer, shared): (Peer, &Shared))
where
    C: GracefulConnection<Error: std::fmt::Display>,
{
    let limits = &shared.limits;
    tokio::select! {
        result = connection.as_mut() => return log_end(peer, result),
        () = idle(&activity, limits) => {}
        () = shared.shutdown.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    match tokio::time::timeout(limits.grace, connection).await {
        Ok(result) => log_end(peer, result),
        Err(_) => tracing::debug!(peer.address = %peer.0, "connection cut at the end of its grace"),
    }
}

/// Ends once no request has been in progress for too long.
async fn idle(activity: &Activity, limits: &Limits) {
    loop {
        let now = tokio::time::Instant::now();
        // The deadline comes nearer once the first request has ended, so no sleep is longer than `idle`.
        let next_look = now + limits.idle;
        match activity.idle_deadline(limits.head, limits.idle) {
            Some(deadline) if deadline <= now => return,
            Some(deadline) => tokio::time::sleep_until(deadline.min(next_look)).await,
            None => tokio::time::sleep_until(next_look).await,
        }
    }
}

/// One request, from its head to the head of its answer.
async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    router: Router,
    (activity, body_idle): (Arc<Activity>, Duration),
) -> Result<Response<Tracked>, Infallible> {
    let in_flight = activity.begin();
    let version = request.version();
    if let Some(refusal) = refusal_of_head(&request, &activity) {
        return Ok(refusal
            .response("/", version)
            .map(|body| Tracked::new(body, in_flight)));
    }
    let outcome = Outcome::default();
    let uri = request.uri().clone();
    let mut request = request.map(|body| Timed::new(body, body_idle, outcome.clone()));
    request.extensions_mut().insert(peer);
    let Ok(mut response) = router.oneshot(request).await;
    // A route that was refused the rest of its body may have answered anything; what happened is this.
    let refusal = match outcome.failed() {
        Some(Failed::Stalled) => Some(Refusal::BodyTimeout),
        Some(Failed::Broken) => activity.refusal(),
        None => None,
    };
    // Somebody who is nobody, or who is to wait, was refused for that.
    let is_of_the_caller =
        [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].contains(&response.status());
    if let Some(refusal) = refusal.filter(|_| !is_of_the_caller) {
        response = refusal.response(uri.path(), version);
    }
    if outcome.is_unread() && version < Version::HTTP_2 {
        // The rest of the body stands where the next request should; a client must not send one here.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked::new(body, in_flight)))
}

fn refusal_of_head<B>(request: &Request<B>, activity: &Activity) -> Option<Refusal> {
    let is_stand_in = request.method().as_str() == STAND_IN;
    if let Some(refusal) = activity.refusal().filter(|_| is_stand_in) {
        return Some(refusal);
    }
    let names_host = request.uri().authority().is_some() || request.headers().contains_key(header::HOST);
    if request.version() == Version::HTTP_2 && !names_host {
        return Some(Refusal::Malformed("the request names no authority"));
    }
    None
}

fn log_end<E: std::fmt::Display>(peer: Peer, result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(peer.address = %peer.0, %error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(version: Version, uri: &str, host: Option<&str>) -> Option<Refusal> {
        let mut request = Request::builder().version(version).uri(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        refusal_of_head(&request.body(()).expect("a valid request"), &Activity::new())
    }

    #[test]
    fn an_http_2_request_names_whom_it_is_for() {
        assert!(refused(Version::HTTP_2, "/", None).is_some());
        assert!(refused(Version::HTTP_2, "/", Some("a")).is_none());
        assert!(refused(Version::HTTP_2, "https://a/", None).is_none());
    }

    #[test]
    fn the_stand_in_is_answered_only_after_a_refusal() {
        let stand_in = Request::builder()
            .method(STAND_IN)
            .header(header::HOST, "-")
            .body(());
        let (stand_in, activity) = (stand_in.expect("a valid request"), Activity::new());
        assert_eq!(refusal_of_head(&stand_in, &activity), None);
        activity.refuse(Refusal::HeadTooLarge);
        activity.refuse(Refusal::HeadTimeout);
        assert_eq!(refusal_of_head(&stand_in, &activity), Some(Refusal::HeadTooLarge));
        assert_eq!(refusal_of_head(&Request::new(()), &activity), None);
    }
}
