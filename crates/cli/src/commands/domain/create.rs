//! `plexctl domain create`

use super::reachability::ReachabilityArgs;
use crate::context::Context;
use crate::error::Error;
use crate::view::{DomainRow, show};
use plex_api::domains::DomainCreateRequest;
use plex_api::paths;
use plex_client::operator::Call;

/// The domain to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its handle, unique and never changed
    #[arg(long, value_name = "SLUG")]
    slug: String,
    /// Its display name; the slug when absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where its data belongs
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Its mesh addresses; the next free 10.n.0.0/16 when absent
    #[arg(long, value_name = "CIDR")]
    mesh_cidr: Option<String>,
    #[command(flatten)]
    reachability: ReachabilityArgs,
}

/// Makes a domain and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = DomainCreateRequest {
        name: args.name.clone().unwrap_or_else(|| args.slug.clone()),
        slug: args.slug.clone(),
        description: args.description.clone(),
        region: args.region.clone(),
        mesh_cidr: args.mesh_cidr.clone(),
        reachability: args.reachability.policy(),
    };
    show::<DomainRow>(ctx, &Call::post(paths::DOMAINS, &request))
}
