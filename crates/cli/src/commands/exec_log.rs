//! The execution-log view. It reads `/v1/projects/{project_id}/executions*` and nothing else.

mod get;
pub(crate) mod list;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List executions, newest first
    List(list::Args),
    /// Show one execution and each target's collected output
    Get(get::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
    }
}
