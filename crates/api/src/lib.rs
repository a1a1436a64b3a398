//! The Plexsphere v1 wire contract as types: requests, responses, problem codes, paths and exit codes.
//!
//! Everything here is data. What a value may be lies in `domain`, what is done with it in `server`,
//! `agent` and `cli`. Fields that the published contract lacks are marked *beyond*; they are optional, so
//! that clients and agents which do not know them go on working.

mod base64_bytes;
mod page;

pub mod audit;
pub mod auth;
pub mod authz;
pub mod bootstrap_tokens;
pub mod capacity;
pub mod codes;
pub mod domains;
pub mod events;
pub mod executions;
pub mod exit_codes;
pub mod groups;
pub mod hooks;
pub mod integrity;
pub mod labels;
pub mod limits;
pub mod meta;
pub mod nodes;
pub mod paths;
pub mod problem;
pub mod projects;
pub mod relations;
pub mod selectors;
pub mod tokens;

pub use base64_bytes::Base64Bytes;
