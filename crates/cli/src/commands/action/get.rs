//! `plexctl action get`

use super::standing::print_standing;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which execution to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// The execution
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    id: Uuid,
}

/// Prints how an execution stands.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let body = ctx
        .client()?
        .open(&Call::get(paths::execution(args.project, args.id)))?;
    print_standing(ctx, body)
}
