//! A node's labels.

mod remove;
mod set;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Set labels
    Set(set::Args),
    /// Remove labels
    Remove(remove::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Set(args) => set::run(&args, ctx),
        Command::Remove(args) => remove::run(&args, ctx),
    }
}
