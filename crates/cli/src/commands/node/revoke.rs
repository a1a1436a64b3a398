//! `plexctl node revoke`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which node to revoke.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Ends a node's key, for good.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Revoke node {id}? Its key dies at once and it must register anew."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::node(id)))?;
    ctx.done("revoked", id)
}
