//! API tokens.

mod issue;
mod list;
mod revoke;
mod rotate;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issue an API token and print it, this once
    Issue(issue::Args),
    /// List your API tokens
    List(list::Args),
    /// Replace the secret of one of your API tokens and print it, this once
    Rotate(rotate::Args),
    /// Revoke one of your API tokens
    Revoke(revoke::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Issue(args) => issue::run(&args, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Rotate(args) => rotate::run(&args, ctx),
        Command::Revoke(args) => revoke::run(&args, ctx),
    }
}
