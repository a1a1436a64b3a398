//! What a peer is told whose request never reaches a route: an RFC 9457 problem document, and the connection ends.

use crate::system::{SystemClock, SystemRng};
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, Version, header};
use plex_api::codes;
use plex_api::problem::{Problem, type_uri};
use plex_domain::env::{Clock, uuid_v7};

/// Why a request was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The message is not valid HTTP, or has more than one reading; the text says what is wrong.
    Malformed(&'static str),
    /// Request line and headers are more than the bounds allow.
    HeadTooLarge,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body stopped arriving.
    BodyTimeout,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => codes::MALFORMED_REQUEST,
            Self::HeadTooLarge => codes::REQUEST_HEAD_TOO_LARGE,
            Self::HeadTimeout | Self::BodyTimeout => codes::REQUEST_TIMEOUT,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Malformed(what) => what,
            Self::HeadTooLarge => "request line and headers are larger than this server accepts",
            Self::HeadTimeout => "the request's headers did not arrive in time",
            Self::BodyTimeout => "the request's body stopped arriving",
        }
    }

    /// The answer. `path` is the request's path, or `/` where no request line was understood.
    pub(super) fn response(self, path: &str, version: Version) -> Response<Body> {
        let correlation_id = uuid_v7(SystemClock.now(), &SystemRng).to_string();
        let status = self.status();
        let problem = Problem {
            r#type: type_uri(self.code()),
            title: status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: status.as_u16(),
            detail: self.detail().to_owned(),
            instance: path.to_owned(),
            code: Some(self.code().to_owned()),
            current_status: None,
            dimension: None,
            child_counts: None,
            project_child_counts: None,
            correlation_id: correlation_id.clone(),
        };
        tracing::debug!(
            correlation_id,
            code = self.code(),
            detail = self.detail(),
            "refused a request before any route"
        );
        let body = serde_json::to_vec(&problem).expect("a problem has string keys and no failing serializer");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(
            "x-correlation-id",
            HeaderValue::from_str(&correlation_id).expect("a UUID is a valid header value"),
        );
        if version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
