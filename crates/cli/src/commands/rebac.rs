//! Relations.

mod tuple;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Grant, list and take back relations
    #[command(subcommand)]
    Tuple(tuple::Command),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Tuple(command) => tuple::run(command, ctx),
    }
}
