//! `plexctl rebac tuple update`

use crate::commands::rebac::caveat::CaveatArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{TupleRow, show};
use plex_api::paths;
use plex_api::relations::RelationTuplePatchRequest;
use plex_client::operator::Call;

/// Which relation to change, and into what.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
    /// Who holds it from now on, for example user:UUID
    #[arg(long, value_name = "TYPE:ID")]
    subject: String,
    /// What they are, for example viewer, operator or admin
    #[arg(long, value_name = "NAME")]
    relation: String,
    /// Of what, for example project:UUID or domain:UUID
    #[arg(long, value_name = "TYPE:ID")]
    resource: String,
    #[command(flatten)]
    caveat: CaveatArgs,
}

/// Puts another relation in the place of one, in one step, and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    let request = RelationTuplePatchRequest {
        subject: args.subject.clone(),
        relation: args.relation.clone(),
        resource: args.resource.clone(),
        caveat_name: args.caveat.name.clone(),
        caveat_context: args.caveat.context()?,
    };
    ctx.confirm(&format!(
        "Change relation tuple {id}? What it grants now is gone at once."
    ))?;
    let call = Call::patch(paths::relation_tuple(id), &request);
    show::<TupleRow>(ctx, &call)
}
