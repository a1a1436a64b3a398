//! Dispatching actions, and looking at what became of them without their outputs.

mod dispatch;
mod get;
mod output;
mod standing;

use crate::commands::exec_log::list;
use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a named action on one node or on a selector's nodes
    Dispatch(dispatch::Args),
    /// List executions, newest first
    List(list::Args),
    /// Show one execution and how each target stands
    Get(get::Args),
    /// Fetch one target's output, from the archive where it is there
    Output(output::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Dispatch(args) => dispatch::run(&args, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Output(args) => output::run(&args, ctx),
    }
}
