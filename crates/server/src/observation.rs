//! What is noted of every request: its place in the metrics, its line in the access log, its span.

use crate::app::App;
use crate::request::{CorrelationId, text_header};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, Method, StatusCode};
use plex_domain::trace::SpanContext;
use plex_telemetry::{Kind, Open};
use std::time::Instant;
use tracing::Level;

/// W3C's header that says which span made a request.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request that has begun.
pub struct Observation {
    began: Instant,
    method: Method,
    route: Option<MatchedPath>,
    caller: Option<SpanContext>,
    span: Open,
}

impl Observation {
    /// Begins, and gives the request its span, where its caller traces it.
    pub fn begin(app: &App, request: &mut Request) -> Self {
        let began = Instant::now();
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let caller = text_header(request.headers(), TRACEPARENT).and_then(SpanContext::parse);
        let parent = caller.filter(|caller| caller.is_sampled && app.traces.is_on());
        let span = parent.map_or_else(Open::default, |parent| {
            let route = route.as_ref().map_or("none", MatchedPath::as_str);
            let name = format!("{method} {route}");
            app.traces.begin(parent, name, Kind::Server)
        });
        if let Some(context) = span.context() {
            request.extensions_mut().insert(context);
        }
        Self {
            began,
            method,
            route,
            caller,
            span,
        }
    }

    /// Counts it, and lets those read of it who want to: `RUST_LOG=info,access=debug`. A path may hold what does not
    /// belong there, so only the route is told.
    pub fn end(self, app: &App, status: StatusCode, correlation: &CorrelationId) {
        let took = self.began.elapsed();
        let route = self.route.as_ref().map(MatchedPath::as_str);
        app.metrics.requests.observe(&self.method, route, (status, took));
        if status == StatusCode::UNAUTHORIZED {
            app.metrics.unauthenticated.increment();
        }
        tracing::event!(
            target: "access",
            Level::DEBUG,
            http.method = %self.method,
            http.route = route,
            http.status = status.as_u16(),
            duration_ms = took.as_secs_f64() * 1e3,
            correlation.id = correlation.as_str(),
            trace.id = self.caller.map(|caller| format!("{:032x}", caller.trace_id)),
            "answered",
        );
        let mut span = self
            .span
            .with("http.response.status_code", status.as_u16())
            .with("plexsphere.correlation_id", correlation.as_str());
        if status.is_server_error() {
            span.fail();
        }
    }
}
