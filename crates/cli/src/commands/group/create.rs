//! `plexctl group create`

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::{GroupRow, show};
use plex_api::groups::GroupCreateRequest;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// The group to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its handle, unique where it is and never changed
    #[arg(long, value_name = "SLUG")]
    slug: String,
    /// Whose it is; the platform's when absent
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    /// Its display name; the slug when absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Makes a group and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = GroupCreateRequest {
        domain_id: args.domain,
        slug: args.slug.clone(),
        name: args.name.clone(),
    };
    show::<GroupRow>(ctx, &Call::post(paths::GROUPS, &request))
}
