//! The tokens that machines register with.

mod issue;
mod list;
mod revoke;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issue a bootstrap token and print it, this once
    Issue(issue::Args),
    /// List a project's bootstrap tokens
    List(list::Args),
    /// Revoke a bootstrap token
    Revoke(revoke::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Issue(args) => issue::run(&args, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Revoke(args) => revoke::run(&args, ctx),
    }
}
