//! A blocking HTTP client that trusts one CA, and answers to look at.

use http::{HeaderMap, Method, Request, Response};
use serde_json::Value;
use std::time::Duration;
use ureq::Body;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The longest silence inside an answer. Event streams say something every 25 s.
const SILENCE: Duration = Duration::from_secs(90);
/// Connections kept for the next request; concurrent tests use many.
const IDLE_CONNECTIONS: usize = 256;

/// Speaks HTTPS with one server.
#[derive(Debug, Clone)]
pub struct Web {
    agent: ureq::Agent,
    base: String,
}

/// A request got no whole answer.
#[derive(Debug)]
pub struct Broken(pub String);

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Web {
    /// A client for the server at `base`, trusting the certificate in `ca_pem` and no other.
    pub fn new(base: &str, ca_pem: &[u8]) -> Self {
        let ca = Certificate::from_pem(ca_pem).expect("a CA certificate in PEM");
        Self::trusting(base, RootCerts::new_with_certs(&[ca]))
    }

    /// A client for a server at `base` that speaks in clear.
    pub fn in_clear(base: &str) -> Self {
        Self::trusting(base, RootCerts::new_with_certs(&[]))
    }

    fn trusting(base: &str, roots: RootCerts) -> Self {
        let agent = ureq::Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .accept_encoding("identity")
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_per_read(Some(SILENCE))
            .build()
            .new_agent();
        Self {
            agent,
            base: base.to_owned(),
        }
    }

    /// The server's URL, without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and opens the answer's body. `path` may be a whole URL.
    pub fn open(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, Broken> {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        };
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let broken = |error: &dyn std::fmt::Display| Broken(format!("{method} {path}: {error}"));
        let answer = match body {
            Some(body) => self
                .agent
                .run(request.body(body).map_err(|error| broken(&error))?),
            None => self.agent.run(request.body(()).map_err(|error| broken(&error))?),
        };
        answer.map_err(|error| broken(&error))
    }

    /// Sends a request and reads the whole answer.
    pub fn try_send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, Broken> {
        let (parts, body) = self.open(method, path, headers, body)?.into_parts();
        let body = body.into_with_config().limit(u64::MAX).read_to_vec();
        let body = body.map_err(|error| Broken(format!("{method} {path}: body: {error}")))?;
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    /// As [`Web::try_send`], where no answer is a failure of the test.
    pub fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|Broken(why)| panic!("no answer: {why}"))
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem's code; empty where there is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The value of a header that is there at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("a header of text"))
    }

    /// The answer itself, once its status is as expected.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Status and code in one, for comparing.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}
