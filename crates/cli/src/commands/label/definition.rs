//! What labels there are, and what values they take.

mod create;
mod delete;
mod get;
mod list;
mod schema;
mod update;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the definitions of a scope
    List(list::Args),
    /// Show one definition
    Get(get::Args),
    /// Define a label
    Create(create::Args),
    /// Change a definition
    Update(update::Args),
    /// Delete a definition
    Delete(delete::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Create(args) => create::run(&args, ctx),
        Command::Update(args) => update::run(&args, ctx),
        Command::Delete(args) => delete::run(&args, ctx),
    }
}
