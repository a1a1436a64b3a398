//! The agent as its users meet it: the real program, real hooks, and a control plane that can be told to misbehave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent;
mod config;
mod control_plane;
mod executions;
mod hooks;
mod http;
mod integrity;
mod process;
mod restarts;
mod rotation;
mod stand_in;
