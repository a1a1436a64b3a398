//! `plexctl hook catalogue`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::DiscoveredHookRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which Kubernetes hooks to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only hooks of this domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    /// Only hooks of this project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Option<Uuid>,
    /// Only hooks whose image is (true) or is not (false) the catalogued one
    #[arg(long = "match", value_name = "BOOL")]
    matches: Option<bool>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of Kubernetes hooks.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::HOOKS)
        .query("domain_id", args.domain)
        .query("project_id", args.project)
        .query("image_digest_match", args.matches);
    listing::print::<DiscoveredHookRow>(ctx, &call, &args.page)
}
