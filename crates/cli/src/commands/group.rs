//! Groups of identities.

mod create;
mod delete;
mod get;
mod list;
mod member;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List groups
    List(list::Args),
    /// Show one group
    Get(get::Args),
    /// Make a group
    Create(create::Args),
    /// End a group, its memberships, and all that it was granted
    Delete(delete::Args),
    /// Keep a group's members
    #[command(subcommand)]
    Member(member::Command),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Create(args) => create::run(&args, ctx),
        Command::Delete(args) => delete::run(&args, ctx),
        Command::Member(command) => member::run(command, ctx),
    }
}
