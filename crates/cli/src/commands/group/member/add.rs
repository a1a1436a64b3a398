//! `plexctl group member add`

use crate::commands::rebac::caveat::CaveatArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::{TupleRow, show};
use plex_api::groups::GroupMemberRequest;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Who becomes a member of what.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The group
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    group: Uuid,
    /// Who joins: user:UUID, service-identity:UUID or group:UUID#member
    #[arg(long, value_name = "TYPE:ID")]
    subject: String,
    #[command(flatten)]
    caveat: CaveatArgs,
}

/// Makes somebody a member and prints the membership.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = GroupMemberRequest {
        subject: args.subject.clone(),
        caveat_name: args.caveat.name.clone(),
        caveat_context: args.caveat.context()?,
    };
    let call = Call::post(paths::group_members(args.group), &request);
    show::<TupleRow>(ctx, &call)
}
