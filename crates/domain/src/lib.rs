//! The rules of the product: execution states, selectors, relations, cursors, keys, envelopes, audit chain.
//!
//! Pure and synchronous. Nothing here reads a clock, a file, a socket or the system's randomness: time and
//! randomness come in through [`mod@env`], so that a test, or a simulation of many replicas, owns both.

mod json;

pub mod action;
pub mod audit;
pub mod cidr;
pub mod credential;
pub mod cursor;
pub mod duration;
pub mod env;
pub mod envelope;
pub mod execution;
pub mod integrity;
pub mod keys;
pub mod label;
pub mod manifest;
pub mod parameters;
pub mod reachability;
pub mod relation;
pub mod selector;
pub mod tenancy;
pub mod text;
pub mod trace;
