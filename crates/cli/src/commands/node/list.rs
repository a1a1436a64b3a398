//! `plexctl node list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::NodeRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which nodes to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only nodes of this project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Option<Uuid>,
    /// Only nodes of this domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    /// Only nodes whose labels match
    #[arg(long, value_name = "EXPR")]
    selector: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of nodes.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::NODES)
        .query("project_id", args.project)
        .query("domain_id", args.domain)
        .query("selector", args.selector.as_deref());
    listing::print::<NodeRow>(ctx, &call, &args.page)
}
