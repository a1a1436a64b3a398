//! `plexctl project delete`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which project to delete.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Deletes a project that holds nothing any more. One with nodes, revoked ones too, is kept: its log tells of them.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Delete project {id}? Its labels, its label definitions and its bootstrap tokens go with it."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::project(id)))?;
    ctx.done("deleted", id)
}
