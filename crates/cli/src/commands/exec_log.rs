//! The execution-log view. It reads `/v1/projects/{project_id}/executions*` and nothing else.

mod export;
mod get;
pub(crate) mod list;
mod range;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;
use range::RangeArgs;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List executions, newest first
    List(list::Args),
    /// Show one execution and each target's collected output
    Get(get::Args),
    /// Write the executions of a time range as NDJSON or Parquet, newest first
    Export(export::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Export(args) => export::run(&args, ctx),
    }
}
