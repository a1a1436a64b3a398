//! `plexctl audit erase`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::show;
use plex_api::audit::ErasedIdentity;
use plex_api::paths;
use plex_client::operator::Call;

/// Whom to erase.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Erases an identity. Doing it again is the same.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Erase identity {id}? Its tokens and relations end, and nobody can tell any more who it was. There is no way back."
    ))?;
    show::<ErasedIdentity>(
        ctx,
        &Call::post(paths::erase_identity(id), &serde_json::json!({})),
    )
}
