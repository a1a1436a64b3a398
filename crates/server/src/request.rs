//! What handlers read from a request: ids, query parameters, bodies, and who is at the other end.

use crate::app::App;
use crate::listen::Peer;
use crate::problem::Failure;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use plex_api::{codes, limits};
use plex_domain::cidr::Cidr;
use plex_domain::env::uuid_v7;
use plex_domain::trace::SpanContext;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;

/// Pairs everything about one request: the answer's header, log lines, audit entries.
#[derive(Debug, Clone)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// A fresh one.
    pub fn new(app: &App) -> Self {
        Self(uuid_v7(app.clock.now(), &*app.rng).to_string())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks, as the audit chain records it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The request's correlation id.
    pub correlation_id: String,
    /// The client's address; that before the proxies, where the peer is a trusted one (decision 30).
    pub ip: Option<IpAddr>,
    /// The client's own words.
    pub user_agent: Option<String>,
    /// The request's span, where it is traced.
    pub span: Option<SpanContext>,
}

impl Context {
    /// Reads it off a request.
    pub fn of(parts: &Parts, trusted_proxies: &[Cidr]) -> Self {
        let correlation = parts.extensions.get::<CorrelationId>();
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        Self {
            correlation_id: correlation.map(|id| id.0.clone()).unwrap_or_default(),
            ip: peer.map(|peer| client_address(peer, &parts.headers, trusted_proxies)),
            user_agent: text_header(&parts.headers, header::USER_AGENT).map(|agent| cut(agent, 512)),
            span: parts.extensions.get().copied(),
        }
    }
}

impl FromRequestParts<App> for Context {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, &app.trusted_proxies))
    }
}

/// The right-most forwarded address that is not a trusted proxy, when the peer is one.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|cidr| cidr.contains(*address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    forwarded
        .iter()
        .rev()
        .map_while(|text| text.trim().parse().ok())
        .find(|address| !is_trusted(address))
        .unwrap_or(peer)
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// A header's value, where it is text.
pub fn text_header(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A path segment as an id: any UUID but nil, in its canonical form of 36 characters.
pub fn path_id(segment: &str, code: &'static str) -> Result<Uuid, Failure> {
    parse_id(segment).ok_or_else(|| Failure::bad_request(code, "the id in the path is not a UUID"))
}

/// A UUID in its canonical form; nil is none.
pub fn parse_id(text: &str) -> Option<Uuid> {
    let id = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()?;
    (!id.is_nil()).then_some(id)
}

/// The query's parameters, each at most once.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in parts
            .uri
            .query()
            .unwrap_or("")
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if pairs.iter().any(|(known, _)| *known == name) {
                let detail = "a query parameter is given more than once";
                return Err(Failure::bad_request(codes::INVALID_QUERY, detail));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }
}

/// Whether what the percent-codes of a path stand for is text.
pub fn is_text(path: &str) -> bool {
    !path.contains('%') || decode(path).is_ok()
}

fn decode(text: &str) -> Result<String, Failure> {
    let invalid = || {
        Failure::bad_request(
            codes::INVALID_QUERY,
            "the query is not valid percent-encoded UTF-8",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit().ok_or_else(invalid)?, digit().ok_or_else(invalid)?);
                u8::try_from(high * 16 + low).map_err(|_| invalid())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

impl Query {
    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter read by `parse`; a value it refuses is a 400 that names the parameter.
    pub fn parsed<T>(
        &self,
        name: &str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        self.get(name)
            .map(|value| {
                let detail = || format!("the query parameter {name} has a value that it does not take");
                parse(value).ok_or_else(|| Failure::bad_request(code, detail()))
            })
            .transpose()
    }

    /// A parameter that is a time.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Failure> {
        self.parsed(name, codes::INVALID_QUERY, |text| text.parse().ok())
    }

    /// A parameter that is an id.
    pub fn id(&self, name: &str, code: &'static str) -> Result<Option<Uuid>, Failure> {
        self.parsed(name, code, parse_id)
    }
}

/// Which ceiling and which codes a body has.
#[derive(Debug, Clone, Copy)]
pub struct BodyRules {
    /// Most bytes.
    pub ceiling: usize,
    /// The code of a body over it.
    pub too_large: &'static str,
    /// The code of a body that is not the operation's JSON.
    pub malformed: &'static str,
}

/// The rules of operations without rules of their own.
pub const PLAIN_BODY: BodyRules = BodyRules {
    ceiling: limits::BODY_BYTES,
    too_large: codes::REQUEST_BODY_TOO_LARGE,
    malformed: codes::INVALID_BODY,
};

/// The rules of the operations about labels, whose schemas may be long.
pub const LABELS_BODY: BodyRules = BodyRules {
    ceiling: limits::LABELS_BODY_BYTES,
    ..PLAIN_BODY
};

/// How long a whole body may take, however steadily it trickles.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// Reads a whole body; refuses one over the ceiling without reading on.
pub async fn read_body(request: Request, rules: BodyRules) -> Result<Bytes, Failure> {
    read_body_within(BODY_PATIENCE, request, rules).await
}

async fn read_body_within(patience: Duration, request: Request, rules: BodyRules) -> Result<Bytes, Failure> {
    require_json(request.headers())?;
    let too_large = || {
        let detail = format!("the body is over {} bytes", rules.ceiling);
        Failure::too_large(rules.too_large, detail)
    };
    let arriving = Limited::new(request.into_body(), rules.ceiling).collect();
    match tokio::time::timeout(patience, arriving).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) | Err(_) => {
            let detail = "the body did not arrive whole in time";
            Err(Failure::new(
                StatusCode::REQUEST_TIMEOUT,
                codes::REQUEST_TIMEOUT,
                detail,
            ))
        }
    }
}

/// Bodies are plain JSON: no other media type, no content coding.
fn require_json(headers: &HeaderMap) -> Result<(), Failure> {
    let unsupported = |detail| {
        Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            codes::UNSUPPORTED_MEDIA_TYPE,
            detail,
        )
    };
    let media_type = text_header(headers, header::CONTENT_TYPE).unwrap_or("");
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or("");
    if !essence.eq_ignore_ascii_case("application/json") || parts.any(names_another_charset) {
        return Err(unsupported("send the body with Content-Type: application/json"));
    }
    match text_header(headers, header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => Err(unsupported("send the body without a content coding")),
    }
}

fn names_another_charset(parameter: &str) -> bool {
    let charset = |(name, value): (&str, &str)| {
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8")
    };
    parameter.split_once('=').is_some_and(charset)
}

/// A body's JSON as a request type. The detail says what does not fit, never what was sent.
pub fn parse_json<T: DeserializeOwned>(body: &[u8], malformed: &'static str) -> Result<T, Failure> {
    // Checked here and whole: the parser would let anything pass inside fields that it does not know.
    let text =
        std::str::from_utf8(body).map_err(|_| Failure::bad_request(malformed, "the body is not UTF-8"))?;
    // The parser takes a list of values, in the order of the fields, for an object.
    if text.trim_ascii_start().starts_with('[') {
        return Err(Failure::bad_request(malformed, "the body is not a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| Failure::bad_request(malformed, json_fault(&error)))
}

fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Io | Category::Syntax => format!("the body is not valid JSON ({place})"),
        Category::Eof => "the body ends in the middle of its JSON".to_owned(),
        Category::Data => {
            let text = error.to_string();
            // Only messages about the contract's own names are repeated; others may quote the value sent.
            let told = ["missing field", "duplicate field"]
                .iter()
                .any(|known| text.starts_with(known));
            if told {
                format!("the body does not fit: {text}")
            } else {
                format!("the body does not fit at {place}")
            }
        }
    }
}

/// Refuses a body with a text over the bound of texts that have none of their own.
pub fn require_short<'t>(texts: impl IntoIterator<Item = &'t String>) -> Result<(), Failure> {
    let is_short = texts.into_iter().all(|text| text.len() <= limits::TEXT_BYTES);
    let detail = "a text takes at most 4096 bytes";
    is_short
        .then_some(())
        .ok_or_else(|| Failure::bad_request(codes::INVALID_BODY, detail))
}

/// Reads and parses a body in one go.
pub async fn json<T: DeserializeOwned>(request: Request, rules: BodyRules) -> Result<T, Failure> {
    parse_json(&read_body(request, rules).await?, rules.malformed)
}

#[cfg(test)]
mod tests {
    use super::{BodyRules, PLAIN_BODY, read_body_within};
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::header;
    use axum::response::IntoResponse;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;
    use std::time::Duration;

    #[tokio::test]
    async fn a_body_that_trickles_on_and_on_is_408() {
        let trickle = stream::repeat(Bytes::from_static(b" ")).then(async |byte| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, Infallible>(byte)
        });
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from_stream(trickle))
            .unwrap();
        let rules = BodyRules {
            ceiling: usize::MAX,
            ..PLAIN_BODY
        };
        let refused = read_body_within(Duration::from_millis(20), request, rules).await;
        assert_eq!(refused.unwrap_err().into_response().status(), 408);
    }
}
