//! `plexctl label definition get`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{DefinitionRow, show};
use plex_api::paths;
use plex_client::operator::Call;

/// Which definition to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

/// Prints one definition.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::label_definition(args.identified.id()));
    show::<DefinitionRow>(ctx, &call)
}
