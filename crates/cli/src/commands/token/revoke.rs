//! `plexctl token revoke`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which token to revoke.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Ends a token at once.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Revoke token {id}? Whoever uses it is refused from now on."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::token(id)))?;
    ctx.done("revoked", id)
}
