//! `plexctl capability list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::CapabilityRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose manifests to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Only the manifest of this node
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Option<Uuid>,
    /// Only manifests with this verdict: match, drift (something differs from its reference) or unknown
    #[arg(long, value_name = "STATUS", value_parser = parsing::words(["match", "drift", "unknown"]))]
    status: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of manifests. `json` and `yaml` have every action and parameter.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::capabilities(args.project))
        .query("node_id", args.node)
        .query("status", args.status.as_deref());
    listing::print::<CapabilityRow>(ctx, &call, &args.page)
}
