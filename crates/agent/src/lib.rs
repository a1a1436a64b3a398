//! The node agent: takes signed actions from the control plane, runs each at most once, and reports what
//! became of it at least once.
//!
//! One task owns the state and decides ([`dispatcher`]); others act and tell it what happened. What must
//! survive a crash lies in two places: the [`journal`] says which executions were ever accepted and started, the
//! [`spool`] holds results that the server has not yet taken. What runs does so under a small supervising process
//! of its own ([`supervisor`]), which dies with its whole tree when the agent does.

pub mod agent;
pub mod backoff;
pub mod builtins;
pub mod config;
pub mod delivery;
pub mod dispatcher;
pub mod durable;
pub mod entropy;
pub mod executor;
pub mod fatal;
pub mod heartbeat;
pub mod hooks;
pub mod identity;
pub mod integrity;
pub mod journal;
pub mod manifest;
pub mod parameters;
pub mod process;
pub mod pull;
pub mod report;
pub mod rotation;
pub mod spans;
pub mod spool;
pub mod stream;
pub mod supervisor;
pub mod upload;

mod command_line;

pub use command_line::main;
