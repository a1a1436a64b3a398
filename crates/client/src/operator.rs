//! The operator's client: blocking, one connection, no runtime.
//!
//! A command-line call lives for a few milliseconds, so nothing here starts a thread, loads a certificate
//! bundle from disk or parses what is not needed. Three rules hold for every call:
//!
//! * **The token stays with its server.** Redirects are never followed, but for [`Client::download`], which
//!   follows one and leaves the token behind. Clear-text HTTP is for loopback alone ([`ServerUrl`]).
//! * **Only what is safe to repeat is repeated**: reads, and dispatches that carry an idempotency key.
//! * **What is read whole has a ceiling**, and content encodings are neither asked for nor accepted.
//!
//! Trust is the public roots compiled in (`webpki-roots`: no file is read) and whatever certificates the
//! caller adds. ureq's own connector can have either but not both, hence the small one in `tls`.

mod address;
mod answer;
mod call;
mod client;
mod retry;
mod tls;
mod token;

pub use address::{AddressError, ServerUrl};
pub use answer::Answer;
pub use call::Call;
pub use client::{Client, WHOLE_BODY_BYTES};
pub use token::Token;
