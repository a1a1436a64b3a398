//! Relation tuples.

mod add;
mod delete;
mod list;
mod update;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Grant a relation
    Add(add::Args),
    /// List the relations granted in a project
    List(list::Args),
    /// Put another relation in the place of one
    Update(update::Args),
    /// Take a granted relation back
    Delete(delete::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Add(args) => add::run(&args, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Update(args) => update::run(&args, ctx),
        Command::Delete(args) => delete::run(&args, ctx),
    }
}
