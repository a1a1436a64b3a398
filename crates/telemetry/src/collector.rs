//! The collector: where it is, and how it is spoken to.

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why spans did not get there.
#[derive(Debug, Error)]
pub enum CollectorError {
    /// Not the URL of a collector.
    #[error("the URL of a collector is http://HOST:PORT or https://HOST:PORT, perhaps with a path")]
    Url,
    /// Nobody there, or nobody to be trusted.
    #[error("cannot connect to the collector")]
    Connect(#[source] io::Error),
    /// What came back is not HTTP.
    #[error("the collector does not speak HTTP")]
    Http(#[source] hyper::Error),
    /// It did not want them.
    #[error("the collector answers {0}")]
    Refused(StatusCode),
    /// It took too long.
    #[error("the collector did not answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

/// A collector by its base URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` names it; spans go to `/v1/traces` below it.
///
/// A connection is made for each request; spans that gather meanwhile share the next one. By `https` the public CAs are
/// trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    host: String,
    port: u16,
    authority: String,
    target: String,
    is_secure: bool,
}

impl FromStr for Collector {
    type Err = CollectorError;

    fn from_str(text: &str) -> Result<Self, CollectorError> {
        let uri: Uri = text.parse().map_err(|_| CollectorError::Url)?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(CollectorError::Url),
        };
        let authority = uri.authority().ok_or(CollectorError::Url)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || text.contains(['@', '?', '#']) {
            return Err(CollectorError::Url);
        }
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            authority: authority.to_string(),
            target: format!("{}/v1/traces", uri.path().trim_end_matches('/')),
            is_secure,
        })
    }
}

impl Collector {
    /// Sends one body of spans.
    pub(crate) async fn send(&self, body: Bytes) -> Result<(), CollectorError> {
        let request = Request::post(&self.target)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .expect("the parts of a URL and our own headers make a request");
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(request));
        let status = exchange.await.unwrap_or(Err(CollectorError::TimedOut))?;
        match status.is_success() {
            true => Ok(()),
            false => Err(CollectorError::Refused(status)),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, CollectorError> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(CollectorError::Connect)?;
        if !self.is_secure {
            return converse(tcp, request).await;
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|_| CollectorError::Url)?;
        let tls = connector().connect(name, tcp).await;
        converse(tls.map_err(CollectorError::Connect)?, request).await
    }
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, CollectorError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(CollectorError::Http)?;
    // It ends with the sender; what the answer's body says is of no interest.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    Ok(answer.map_err(CollectorError::Http)?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_path() {
        for (text, host, port, target) in [
            ("http://localhost:4318", "localhost", 4318, "/v1/traces"),
            ("http://localhost:4318/", "localhost", 4318, "/v1/traces"),
            ("https://otel.example", "otel.example", 443, "/v1/traces"),
            ("http://[::1]:1/base/", "::1", 1, "/base/v1/traces"),
        ] {
            let collector: Collector = text.parse().unwrap();
            let read = (collector.host.as_str(), collector.port, collector.target.as_str());
            assert_eq!(read, (host, port, target));
        }
        for bad in [
            "",
            "localhost:4318",
            "grpc://h:1",
            "http://u:p@h:1",
            "http://h:1/?a",
            "http:///",
        ] {
            assert!(bad.parse::<Collector>().is_err(), "{bad}");
        }
    }
}
