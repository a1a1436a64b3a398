//! `plexctl domain delete`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which domain to delete.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Deletes a domain that holds nothing any more.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Delete domain {id}? Its signing key, its label definitions and the relations on it go with it."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::domain(id)))?;
    ctx.done("deleted", id)
}
