//! One request to the provider: over TLS, within a time, and with an answer of bounded size.
//!
//! A connection per request is enough for what people do. No redirect is followed: what the provider says about itself
//! names where to ask.

use crate::trust;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::http::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For a whole request, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const ANSWER_BYTES: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Refused, no such name, or a certificate that is not trusted.
    #[error("cannot connect to the provider")]
    Connect(#[source] io::Error),
    /// What came is not HTTP, or broke off.
    #[error("the provider does not answer as a web server does")]
    Http(#[source] hyper::Error),
    /// It took too long.
    #[error("the provider did not answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// It sent too much.
    #[error("the provider's answer is over {ANSWER_BYTES} bytes")]
    TooLarge,
    /// It broke off.
    #[error("the provider's answer broke off")]
    CutOff,
}

/// A URL that may be asked: `https`, or `http` on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    text: String,
    host: String,
    port: u16,
    is_plain: bool,
    target: String,
}

impl Endpoint {
    /// Reads a URL without user and fragment.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let is_plain = match uri.scheme_str()? {
            "https" => false,
            "http" if is_loopback => true,
            _ => return None,
        };
        if host.is_empty() || text.contains(['#', '@']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if is_plain { 80 } else { 443 }),
            is_plain,
            target: uri
                .path_and_query()
                .map_or("/", |target| target.as_str())
                .to_owned(),
        })
    }

    /// The URL as it was given.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What the header `Host` says.
    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!("{host}:{}", self.port)
    }
}

/// Asks the provider.
pub(super) struct Fetcher(TlsConnector);

impl Fetcher {
    /// Trusts `roots` alone or, when there are none, the public ones.
    pub(super) fn new(roots: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let config = trust::client_config(roots)?;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Reads something.
    pub(super) async fn get(
        &self,
        from: &Endpoint,
        authorization: Option<String>,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let mut request = Request::get(&from.target);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(from, request, Bytes::new()).await
    }

    /// Posts a form.
    pub(super) async fn post(
        &self,
        to: &Endpoint,
        form: String,
        authorization: Option<String>,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let mut request = Request::post(&to.target).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(to, request, form.into()).await
    }

    async fn send(
        &self,
        to: &Endpoint,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let request = request
            .header(HOST, to.authority())
            .header(ACCEPT, "application/json")
            .body(Full::new(body))
            .expect("an endpoint's parts and our own headers make a request");
        tokio::time::timeout(PATIENCE, self.exchange(to, request))
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    async fn exchange(
        &self,
        to: &Endpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let tcp = TcpStream::connect((to.host.as_str(), to.port))
            .await
            .map_err(FetchError::Connect)?;
        if to.is_plain {
            return converse(tcp, request).await;
        }
        let name = ServerName::try_from(to.host.clone())
            .map_err(|_| FetchError::Connect(io::Error::from(io::ErrorKind::InvalidInput)))?;
        let tls = self.0.connect(name, tcp).await.map_err(FetchError::Connect)?;
        converse(tls, request).await
    }
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::Http)?;
    // It ends with the sender.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(FetchError::Http)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => FetchError::TooLarge,
        false => FetchError::CutOff,
    })?;
    Ok((status, body.to_bytes()))
}

/// Fields as a form or a query.
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_its_fields_apart() {
        let form = form(&[("a", "1&b=2"), ("c", "ü +")]);
        assert_eq!(form, "a=1%26b%3D2&c=%C3%BC%20%2B");
    }

    #[test]
    fn an_endpoint_knows_where_to_go() {
        let endpoint = Endpoint::parse("https://id.example/token?tenant=1").unwrap();
        assert_eq!(
            (endpoint.authority(), endpoint.target.as_str()),
            ("id.example:443".to_owned(), "/token?tenant=1")
        );
        let local = Endpoint::parse("http://[::1]:8080").unwrap();
        assert_eq!(
            (local.authority(), local.target.as_str()),
            ("[::1]:8080".to_owned(), "/")
        );
    }

    #[tokio::test]
    async fn an_answer_over_the_ceiling_is_cut() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let huge = axum::Router::new().fallback(async || "x".repeat(ANSWER_BYTES + 1));
        let server = tokio::spawn(async move { axum::serve(listener, huge).await });
        let fetched = Fetcher::new(Vec::new()).unwrap().get(&endpoint, None).await;
        assert!(matches!(fetched, Err(FetchError::TooLarge)), "{fetched:?}");
        server.abort();
    }
}
