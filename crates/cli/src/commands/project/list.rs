//! `plexctl project list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::ProjectRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which projects to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only projects of this domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of projects.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::PROJECTS).query("domain_id", args.domain);
    listing::print::<ProjectRow>(ctx, &call, &args.page)
}
