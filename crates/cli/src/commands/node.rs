//! The fleet.

mod get;
mod label;
mod list;
mod revoke;
mod rotate_key;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List nodes
    List(list::Args),
    /// Show one node
    Get(get::Args),
    /// End a node's key and its membership in cohorts
    Revoke(revoke::Args),
    /// Ask a node to change its key
    RotateKey(rotate_key::Args),
    /// Set and remove a node's labels
    #[command(subcommand)]
    Label(label::Command),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Revoke(args) => revoke::run(&args, ctx),
        Command::RotateKey(args) => rotate_key::run(&args, ctx),
        Command::Label(command) => label::run(command, ctx),
    }
}
