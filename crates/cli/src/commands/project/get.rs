//! `plexctl project get`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{ProjectRow, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which project to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Prints one project.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    show::<ProjectRow>(ctx, &Call::get(paths::project(args.identified.id())))
}
