//! The control plane's database: executions, nodes, tokens, tuples, audit, behind one API.
//!
//! Functions are grouped by noun and take `&mut Tx`; whoever opened the transaction commits it. Statements
//! are plain text beside the row they fill.

pub mod db;

pub mod assurance;
pub mod audit;
pub mod bootstrap_tokens;
pub mod capabilities;
pub mod capacity;
pub mod device_codes;
pub mod discovered_hooks;
pub mod domains;
pub mod erasure;
pub mod executions;
pub mod groups;
pub mod hooks;
pub mod idempotency;
pub mod integrity;
pub mod invocations;
pub mod labels;
pub mod nodes;
pub mod outputs;
pub mod principals;
pub mod projects;
pub mod relations;
pub mod retention;
pub mod sessions;
pub mod sign_ins;
pub mod tokens;
pub mod usage;

#[cfg(test)]
mod testing;

pub use db::{Db, Error, Sql, Tx};
