//! Members of a group.

mod add;
mod list;
mod remove;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make somebody a member
    Add(add::Args),
    /// List the members
    List(list::Args),
    /// End a membership
    Remove(remove::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Add(args) => add::run(&args, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Remove(args) => remove::run(&args, ctx),
    }
}
