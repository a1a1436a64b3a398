//! `plexctl hook list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::HookRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose hooks to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Only hooks of this node
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Option<Uuid>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of script hooks with the digests pinned and declared.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::node_hooks(args.project)).query("node_id", args.node);
    listing::print::<HookRow>(ctx, &call, &args.page)
}
