//! Spans of the control plane and of nodes, on their way to a collector that speaks OTLP.
//!
//! [`Traces`] takes spans from whoever does something and never holds them up: what does not fit into the queue is
//! dropped and counted. One task sends what has gathered as OTLP/HTTP with JSON, which is part of the protocol and needs
//! none of its eighteen crates.

mod collector;
mod otlp;
mod span;
mod traces;

pub use collector::{Collector, CollectorError};
pub use span::{Kind, Open};
pub use traces::{Origin, Traces};
