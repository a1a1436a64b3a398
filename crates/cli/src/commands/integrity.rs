//! What nodes found changed.

mod acknowledge;
mod list;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List integrity violations, newest first
    List(list::Args),
    /// Say why a violation is as it is
    Acknowledge(acknowledge::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Acknowledge(args) => acknowledge::run(&args, ctx),
    }
}
