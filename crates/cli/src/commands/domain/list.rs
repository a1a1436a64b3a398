//! `plexctl domain list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::view::DomainRow;
use plex_api::paths;
use plex_client::operator::Call;

/// Which domains to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of domains.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    listing::print::<DomainRow>(ctx, &Call::get(paths::DOMAINS), &args.page)
}
