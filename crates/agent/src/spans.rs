//! The spans of this node's part in executions: one for the part as a whole, and one below it for each step.

use crate::entropy::System;
use plex_domain::trace::SpanContext;
use plex_telemetry::{Collector, Kind, Open, Origin, Traces};
use std::sync::Arc;
use uuid::Uuid;

/// Begins spans; clones share where they go.
#[derive(Debug, Clone)]
pub struct Spans {
    traces: Traces,
    node_id: Uuid,
}

impl Spans {
    /// Those of this node, to that collector or to nobody.
    pub fn new(node_id: Uuid, collector: Option<Collector>) -> Self {
        let start = |collector| {
            let origin = Origin {
                service: "plexd",
                version: env!("CARGO_PKG_VERSION"),
                instance: node_id.to_string(),
                clock: Arc::new(System),
                rng: Arc::new(System),
            };
            Traces::start(origin, collector)
        };
        let traces = collector.map(start).unwrap_or_default();
        Self { traces, node_id }
    }

    /// The node's part in an execution, from its arrival to its result.
    pub fn invocation(&self, execution_id: Uuid) -> Open {
        let context = SpanContext::of_invocation(execution_id, self.node_id);
        let root = SpanContext::of_execution(execution_id);
        self.traces
            .begin_known(context, Some(root), ("invocation", Kind::Consumer))
            .with("node.id", self.node_id)
    }

    /// A step of that part.
    pub fn step(&self, execution_id: Uuid, name: &'static str, kind: Kind) -> Open {
        let parent = SpanContext::of_invocation(execution_id, self.node_id);
        self.traces.begin(parent, name, kind)
    }

    /// Sends what is left.
    pub async fn stop(&self) {
        self.traces.stop().await;
    }
}
