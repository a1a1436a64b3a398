//! The node's client.
