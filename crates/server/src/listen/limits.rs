//! The listener's bounds in one place, so that tests can make them short.

use std::time::Duration;

/// What a connection may take, in time and in size.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request's head to its last, and from the handshake to the first request.
    pub head: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// For a connection without a request in progress.
    pub idle: Duration,
    /// For a peer that does not read what was written to it.
    pub write_stall: Duration,
    /// For requests in progress once shutdown has begun.
    pub grace: Duration,
    /// Request line and headers, in bytes.
    pub head_bytes: usize,
    /// Header lines of one request.
    pub headers: usize,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one IPv4 address or one IPv6 /64.
    pub connections_per_source: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body_idle: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            headers: 100,
            connections: 20_000,
            connections_per_source: 20_000,
        }
    }
}
