//! Stored profiles.

mod add;
mod list;
mod remove;
mod r#use;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List stored profiles
    List(list::Args),
    /// Make a profile the default one
    Use(r#use::Args),
    /// Store a profile
    Add(add::Args),
    /// Forget a profile
    Remove(remove::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Use(args) => r#use::run(&args, ctx),
        Command::Add(args) => add::run(&args, ctx),
        Command::Remove(args) => remove::run(&args, ctx),
    }
}
