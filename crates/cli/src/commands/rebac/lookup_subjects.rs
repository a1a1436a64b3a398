//! `plexctl rebac lookup-subjects`

use super::caveat::ValuesArgs;
use super::found::print_found;
use crate::context::Context;
use crate::error::Error;
use plex_api::authz::LookupSubjectsRequest;
use plex_api::paths;
use plex_client::operator::Call;

/// The question.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which type of subject, for example user
    #[arg(long = "type", value_name = "TYPE")]
    subject_type: String,
    /// What, a relation or a permission such as viewer or dispatch
    #[arg(long, value_name = "NAME")]
    relation: String,
    /// On what, for example project:UUID
    #[arg(long, value_name = "TYPE:ID")]
    resource: String,
    #[command(flatten)]
    values: ValuesArgs,
}

/// Prints the subjects, one on a line.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = LookupSubjectsRequest {
        subject_type: args.subject_type.clone(),
        relation: args.relation.clone(),
        resource: args.resource.clone(),
        caveat_context: args.values.object()?,
    };
    let body = ctx
        .client()?
        .fetch(&Call::post(paths::LOOKUP_SUBJECTS, &request))?;
    print_found(ctx, body)
}
