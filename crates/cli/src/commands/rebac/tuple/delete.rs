//! `plexctl rebac tuple delete`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which relation to take back.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Takes a relation back, at once and everywhere.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Delete relation tuple {id}? What it grants is gone at once."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::relation_tuple(id)))?;
    ctx.done("deleted", id)
}
