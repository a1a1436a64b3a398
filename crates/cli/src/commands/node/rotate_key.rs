//! `plexctl node rotate-key`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{RotationView, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which node is to change its key.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Asks for a new key. The node draws it itself, and the one in use holds until then, so nothing is interrupted;
/// `node get` shows when it has changed.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Ask node {id} for a new key? The one in use ends when the new one is first used."
    ))?;
    let call = Call::post_nothing(paths::rotate_node_key(id));
    show::<RotationView>(ctx, &call)
}
