//! `plexctl node get`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{NodeRow, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which node to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Prints one node.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    show::<NodeRow>(ctx, &Call::get(paths::node(args.identified.id())))
}
