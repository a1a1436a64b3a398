//! `plexctl group member remove`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::{self, Identified};
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which membership to end.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The group
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    group: Uuid,
    #[command(flatten)]
    identified: Identified,
}

/// Ends a membership, at once and everywhere.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "End membership {id}? What the group grants is gone at once."
    ))?;
    let path = paths::group_member(args.group, id);
    ctx.client()?.fetch(&Call::delete(path))?;
    ctx.done("removed", id)
}
