//! `plexctl project update`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{ProjectRow, show};
use clap::ArgGroup;
use plex_api::paths;
use plex_api::projects::ProjectPatchRequest;
use plex_client::operator::Call;

/// What to change; what is not given stays.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "description", "sub_range_cidr", "release_sub_range"]))]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
    /// Its display name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is for; an empty text clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Part of the domain's mesh addresses to reserve
    #[arg(long, value_name = "CIDR", conflicts_with = "release_sub_range")]
    sub_range_cidr: Option<String>,
    /// Give the reservation back; nodes keep their addresses
    #[arg(long)]
    release_sub_range: bool,
}

/// Changes a project and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = ProjectPatchRequest {
        name: args.name.clone(),
        description: args.description.clone(),
        sub_range_cidr: args.sub_range_cidr.clone(),
        release_sub_range: args.release_sub_range.then_some(true),
    };
    let call = Call::patch(paths::project(args.identified.id()), &request);
    show::<ProjectRow>(ctx, &call)
}
