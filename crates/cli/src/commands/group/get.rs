//! `plexctl group get`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{GroupRow, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which group to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Prints a group.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::group(args.identified.id()));
    show::<GroupRow>(ctx, &call)
}
