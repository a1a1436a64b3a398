//! HTTP/1.1 over TLS with as little as can be, for either duty.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A status and some JSON on their way.
pub(super) type Answering = Pin<Box<dyn Future<Output = anyhow::Result<(StatusCode, Vec<u8>)>> + Send>>;

/// What answers.
pub(super) trait Handler: Send + Sync {
    /// Answers any request; an error is a 500.
    fn answer(&self, request: Request<Incoming>) -> Answering;
}

/// Serves with the certificate in `data_dir` until stdin ends. The port is printed first.
///
/// # Errors
/// When it cannot serve.
pub(super) async fn serve(data_dir: &Path, handler: Arc<dyn Handler>) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let acceptor = TlsAcceptor::from(Arc::new(tls(data_dir)?));
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?.port())?;
    stdout.flush()?;
    tokio::spawn(accept(listener, acceptor, handler));
    // Whoever started this has ended or wants no more.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, handler: Arc<dyn Handler>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, handler) = (acceptor.clone(), Arc::clone(&handler));
        tokio::spawn(async move {
            let _ = socket.set_nodelay(true);
            let Ok(stream) = acceptor.accept(socket).await else {
                return;
            };
            let service = service_fn(move |request: Request<Incoming>| write(handler.answer(request)));
            // A client that goes away ends its connection, and only that.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn write(answering: Answering) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = answering.await.unwrap_or_else(|error| {
        let said = format!("{error:#}").into_bytes();
        (StatusCode::INTERNAL_SERVER_ERROR, said)
    });
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn tls(data_dir: &Path) -> anyhow::Result<ServerConfig> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(data_dir.join("tls.pem"))?.collect();
    let key = PrivateKeyDer::from_pem_file(data_dir.join("tls.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain?, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
