//! The typed HTTP client of the contract: blocking for the operator, asynchronous for the node.

pub mod error;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "operator")]
pub mod operator;

pub use error::{ApiError, Error};
