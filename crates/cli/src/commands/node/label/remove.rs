//! `plexctl node label remove`

use crate::commands::label::remove;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use plex_api::paths;
use uuid::Uuid;

/// What to remove, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The node
    #[arg(value_name = "NODE", value_parser = parsing::id)]
    node: Uuid,
    /// Keys to remove, bare or qualified
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

/// Removes labels of a node.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let removed = remove::remove(&ctx.client()?, &paths::node_labels(args.node), &args.keys)?;
    let document = serde_json::json!({"node_id": args.node, "removed": removed});
    remove::print(ctx, &document, &removed)
}
