//! The node agent: takes signed actions from the control plane, runs each at most once, and reports what
//! became of it at least once.
//!
//! One task owns the state and decides ([`dispatcher`]); others act and tell it what happened. What must
//! survive a crash lies in two places: the [`journal`] says which executions were ever accepted and started, the
//! [`spool`] holds results that the server has not yet taken. What runs does so under a small supervising process
//! of its own ([`supervisor`]), which dies with its whole tree when the agent does.

mod agent;
mod backoff;
mod builtins;
mod command_line;
mod config;
mod delivery;
mod durable;
mod entropy;
mod fatal;
mod executor;
mod heartbeat;
mod manifest;
mod parameters;
mod pull;
mod report;
mod stream;
mod upload;

pub mod dispatcher;
pub mod hooks;
pub mod identity;
pub mod journal;
pub mod process;
pub mod spool;
pub mod supervisor;

pub use command_line::main;
