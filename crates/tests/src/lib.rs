//! The actors of the end-to-end tests: a real control plane, real operators, real and simulated nodes.
//!
//! Everything here starts the built programs and speaks to them from outside, over the wire or through
//! `plexctl`; nothing reaches into them. Every process that is started ends with the value that stands for it, also
//! when the test panics. Waiting has a generous limit and no test asserts on elapsed time.

pub mod fuzz;
pub mod tools;

mod agent;
mod control_plane;
mod database;
mod dice;
mod events;
mod exposition;
mod load;
mod manifest;
mod nats;
mod node;
mod operator;
mod oracle;
mod process;
mod program;
mod raw;
mod s3;
mod site;
mod stand_in;
mod stream;
mod waiting;
mod web;

pub use agent::Agent;
pub use control_plane::ControlPlane;
pub use database::Database;
pub use dice::Dice;
pub use events::{Events, Frame};
pub use exposition::Exposition;
pub use load::{Doors, End, Jobs, Kind, Load};
pub use manifest::Manifest;
pub use nats::NatsServer;
pub use node::{SimulatedNode, bootstrap_token};
pub use operator::{Operator, Ran};
pub use oracle::Oracle;
pub use process::Process;
pub use program::Program;
pub use raw::RawConnection;
pub use s3::S3Store;
pub use site::Site;
pub use stand_in::StandIn;
pub use waiting::{LIMIT, until};
pub use web::{Answer, Broken, Web};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SHA-256 in lowercase hex, as outputs are referenced.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    sha256(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// SHA-256 in base64, as manifests carry it.
pub fn sha256_base64(bytes: &[u8]) -> String {
    base64(&sha256(bytes))
}

/// Standard padded base64.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of standard padded base64.
pub fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("standard padded base64")
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}
