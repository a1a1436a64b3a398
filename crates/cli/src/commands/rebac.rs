//! Relations.

pub(crate) mod caveat;
mod check;
mod found;
mod lookup_resources;
mod lookup_subjects;
mod tuple;

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Ask whether somebody may; exit code 77 when not
    Check(check::Args),
    /// Grant, list, change and take back relations
    #[command(subcommand)]
    Tuple(tuple::Command),
    /// Ask on which objects somebody may
    LookupResources(lookup_resources::Args),
    /// Ask who may
    LookupSubjects(lookup_subjects::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::Check(args) => check::run(&args, ctx),
        Command::Tuple(command) => tuple::run(command, ctx),
        Command::LookupResources(args) => lookup_resources::run(&args, ctx),
        Command::LookupSubjects(args) => lookup_subjects::run(&args, ctx),
    }
}
