//! `plexctl label definition delete`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use plex_api::paths;
use plex_client::operator::Call;

/// Which definition to delete.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Deletes a definition; what becomes of its labels it says itself.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Delete label definition {id}? Its on_delete says what becomes of its labels."
    ))?;
    ctx.client()?.fetch(&Call::delete(paths::label_definition(id)))?;
    ctx.done("deleted", id)
}
