//! What can go wrong with a call.

use serde_json::Value;

/// A call that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing came back: refused, DNS, TLS, time-out, connection cut.
    #[error("{0}")]
    Transport(String),
    /// The server answered with an error.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// The body is not what the contract says.
    #[error("{0}")]
    Contract(String),
}

/// An error answer of the server, or of something in front of it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The problem's code, where the body was a problem document.
    pub code: Option<String>,
    /// The problem's detail, else the status in words.
    pub detail: String,
    /// Pairs with the server's log.
    pub correlation_id: Option<String>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// The problem document as it came.
    pub problem: Option<Value>,
}

impl ApiError {
    /// Reads an error answer; the body need not be a problem document.
    pub fn from_answer(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let problem = serde_json::from_slice::<Value>(body).ok().filter(is_problem);
        let text = |field: &str| problem.as_ref()?.get(field)?.as_str().map(str::to_owned);
        Self {
            status,
            code: text("code"),
            detail: text("detail").or_else(|| text("title")).unwrap_or_else(|| {
                let reason = http::StatusCode::from_u16(status)
                    .ok()
                    .and_then(|s| s.canonical_reason());
                format!("the server answered {status} {}", reason.unwrap_or(""))
                    .trim_end()
                    .to_owned()
            }),
            correlation_id: text("correlation_id"),
            retry_after: retry_after.and_then(|seconds| seconds.trim().parse().ok()),
            problem,
        }
    }
}

/// Whether a body is a problem document, and not just some JSON of whatever stands in front of the server.
fn is_problem(body: &Value) -> bool {
    let has_text = |field: &str| body.get(field).is_some_and(Value::is_string);
    has_text("code") || has_text("title")
}
