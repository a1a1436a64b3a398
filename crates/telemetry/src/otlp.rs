//! Spans in the protocol's JSON: `ExportTraceServiceRequest`, with ids in hexadecimal and times as text.

use crate::span::Span;
use crate::traces::Origin;
use jiff::Timestamp;
use plex_domain::trace::SpanContext;
use serde_json::{Map, Value, json};

/// The protocol's number for what went wrong.
const STATUS_ERROR: u32 = 2;

/// The body of one request.
pub(crate) fn request(origin: &Origin, spans: &[Span]) -> Vec<u8> {
    let resource = [
        ("service.name", origin.service),
        ("service.version", origin.version),
        ("service.instance.id", &origin.instance),
    ];
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": resource.map(|(name, value)| attribute(name, value))},
        "scopeSpans": [{
            "scope": {"name": origin.service, "version": origin.version},
            "spans": spans,
        }],
    }]});
    body.to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let mut value = ids(span.context);
    if let Some(parent) = span.parent {
        value.insert("parentSpanId".to_owned(), span_id(parent).into());
    }
    value.insert("name".to_owned(), span.name.as_ref().into());
    value.insert("kind".to_owned(), (span.kind as u32).into());
    value.insert("startTimeUnixNano".to_owned(), nanos(span.began).into());
    value.insert("endTimeUnixNano".to_owned(), nanos(span.ended).into());
    let attributes = span.attributes.iter();
    let attributes: Vec<Value> = attributes.map(|(name, value)| attribute(name, value)).collect();
    value.insert("attributes".to_owned(), attributes.into());
    if let Some(link) = span.link {
        value.insert("links".to_owned(), json!([ids(link)]));
    }
    if span.failed {
        value.insert("status".to_owned(), json!({"code": STATUS_ERROR}));
    }
    value.into()
}

fn ids(context: SpanContext) -> Map<String, Value> {
    let trace_id = format!("{:032x}", context.trace_id);
    [
        ("traceId".to_owned(), trace_id.into()),
        ("spanId".to_owned(), span_id(context).into()),
    ]
    .into_iter()
    .collect()
}

fn span_id(context: SpanContext) -> String {
    format!("{:016x}", context.span_id)
}

fn nanos(time: Timestamp) -> String {
    time.as_nanosecond().max(0).to_string()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}
