//! `plexctl project create`

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::{ProjectRow, show};
use plex_api::paths;
use plex_api::projects::ProjectCreateRequest;
use plex_client::operator::Call;
use uuid::Uuid;

/// The project to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The domain it belongs to
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Uuid,
    /// Its handle, unique in the domain and never changed
    #[arg(long, value_name = "SLUG")]
    slug: String,
    /// Its display name; the slug when absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Part of the domain's mesh addresses to reserve
    #[arg(long, value_name = "CIDR")]
    sub_range_cidr: Option<String>,
}

/// Makes a project and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = ProjectCreateRequest {
        domain_id: args.domain,
        name: args.name.clone().unwrap_or_else(|| args.slug.clone()),
        slug: args.slug.clone(),
        description: args.description.clone(),
        sub_range_cidr: args.sub_range_cidr.clone(),
    };
    show::<ProjectRow>(ctx, &Call::post(paths::PROJECTS, &request))
}
