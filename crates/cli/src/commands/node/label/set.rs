//! `plexctl node label set`

use crate::commands::label::set;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use plex_api::paths;
use serde_json::Value;
use uuid::Uuid;

/// What to set, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The node
    #[arg(value_name = "NODE", value_parser = parsing::id)]
    node: Uuid,
    /// Labels to set
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parsing::label)]
    labels: Vec<(String, String)>,
}

/// Sets labels of a node; `plexctl label set` also does it for projects, and for values that are no texts.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let text = |(key, value): &(String, String)| (key.clone(), Value::String(value.clone()));
    let labels: Vec<_> = args.labels.iter().map(text).collect();
    set::set(ctx, &paths::node_labels(args.node), &labels)
}
