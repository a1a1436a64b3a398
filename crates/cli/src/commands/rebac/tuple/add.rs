//! `plexctl rebac tuple add`

use crate::commands::rebac::caveat::CaveatArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::{TupleRow, show};
use plex_api::paths;
use plex_api::relations::RelationTupleCreateRequest;
use plex_client::operator::Call;
use uuid::Uuid;

/// The relation to grant.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project in which it is granted
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Who gets it, for example user:UUID
    #[arg(long, value_name = "TYPE:ID")]
    subject: String,
    /// What they become, for example viewer, operator or admin
    #[arg(long, value_name = "NAME")]
    relation: String,
    /// Of what, for example project:UUID or domain:UUID
    #[arg(long, value_name = "TYPE:ID")]
    resource: String,
    #[command(flatten)]
    caveat: CaveatArgs,
}

/// Grants a relation and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = RelationTupleCreateRequest {
        subject: args.subject.clone(),
        relation: args.relation.clone(),
        resource: args.resource.clone(),
        caveat_name: args.caveat.name.clone(),
        caveat_context: args.caveat.context()?,
    };
    let call = Call::post(paths::RELATION_TUPLES, &request).query("project_id", Some(args.project));
    show::<TupleRow>(ctx, &call)
}
