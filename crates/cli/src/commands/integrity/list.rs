//! `plexctl integrity list`

use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::ViolationRow;
use plex_api::paths;
use plex_client::operator::Call;
use uuid::Uuid;

/// Which violations to list.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only violations of this domain
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    domain: Option<Uuid>,
    /// Only violations of this project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Option<Uuid>,
    /// Only violations that this node reported
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    node: Option<Uuid>,
    /// Only violations of this kind
    #[arg(long, value_name = "KIND", value_parser = parsing::words(["binary", "hook", "host_key"]))]
    kind: Option<String>,
    /// Only violations in this state
    #[arg(long, value_name = "STATUS", value_parser = parsing::words(["open", "acknowledged", "resolved"]))]
    status: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of violations.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::INTEGRITY_VIOLATIONS)
        .query("domain_id", args.domain)
        .query("project_id", args.project)
        .query("node_id", args.node)
        .query("kind", args.kind.as_deref())
        .query("status", args.status.as_deref());
    listing::print::<ViolationRow>(ctx, &call, &args.page)
}
