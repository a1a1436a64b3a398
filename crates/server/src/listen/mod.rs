//! The listener: everything between the kernel's accept queue and the router.
//!
//! The defaults of the HTTP stack keep a silent connection open for ever, take a request without `Host`, one
//! with two meanings (`Content-Length` and `Transfer-Encoding` together), lines that end in a bare line feed
//! and a single header of half a megabyte. Each of these doors is closed here, once, for every route:
//!
//! * `accept` admits connections, within bounds in all and per source, and never spins when descriptors run out;
//! * `connection` carries one of them: TLS, HTTP/1.1 or HTTP/2, time-outs, the way out at shutdown;
//! * `framing` reads HTTP/1 message framing, strictly, from the `line`s it is made of, and `guard` stands with it
//!   between the socket and the HTTP library, so that the library and any proxy in front can never disagree about
//!   where a request ends;
//! * `pacing` ends a connection whose peer no longer reads what it is sent;
//! * `body` ends a request whose body stops arriving;
//! * `refusal` is what the peer is told, always a problem document;
//! * `tls` holds the certificate and swaps it while connections live.

mod accept;
mod activity;
mod body;
mod connection;
mod framing;
mod guard;
mod limits;
mod line;
mod pacing;
mod refusal;
pub mod tls;

#[cfg(test)]
pub(crate) mod tests;

pub use accept::serve;
pub use limits::Limits;

/// The address at the other end of the connection, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub std::net::SocketAddr);
