//! One span, from its beginning to its end.

use crate::traces::Traces;
use jiff::Timestamp;
use plex_domain::trace::SpanContext;
use std::borrow::Cow;
use std::fmt::Display;
use std::time::Instant;

/// Which side of a conversation a span is; the numbers are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither.
    Internal = 1,
    /// It answers a request.
    Server = 2,
    /// It makes a request.
    Client = 3,
    /// It hands something on that is taken up later.
    Producer = 4,
    /// It takes that up.
    Consumer = 5,
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) context: SpanContext,
    pub(crate) parent: Option<SpanContext>,
    /// A span of another trace that this one came from.
    pub(crate) link: Option<SpanContext>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) failed: bool,
}

/// A span that has not ended; it ends when it is dropped. Where nothing is traced it is nothing.
#[derive(Default)]
#[must_use = "it ends when it is dropped"]
pub struct Open(Option<Box<(Traces, Span, Instant)>>);

impl Open {
    pub(crate) fn new(traces: Traces, span: Span) -> Self {
        Self(Some(Box::new((traces, span, Instant::now()))))
    }

    /// Whose parent this is, where anything is traced.
    pub fn context(&self) -> Option<SpanContext> {
        self.0.as_ref().map(|open| open.1.context)
    }

    /// Says when it really began.
    pub fn since(mut self, began: Timestamp) -> Self {
        if let Some(open) = &mut self.0 {
            open.1.began = began;
        }
        self
    }

    /// Says which span of another trace it came from.
    pub fn linked_to(mut self, link: Option<SpanContext>) -> Self {
        if let Some(open) = &mut self.0 {
            open.1.link = link;
        }
        self
    }

    /// Says more of it. No secret belongs here.
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.set(name, value);
        self
    }

    /// The same, later.
    pub fn set(&mut self, name: &'static str, value: impl Display) {
        if let Some(open) = &mut self.0 {
            open.1.attributes.push((name, value.to_string()));
        }
    }

    /// Says that it did not work out.
    pub fn fail(&mut self) {
        if let Some(open) = &mut self.0 {
            open.1.failed = true;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let (traces, mut span, began) = *open;
        // The wall clock says when it was opened, the monotonic one how long ago that was.
        span.ended = (span.ended + began.elapsed()).max(span.began);
        traces.record(span);
    }
}
