//! `plexctl domain update`

use super::reachability::ReachabilityArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{DomainRow, show};
use clap::ArgGroup;
use plex_api::domains::DomainPatchRequest;
use plex_api::paths;
use plex_client::operator::Call;

/// What to change; what is not given stays.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "description", "region", "mesh_cidr", "heartbeat_interval"]))]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
    /// Its display name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is for; an empty text clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where its data belongs; an empty text is nowhere in particular
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Its mesh addresses; they must hold all that were given out
    #[arg(long, value_name = "CIDR")]
    mesh_cidr: Option<String>,
    #[command(flatten)]
    reachability: ReachabilityArgs,
}

/// Changes a domain and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = DomainPatchRequest {
        name: args.name.clone(),
        description: args.description.clone(),
        region: args.region.clone(),
        mesh_cidr: args.mesh_cidr.clone(),
        reachability: args.reachability.policy(),
    };
    let call = Call::patch(paths::domain(args.identified.id()), &request);
    show::<DomainRow>(ctx, &call)
}
