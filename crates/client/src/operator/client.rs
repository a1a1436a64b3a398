//! Sending calls and judging answers.

use super::retry::{Again, Policy, after_status};
use super::tls::TlsConnector;
use super::{Answer, Call, ServerUrl, Token};
use crate::{ApiError, Error};
use http::{Request, Response, header};
use rustls::pki_types::CertificateDer;
use std::io::Read;
use std::time::{Duration, Instant};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};
use ureq::{Agent, Body};

/// The largest body that [`Client::fetch`] takes.
pub const WHOLE_BODY_BYTES: u64 = 64 * 1024 * 1024;
/// The largest error body that is looked at.
const PROBLEM_BYTES: u64 = 1024 * 1024;
/// TCP and TLS together (decision 9).
const CONNECT: Duration = Duration::from_secs(5);
/// From the request sent to the answer's headers.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest silence inside a body.
const SILENCE: Duration = Duration::from_secs(30);

/// Speaks to one control plane as one principal, or as nobody yet.
pub struct Client {
    agent: Agent,
    server: ServerUrl,
    token: Option<Token>,
    traceparent: Option<String>,
}

/// Why an attempt failed, and whether another is worth making.
struct Failed {
    error: Error,
    again: Again,
}

impl Client {
    /// A client that trusts the public roots and `extra_roots`. Nothing is connected yet. Proxies are taken
    /// from the environment (`HTTPS_PROXY`, `NO_PROXY`), but never for a loopback server.
    pub fn new(server: ServerUrl, token: Token, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        Self::with(server, Some(token), extra_roots)
    }

    /// The same without a token, for what needs none.
    pub fn anonymous(server: ServerUrl, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        Self::with(server, None, extra_roots)
    }

    fn with(server: ServerUrl, token: Option<Token>, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept("application/json")
            .accept_encoding("identity")
            .user_agent(concat!("plexctl/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE));
        let config = if server.is_loopback() {
            config.proxy(None)
        } else {
            config
        }
        .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector::new(extra_roots));
        Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            server,
            token,
            traceparent: None,
        }
    }

    /// Says with every call, by W3C's header `traceparent`, which span makes it.
    #[must_use]
    pub fn traced(mut self, traceparent: String) -> Self {
        self.traceparent = Some(traceparent);
        self
    }

    /// The server spoken to.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Sends a call and reads its whole answer, at most [`WHOLE_BODY_BYTES`].
    ///
    /// # Errors
    /// Transport failure (also of the body), any status but 2xx, a body over the ceiling.
    pub fn fetch(&self, call: &Call) -> Result<Vec<u8>, Error> {
        self.repeat(call, |response| {
            let mut whole = Vec::new();
            let reader = judge(response)?.into_body().into_reader();
            reader
                .take(WHOLE_BODY_BYTES + 1)
                .read_to_end(&mut whole)
                .map_err(|error| Failed {
                    error: Error::Transport(format!("the response was cut off: {error}")),
                    again: Again::Soon,
                })?;
            if whole.len() as u64 > WHOLE_BODY_BYTES {
                let mebibytes = WHOLE_BODY_BYTES >> 20;
                return Err(Failed::finally(Error::Contract(format!(
                    "the response is larger than {mebibytes} MiB"
                ))));
            }
            Ok(whole)
        })
    }

    /// Sends a call and leaves the body to the reader.
    ///
    /// # Errors
    /// Transport failure before the body, any status but 2xx.
    pub fn open(&self, call: &Call) -> Result<Answer, Error> {
        self.repeat(call, |response| judge(response).map(into_answer))
    }

    /// Reads bytes that the server may keep elsewhere: one redirect is followed, to HTTPS (or to loopback)
    /// and without the token.
    ///
    /// # Errors
    /// As [`Client::open`]; a redirect to nowhere or to clear text is a contract error.
    pub fn download(&self, call: &Call) -> Result<Answer, Error> {
        let next = self.repeat(call, |response| match location(&response) {
            Some(place) => Ok(Next::There(place)),
            None => judge(response).map(|response| Next::Here(into_answer(response))),
        })?;
        let place = match next {
            Next::Here(answer) => return Ok(answer),
            Next::There(place) => place,
        };
        ServerUrl::parse(place.split(['?', '#']).next().unwrap_or_default())
            .map_err(|_| Error::Contract("the server redirects to a place that is not safe".to_owned()))?;
        let request = Request::get(place)
            .header(header::ACCEPT, "*/*")
            .body(())
            .map_err(|_| Error::Contract("the server redirects to a malformed URL".to_owned()))?;
        let response = self
            .agent
            .run(request)
            .map_err(|error| transport("the object store", &error))?;
        judge(response).map(into_answer).map_err(|failed| failed.error)
    }

    fn repeat<T>(
        &self,
        call: &Call,
        finish: impl Fn(Response<Body>) -> Result<T, Failed>,
    ) -> Result<T, Error> {
        let policy = match (call.is_repeatable(), &call.idempotency_key) {
            (true, None) => Policy::READ,
            (true, Some(_)) => Policy::KEYED_WRITE,
            (false, _) => Policy::ONCE,
        };
        let began = Instant::now();
        let mut made = 0;
        loop {
            let left = policy.budget.saturating_sub(began.elapsed());
            let failed = match self.attempt(call, left).and_then(&finish) {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            made += 1;
            match policy.pause(made, began.elapsed(), failed.again) {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(failed.error),
            }
        }
    }

    fn attempt(&self, call: &Call, left: Duration) -> Result<Response<Body>, Failed> {
        let mut request = Request::builder().method(call.method.clone()).uri(format!(
            "{}{}",
            self.server.as_str(),
            call.target()
        ));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        if let Some(traceparent) = &self.traceparent {
            request = request.header("traceparent", traceparent);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        match call.body.as_deref() {
            None => self.run(call, left, request.body(())),
            Some(body) => self.run(call, left, request.body(body)),
        }
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        call: &Call,
        left: Duration,
        request: http::Result<Request<B>>,
    ) -> Result<Response<Body>, Failed> {
        let malformed = |_| Failed::finally(Error::Contract("the request cannot be expressed".to_owned()));
        let request = self.agent.configure_request(request.map_err(malformed)?);
        // A write that is repeated must have its last word within the budget; a read may take its time.
        let request = match call.idempotency_key {
            Some(_) => request
                .timeout_connect(Some(CONNECT.min(left)))
                .timeout_recv_response(Some(left)),
            None => request,
        };
        self.agent.run(request.build()).map_err(|error| Failed {
            again: after_transport(&error),
            error: transport(self.server.as_str(), &error),
        })
    }
}

/// Where the bytes of a download are.
enum Next {
    /// In this answer.
    Here(Answer),
    /// At this URL.
    There(String),
}

impl Failed {
    fn finally(error: Error) -> Self {
        Self {
            error,
            again: Again::Never,
        }
    }
}

/// A name that does not exist and a certificate that is not trusted stay so; all else may pass.
fn after_transport(error: &ureq::Error) -> Again {
    match error {
        ureq::Error::Io(cause) if cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Again::Never
        }
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => Again::Soon,
        ureq::Error::Protocol(_) => Again::Soon,
        _ => Again::Never,
    }
}

fn transport(whom: &str, error: &ureq::Error) -> Error {
    let why = match error {
        ureq::Error::Io(cause) => cause.to_string(),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        other => other.to_string(),
    };
    Error::Transport(format!("cannot reach {whom}: {why}"))
}

/// Lets 2xx pass, as long as it can be read as it is.
fn judge(response: Response<Body>) -> Result<Response<Body>, Failed> {
    let status = response.status();
    if !status.is_success() {
        let error = api_error(response);
        return Err(Failed {
            again: after_status(error.status, error.retry_after),
            error: Error::Api(Box::new(error)),
        });
    }
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|name| !name.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failed::finally(Error::Contract(
            "the response is encoded, which was not asked for".to_owned(),
        )));
    }
    Ok(response)
}

fn api_error(response: Response<Body>) -> ApiError {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (retry_after, correlation_id) = (header("retry-after"), header("x-correlation-id"));
    let status = response.status().as_u16();
    let mut body = Vec::new();
    // What could be read of an error body is as good as it gets; the status says the rest.
    let _ = response
        .into_body()
        .into_reader()
        .take(PROBLEM_BYTES)
        .read_to_end(&mut body);
    let mut error = ApiError::from_answer(status, retry_after.as_deref(), &body);
    error.correlation_id = error.correlation_id.or(correlation_id);
    error
}

fn location(response: &Response<Body>) -> Option<String> {
    if response.status() != 303 {
        return None;
    }
    Some(
        response
            .headers()
            .get(header::LOCATION)?
            .to_str()
            .ok()?
            .to_owned(),
    )
}

fn into_answer(response: Response<Body>) -> Answer {
    let body = response.into_body();
    Answer {
        length: body.content_length(),
        body: body.into_reader(),
    }
}
