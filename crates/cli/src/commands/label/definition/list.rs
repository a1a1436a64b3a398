//! `plexctl label definition list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::DefinitionRow;
use plex_api::paths;
use plex_client::operator::Call;
use plex_domain::label::ScopeRef;

/// Which definitions to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose: platform, domain:UUID or project:UUID
    #[arg(long, value_name = "SCOPE", value_parser = parsing::scope, default_value = "platform")]
    scope: ScopeRef,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of definitions.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::LABEL_DEFINITIONS).query("scope", Some(args.scope));
    listing::print::<DefinitionRow>(ctx, &call, &args.page)
}
