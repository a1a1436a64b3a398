//! Every door, tried from a raw socket.

pub(crate) mod doors;
pub(crate) mod endings;
mod floods;
mod secure;

use super::{Limits, Peer, serve};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::StreamExt as _;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for any machine; only a test that fails waits for it.
const HANGS: Duration = Duration::from_secs(20);
/// For what a test wants to run out.
const SHORT: Duration = Duration::from_millis(80);

/// A listener with routes that a test can hold and release.
struct TestServer {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    /// Gains a permit for each request that is in `/held`.
    entered: Arc<Semaphore>,
    /// One permit lets one request to `/held` end.
    release: Arc<Semaphore>,
    /// Goes to everyone who reads `/stream`.
    ticks: broadcast::Sender<&'static str>,
}

impl TestServer {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    async fn start_with(limits: Limits, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (entered, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let ticks = broadcast::Sender::new(8);
        let router = router((entered.clone(), release.clone()), ticks.clone());
        let task = tokio::spawn(serve(
            listener,
            tls,
            (router, Arc::default()),
            shutdown.clone(),
            limits,
        ));
        Self {
            address,
            shutdown,
            task,
            entered,
            release,
            ticks,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a new connection and reads until the server closes it.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }
}

fn router(
    (entered, release): (Arc<Semaphore>, Arc<Semaphore>),
    ticks: broadcast::Sender<&'static str>,
) -> Router {
    Router::new()
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/ignore", post(|| async { "ignored" }))
        .route(
            "/stranger",
            post(|body: Body| async {
                let _ = axum::body::to_bytes(body, usize::MAX).await;
                StatusCode::UNAUTHORIZED
            }),
        )
        .route(
            "/peer",
            get(|Extension(peer): Extension<Peer>| async move { peer.0.to_string() }),
        )
        .route(
            "/held",
            get(move || async move {
                entered.add_permits(1);
                release.acquire().await.unwrap().forget();
                "released"
            }),
        )
        .route(
            "/stream",
            get(move || async move {
                let stream = futures_util::stream::unfold(ticks.subscribe(), |mut ticks| async {
                    let tick = ticks.recv().await.ok()?;
                    Some((Ok::<_, Infallible>(Bytes::from(tick)), ticks))
                });
                let first = futures_util::stream::once(async { Ok(Bytes::from("open")) });
                Body::from_stream(first.chain(stream))
            }),
        )
        .route(
            "/endless",
            get(|| async {
                let chunk = || async { Ok::<_, Infallible>(Bytes::from(vec![b'x'; 64 * 1024])) };
                Body::from_stream(futures_util::stream::repeat(()).then(move |()| chunk()))
            }),
        )
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(HANGS, stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut bytes = [0; 4096];
        let length = tokio::time::timeout(HANGS, stream.read(&mut bytes))
            .await
            .expect("more comes")
            .unwrap();
        assert!(length > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    text
}

/// Checks that `answer` is this problem and nothing else, and that it announces the end of the connection.
fn assert_problem(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/problem+json"),
        "{answer}"
    );
    assert!(head.contains("connection: close"), "{answer}");
    let problem: plex_api::problem::Problem = serde_json::from_str(body).expect("one problem document");
    assert_eq!((problem.status, problem.code.as_deref()), (status, Some(code)));
    assert!(
        head.contains(&format!("x-correlation-id: {}", problem.correlation_id)),
        "{answer}"
    );
}
