//! Projects.

mod create;
mod delete;
mod get;
mod list;
mod retention;
mod update;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List projects
    List(list::Args),
    /// Show one project
    Get(get::Args),
    /// Make a project in a domain
    Create(create::Args),
    /// Change a project
    Update(update::Args),
    /// See and say how long executions are kept
    #[command(subcommand)]
    Retention(retention::Command),
    /// Delete an empty project
    Delete(delete::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Create(args) => create::run(&args, ctx),
        Command::Update(args) => update::run(&args, ctx),
        Command::Retention(command) => retention::run(command, ctx),
        Command::Delete(args) => delete::run(&args, ctx),
    }
}
