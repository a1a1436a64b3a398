//! `plexctl group list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::GroupRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which groups to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only those of this domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of groups.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::GROUPS).query("domain_id", args.domain);
    listing::print::<GroupRow>(ctx, &call, &args.page)
}
