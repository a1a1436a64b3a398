//! `plexctl rebac lookup-resources`

use super::caveat::ValuesArgs;
use super::found::print_found;
use crate::context::Context;
use crate::error::Error;
use plex_api::authz::LookupResourcesRequest;
use plex_api::paths;
use plex_client::operator::Call;

/// The question.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who, for example user:UUID
    #[arg(long, value_name = "TYPE:ID")]
    subject: String,
    /// What, a relation or a permission such as viewer or dispatch
    #[arg(long, value_name = "NAME")]
    relation: String,
    /// On which type of object, for example project
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: String,
    #[command(flatten)]
    values: ValuesArgs,
}

/// Prints the objects, one on a line.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = LookupResourcesRequest {
        subject: args.subject.clone(),
        relation: args.relation.clone(),
        resource_type: args.resource_type.clone(),
        caveat_context: args.values.object()?,
    };
    let body = ctx
        .client()?
        .fetch(&Call::post(paths::LOOKUP_RESOURCES, &request))?;
    print_found(ctx, body)
}
