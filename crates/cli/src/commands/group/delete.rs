//! `plexctl group delete`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which group to end.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Ends a group.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Delete group {id}? Its members lose at once what it was granted."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::group(id)))?;
    ctx.done("deleted", id)
}
