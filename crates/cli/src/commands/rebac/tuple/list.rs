//! `plexctl rebac tuple list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::TupleRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose relations to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project in which they are granted
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of relations.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::RELATION_TUPLES).query("project_id", Some(args.project));
    listing::print::<TupleRow>(ctx, &call, &args.page)
}
