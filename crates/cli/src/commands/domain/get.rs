//! `plexctl domain get`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{DomainRow, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which domain to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Prints one domain.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    show::<DomainRow>(ctx, &Call::get(paths::domain(args.identified.id())))
}
