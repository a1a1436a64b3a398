//! `plexctl project retention show`

use super::print;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Whose history.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
}

/// Prints how long a project's executions are kept.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let body = ctx
        .client()?
        .fetch(&Call::get(paths::project_retention(args.project)))?;
    print(ctx, body)
}
