//! `plexctl group member list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::TupleRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose members to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The group
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    group: Uuid,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of memberships.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::group_members(args.group));
    listing::print::<TupleRow>(ctx, &call, &args.page)
}
