//! TLS: which versions and protocols, and a certificate that changes.

use super::*;
use crate::listen::tls::{self, Reloadable};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A self-signed certificate for `localhost` and the pair that serves it.
fn certificate() -> (CertificateDer<'static>, rustls::sign::CertifiedKey) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = (made.cert.pem(), made.signing_key.serialize_pem());
    (
        made.cert.der().clone(),
        tls::read_pair(pem.0.as_bytes(), pem.1.as_bytes()).unwrap(),
    )
}

pub(super) async fn start(limits: Limits) -> (TestServer, CertificateDer<'static>, Arc<Reloadable>) {
    let (trusted, pair) = certificate();
    let served = Reloadable::new(pair);
    let config = tls::server_config(served.clone()).unwrap();
    (
        TestServer::start_with(limits, Some(config)).await,
        trusted,
        served,
    )
}

pub(super) async fn handshake(
    server: &TestServer,
    trusted: &CertificateDer<'static>,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, server.connect().await)
        .await
}

fn echo(uri: &str) -> http::Request<Full<Bytes>> {
    http::Request::post(uri)
        .header("host", "localhost")
        .body(Full::new(Bytes::from("abcd")))
        .unwrap()
}

async fn text(response: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn http_2_passes_with_many_streams_on_one_connection() {
    let (server, trusted, _served) = start(Limits::default()).await;
    let stream = handshake(&server, &trusted, b"h2").await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let requests = (0..50).map(|_| {
        let mut sender = sender.clone();
        async move {
            let request = http::Request::post("https://localhost/echo").body(Full::new(Bytes::from("abcd")));
            text(sender.send_request(request.unwrap()).await.unwrap()).await
        }
    });
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer, (200, "abcd".to_owned()));
    }
}

#[tokio::test]
async fn an_http_2_body_that_stalls_is_408_and_idle_connections_end() {
    let limits = Limits {
        body_idle: SHORT,
        idle: SHORT,
        grace: SHORT,
        ..Limits::default()
    };
    let (server, trusted, _served) = start(limits).await;
    let stream = handshake(&server, &trusted, b"h2").await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<hyper::body::Frame<Bytes>, Infallible>,
    >());
    let request = http::Request::post("https://localhost/echo").body(never).unwrap();
    let (status, body) = text(sender.send_request(request).await.unwrap()).await;
    assert_eq!(status, 408);
    assert!(body.contains("request_timeout"), "{body}");
    let ended = tokio::time::timeout(HANGS, connection).await;
    assert!(ended.is_ok(), "the idle connection is closed");
}

#[tokio::test]
async fn http_1_passes_over_tls_and_is_guarded() {
    let (server, trusted, _served) = start(Limits::default()).await;
    let stream = handshake(&server, &trusted, b"http/1.1").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(
        text(sender.send_request(echo("/echo")).await.unwrap()).await,
        (200, "abcd".to_owned())
    );

    let mut stream = handshake(&server, &trusted, b"http/1.1").await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(HANGS, stream.read_to_end(&mut answer))
        .await
        .expect("it is closed")
        .unwrap();
    assert_problem(std::str::from_utf8(&answer).unwrap(), 400, "malformed_request");
}

#[tokio::test]
async fn what_is_not_tls_gets_no_answer_and_a_slow_handshake_none_either() {
    let (server, _trusted, _served) = start(Limits {
        handshake: SHORT,
        ..Limits::default()
    })
    .await;
    for bytes in [&b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n"[..], b""] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(HANGS, stream.read_to_end(&mut answer))
            .await
            .expect("it is closed");
        assert!(read.is_err() || !answer.starts_with(b"HTTP"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_leaves_old_ones_alone() {
    let (server, old, served) = start(Limits::default()).await;
    let stream = handshake(&server, &old, b"http/1.1").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (new, pair) = certificate();
    served.replace(pair);
    assert!(
        handshake(&server, &old, b"http/1.1").await.is_err(),
        "the old one is no longer served"
    );
    handshake(&server, &new, b"http/1.1").await.unwrap();
    assert_eq!(
        text(sender.send_request(echo("/echo")).await.unwrap()).await.0,
        200
    );
}

#[test]
fn a_pair_that_does_not_fit_is_refused() {
    let (one, other) = (
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap(),
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap(),
    );
    let read = |chain: &str, key: &str| tls::read_pair(chain.as_bytes(), key.as_bytes());
    let key = one.signing_key.serialize_pem();
    assert!(read(&one.cert.pem(), &key).is_ok());
    assert!(matches!(
        read(&other.cert.pem(), &key),
        Err(tls::TlsError::Pair(_))
    ));
    assert!(matches!(read("", &key), Err(tls::TlsError::Certificate)));
    assert!(matches!(read(&one.cert.pem(), ""), Err(tls::TlsError::Key)));
}

#[tokio::test]
async fn an_http_2_head_that_is_too_large_is_refused() {
    let (server, trusted, _served) = start(Limits::default()).await;
    let stream = handshake(&server, &trusted, b"h2").await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = |value: String| {
        http::Request::post("https://localhost/echo")
            .header("x", value)
            .body(Full::new(Bytes::new()))
            .unwrap()
    };
    assert_eq!(
        sender
            .send_request(request("y".repeat(10_000)))
            .await
            .unwrap()
            .status(),
        200
    );
    let refused = sender.send_request(request("y".repeat(100_000))).await;
    assert!(refused.is_err() || refused.is_ok_and(|response| response.status() == 431));
}
