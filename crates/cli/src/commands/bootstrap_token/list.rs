//! `plexctl bootstrap-token list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::BootstrapTokenRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose tokens to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of bootstrap tokens, without their secrets.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    listing::print::<BootstrapTokenRow>(ctx, &Call::get(paths::bootstrap_tokens(args.project)), &args.page)
}
