//! The audit chains: what was decided and done, and the proof of it.

mod erase;
mod export;
mod get;
mod list;
mod offline;
mod verify;

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use clap::Subcommand;
use uuid::Uuid;

/// The longest line of an export.
const LINE_BYTES: u64 = 1024 * 1024;

/// The family's commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List entries in the chain's order
    List(list::Args),
    /// Show one entry, and check its proof here
    Get(get::Args),
    /// Check that a chain, or an exported part of one, is what it was
    Verify(verify::Args),
    /// Write a chain as lines of JSON, to be verified elsewhere
    Export(export::Args),
    /// Erase an identity: its name, its relations, its tokens; for good
    Erase(erase::Args),
}

/// Runs one of them.
pub(crate) fn run(command: Command, ctx: &mut Context) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(&args, ctx),
        Command::Get(args) => get::run(&args, ctx),
        Command::Verify(args) => verify::run(&args, ctx),
        Command::Export(args) => export::run(&args, ctx),
        Command::Erase(args) => erase::run(&args, ctx),
    }
}

/// Whose chain.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ChainArgs {
    /// The domain whose chain it is
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    /// The platform's chain
    #[arg(long)]
    platform: bool,
}

/// Reads a place in a chain.
fn place(text: &str) -> Result<u64, String> {
    let place = text
        .parse::<u64>()
        .ok()
        .filter(|place| i64::try_from(*place).is_ok());
    place
        .filter(|place| *place >= 1)
        .ok_or_else(|| "entries are numbered from 1".to_owned())
}

/// Reads a hash, or a pseudonym.
fn hash(text: &str) -> Result<String, String> {
    match plex_domain::audit::parse_hash(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("not 64 lowercase hex digits".to_owned()),
    }
}

/// Reads a time, and leaves it as it was written.
fn time(text: &str) -> Result<String, String> {
    match text.parse::<jiff::Timestamp>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("not a time such as 2026-11-01T08:00:00Z".to_owned()),
    }
}
