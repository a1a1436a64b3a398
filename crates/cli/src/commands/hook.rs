//! Script hooks and the digests pinned for them.

mod accept;
mod list;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the script hooks of a project's nodes
    List(list::Args),
    /// Pin the digest that a node declares now
    Accept(accept::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Accept(args) => accept::run(&args, ctx),
    }
}
