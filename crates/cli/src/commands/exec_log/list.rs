//! `plexctl exec-log list`

use super::RangeArgs;
use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::ExecutionRow;
use plex_api::executions::ExecutionStatus;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which executions to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Only executions with this aggregate status
    #[arg(long, value_name = "STATUS", value_parser = parsing::words(ExecutionStatus::ALL.map(ExecutionStatus::as_str)))]
    status: Option<String>,
    /// Only executions of this action
    #[arg(long, value_name = "NAME")]
    action_name: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of executions.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = args
        .range
        .bound(Call::get(paths::executions(args.project)))?
        .query("status", args.status.as_deref())
        .query("action_name", args.action_name.as_deref());
    listing::print::<ExecutionRow>(ctx, &call, &args.page)
}
