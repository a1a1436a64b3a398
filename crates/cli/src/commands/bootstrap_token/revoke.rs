//! `plexctl bootstrap-token revoke`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::{self, Identified};
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which token to revoke.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    #[command(flatten)]
    identified: Identified,
}

/// Ends a token before its time.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Revoke bootstrap token {id}? Nobody can register with it any more."
    ))?;
    ctx.client()?
        .fetch(&Call::delete(paths::bootstrap_token(args.project, id)))?;
    ctx.done("revoked", id)
}
