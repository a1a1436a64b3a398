//! Labels: what there are, where they are, and what they select.

mod definition;
mod list;
mod preview;
pub(crate) mod remove;
mod search;
pub(crate) mod set;

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use clap::Subcommand;
use plex_api::paths;
use uuid::Uuid;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Keep what labels there are and what values they take
    #[command(subcommand)]
    Definition(Box<definition::Command>),
    /// List an object's labels
    List(list::Args),
    /// Set labels of an object
    Set(set::Args),
    /// Remove labels of an object
    Remove(remove::Args),
    /// Show what a selector means, or where it is wrong
    Preview(preview::Args),
    /// Find objects by their labels
    Search(search::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Definition(command) => definition::run(*command, ctx),
        Command::List(args) => list::run(&args, ctx),
        Command::Set(args) => set::run(&args, ctx),
        Command::Remove(args) => remove::run(&args, ctx),
        Command::Preview(args) => preview::run(&args, ctx),
        Command::Search(args) => search::run(&args, ctx),
    }
}

/// An object that can have labels.
#[derive(clap::Args)]
pub(crate) struct Labelled {
    /// What it is
    #[arg(value_name = "KIND", value_parser = parsing::words(["node", "project"]))]
    pub(crate) kind: String,
    /// Its id
    #[arg(value_name = "ID", value_parser = parsing::id)]
    pub(crate) id: Uuid,
}

impl Labelled {
    /// The path of its labels.
    pub(crate) fn path(&self) -> String {
        paths::object_labels(&self.kind, self.id)
    }
}
