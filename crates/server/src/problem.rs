//! Failures, and the one place that turns them into problem documents.
//!
//! A handler returns a [`Failure`]; the [`finish`] layer around all routes knows the request, so it writes
//! the body, the correlation id and, for a defect, the one log line. Nothing inner ever reaches a body.

use crate::app::App;
use crate::observation::Observation;
use crate::request::{CorrelationId, is_text};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use plex_api::capacity::CapacityDimension;
use plex_api::codes;
use plex_api::executions::ExecutionStatus;
use plex_api::problem::{
    DenialReason, DomainChildCounts, PermissionDenied, Problem, ProjectChildCounts, type_uri,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;

/// The media type of problem documents.
const PROBLEM_JSON: &str = "application/problem+json";
/// Pairs an answer with the server's log.
pub const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// An error answer in the making.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    more: More,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failure tells whoever asked.
#[derive(Debug, Clone, Copy)]
pub struct Told<'f> {
    /// The status.
    pub status: StatusCode,
    /// The code.
    pub code: &'static str,
    /// The text that says how to mend it.
    pub detail: &'f str,
}

/// What some failures say beside code and detail.
#[derive(Debug)]
enum More {
    Nothing,
    Current(ExecutionStatus),
    Denied { reason: DenialReason, path: Vec<String> },
    RetryAfter(u32),
    Full(CapacityDimension),
    DomainChildren(DomainChildCounts),
    ProjectChildren(ProjectChildCounts),
}

impl Failure {
    /// A failure with a status, a code and a text that says how to mend it.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            more: More::Nothing,
            cause: None,
        }
    }

    /// 400.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401.
    pub fn unauthorized(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403 that is not a relation denial.
    pub fn forbidden(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404; for what is missing and for what the caller may not know of, alike (decision 3).
    pub fn not_found(code: &'static str, what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code,
            format!("no such {what}, or none that you may see"),
        )
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413.
    pub fn too_large(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail)
    }

    /// 422.
    pub fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429; try again after that many seconds.
    pub fn rate_limited(seconds: u32, detail: impl Into<Cow<'static, str>>) -> Self {
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, codes::RATE_LIMITED, detail);
        Self {
            more: More::RetryAfter(seconds),
            ..failure
        }
    }

    /// 429 `capacity_exceeded`: an axis of the domain is full. When there is room again nobody can say.
    pub fn capacity_exceeded(dimension: CapacityDimension, detail: impl Into<Cow<'static, str>>) -> Self {
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, codes::CAPACITY_EXCEEDED, detail);
        Self {
            more: More::Full(dimension),
            ..failure
        }
    }

    /// 503; trying again after a second is safe.
    pub fn unavailable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::unavailable_for(1, code, detail)
    }

    /// 503; trying again after that many seconds makes sense.
    pub fn unavailable_for(seconds: u32, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            more: More::RetryAfter(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// 503: whether the caller may is not known now, and so it may not.
    pub fn undecided(cause: plex_store::Error) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::unavailable(
                codes::AUTHZ_UNAVAILABLE,
                "the relations cannot be read now, and without them nothing is allowed; try again",
            )
        }
    }

    /// 403 with the body `PermissionDenied`: a relation denial (`rebac_denied`) or a node key on another
    /// node's path.
    pub fn denied(code: &'static str, reason: DenialReason, path: Vec<String>, detail: &'static str) -> Self {
        Self {
            more: More::Denied { reason, path },
            ..Self::forbidden(code, detail)
        }
    }

    /// 500; the cause goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "something went wrong here; the correlation id finds it in the server's log";
        Self {
            cause: Some(cause.into()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, codes::INTERNAL, detail)
        }
    }

    /// Adds what is behind it, for the log only.
    pub fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..self
        }
    }

    /// What it tells, for an answer that is no problem document.
    pub fn told(&self) -> Told<'_> {
        Told {
            status: self.status,
            code: self.code,
            detail: &self.detail,
        }
    }

    /// What is behind it, for the log only.
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// Whether the caller lacks a relation; for operations that answer so as if there were nothing.
    pub fn is_denial(&self) -> bool {
        matches!(self.more, More::Denied { .. })
    }

    /// Adds the invocation's status.
    pub fn with_current(self, status: ExecutionStatus) -> Self {
        Self {
            more: More::Current(status),
            ..self
        }
    }

    /// Adds what the domain holds.
    pub fn with_domain_children(self, counts: DomainChildCounts) -> Self {
        Self {
            more: More::DomainChildren(counts),
            ..self
        }
    }

    /// Adds what the project holds.
    pub fn with_project_children(self, counts: ProjectChildCounts) -> Self {
        Self {
            more: More::ProjectChildren(counts),
            ..self
        }
    }

    fn body(&self, instance: String, correlation_id: String) -> Vec<u8> {
        let r#type = type_uri(self.code);
        let title = self.status.canonical_reason().unwrap_or("Error").to_owned();
        let (status, detail, code) = (
            self.status.as_u16(),
            self.detail.to_string(),
            Some(self.code.to_owned()),
        );
        let mut problem = Problem {
            r#type,
            title,
            status,
            detail,
            instance,
            code,
            current_status: None,
            dimension: None,
            child_counts: None,
            project_child_counts: None,
            correlation_id,
        };
        match &self.more {
            More::Denied { reason, path } => return denial(problem, *reason, path.clone()),
            More::Nothing | More::RetryAfter(_) => {}
            More::Current(status) => problem.current_status = Some(*status),
            More::Full(dimension) => problem.dimension = Some(*dimension),
            More::DomainChildren(counts) => problem.child_counts = Some(*counts),
            More::ProjectChildren(counts) => problem.project_child_counts = Some(*counts),
        }
        serde_json::to_vec(&problem).expect("a problem document is JSON")
    }
}

/// The other kind of document, of the same facts.
fn denial(problem: Problem, reason: DenialReason, relation_path: Vec<String>) -> Vec<u8> {
    let denied = PermissionDenied {
        r#type: problem.r#type,
        title: problem.title,
        status: problem.status,
        detail: problem.detail,
        instance: problem.instance,
        code: problem.code,
        reason,
        relation_path,
        correlation_id: problem.correlation_id,
    };
    serde_json::to_vec(&denied).expect("a problem document is JSON")
}

impl From<plex_store::Error> for Failure {
    fn from(error: plex_store::Error) -> Self {
        use plex_store::Error as Store;
        match error {
            Store::Busy | Store::Unavailable(_) => Self {
                cause: Some(error.into()),
                ..Self::unavailable(
                    codes::DATASTORE_UNAVAILABLE,
                    "the database cannot answer now; try again",
                )
            },
            Store::Constraint(_)
            | Store::Newer
            | Store::Corrupt(_)
            | Store::Statement(_)
            | Store::Panicked => Self::internal(error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The outermost layer: gives the request its correlation id, and failures their body.
pub async fn finish(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let correlation = CorrelationId::new(&app);
    request.extensions_mut().insert(correlation.clone());
    let observation = Observation::begin(&app, &mut request);
    let instance = request.uri().path().to_owned();
    let method = request.method().clone();
    let mut response = if is_text(&instance) {
        next.run(request).await
    } else {
        let detail = "the path is not valid percent-encoded UTF-8";
        Failure::bad_request(codes::MALFORMED_REQUEST, detail).into_response()
    };
    if let Some(failure) = failure_of(&mut response) {
        log(&failure, &method, &instance, &correlation);
        write(&mut response, &failure, instance, &correlation);
    }
    let id = HeaderValue::from_str(correlation.as_str()).expect("a UUID is a header value");
    response.headers_mut().insert(X_CORRELATION_ID, id);
    observation.end(&app, response.status(), &correlation);
    response
}

/// A handler's failure, or one for what axum itself answers without a body.
fn failure_of(response: &mut Response) -> Option<Arc<Failure>> {
    if let Some(failure) = response.extensions_mut().remove::<Arc<Failure>>() {
        return Some(failure);
    }
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = "this path does not take that method; the header Allow lists those it takes";
            Some(Arc::new(Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                codes::METHOD_NOT_ALLOWED,
                detail,
            )))
        }
        _ => None,
    }
}

fn log(failure: &Failure, method: &Method, instance: &str, correlation: &CorrelationId) {
    let Some(cause) = &failure.cause else { return };
    tracing::error!(
        error.cause = ?cause,
        http.method = %method,
        http.path = instance,
        http.status = failure.status.as_u16(),
        correlation.id = correlation.as_str(),
        "a request failed: {}",
        failure.code,
    );
}

fn write(response: &mut Response, failure: &Failure, instance: String, correlation: &CorrelationId) {
    *response.body_mut() = failure.body(instance, correlation.as_str().to_owned()).into();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.remove(header::CONTENT_LENGTH);
    if failure.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let More::RetryAfter(seconds) = failure.more {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
}

/// Stands among a handler's documented answers for its problems, which `http::contract` fills in.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        BTreeMap::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{PROBLEM_JSON, X_CORRELATION_ID};
    use crate::testing::TestApp;
    use axum::http::{StatusCode, header};
    use serde_json::json;

    #[tokio::test]
    async fn a_path_that_is_no_text_is_answered_with_a_problem() {
        let app = TestApp::start().await;
        for path in [
            "/v1/domains/%ff",
            "/v1/domains/%zz",
            "/v1/projects/%c0%80/executions",
        ] {
            let (status, headers, problem) = app.admin().send("GET", path, None).await;
            let told = (status, &problem["code"], &problem["instance"]);
            assert_eq!(
                told,
                (StatusCode::BAD_REQUEST, &json!("malformed_request"), &json!(path))
            );
            assert_eq!(headers[header::CONTENT_TYPE], PROBLEM_JSON);
            assert_eq!(
                headers[X_CORRELATION_ID],
                problem["correlation_id"].as_str().unwrap()
            );
        }
    }

    #[tokio::test]
    async fn a_body_in_another_charset_is_refused() {
        let app = TestApp::start().await;
        for (charset, expected) in [("utf-16", 415), ("\"UTF-8\"", 400)] {
            let media_type = format!("application/json; charset={charset}");
            let headers = [("content-type", media_type.as_str())];
            let (status, ..) = app
                .admin()
                .call("POST", "/v1/domains", b"{}".to_vec(), &headers)
                .await;
            assert_eq!(status, expected, "{charset}");
        }
    }
}
