//! The operator's command line: reads the execution log, dispatches actions, keeps the fleet.
//!
//! A command is a file under `commands/`, at the path of the thing it is about: its arguments, whose comments
//! are the help text, and one `run`. Around the commands stand a few modules, each with one thing to know:
//! what a failure is worth ([`error`]), who may write to the terminal ([`ui`]), where server and token come
//! from ([`session`]), how a page is walked ([`listing`]) and how an execution too large for memory is read
//! ([`execution_stream`]).
//!
//! What a server says is read leniently (`view`): fields and words that this version does not know are shown
//! as they are, what the contract requires must be there.

mod commands;
mod config;
mod context;
mod credential;
mod document;
mod environment;
mod error;
mod execution_stream;
mod family;
mod listing;
mod parsing;
mod root;
mod sections;
mod session;
mod spool;
mod table;
mod ui;
mod view;
mod whole_file;

pub use root::{definition, main};
