//! The node's client: every operation a node may call, typed, asynchronous, and nothing else.
//!
//! A [`Connection`] knows the server and how far to trust it; a [`NodeClient`] adds who is calling. Neither
//! retries: only the caller knows whether a call may be repeated and for how long. No redirect is ever
//! followed, so a bearer token or an upload never ends up at a place nobody named.

mod answer;
mod connection;
mod credentials;
mod events;
mod trust;
mod upload;

pub use connection::{Connection, ConnectionError, NodeClient};
pub use events::{Events, Frame};
pub use trust::TrustError;
