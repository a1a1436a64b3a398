//! `plexctl audit list`

use super::{ChainArgs, hash, time};
use crate::context::Context;
use crate::error::Error;
use crate::listing::{self, PageArgs};
use crate::parsing;
use crate::view::AuditRow;
use plex_api::audit::AuditReason;
use plex_api::paths;
use plex_client::operator::Call;

/// Which entries to list. All that is given must hold.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,
    /// Only by the identity with this pseudonym
    #[arg(long, value_name = "HEX", value_parser = hash)]
    subject: Option<String>,
    /// Only this relation or permission, for example dispatch
    #[arg(long, value_name = "NAME")]
    relation: Option<String>,
    /// Only on objects of this type, for example project
    #[arg(long, value_name = "TYPE")]
    object_type: Option<String>,
    /// Only on this object
    #[arg(long, value_name = "ID")]
    object_id: Option<String>,
    /// Only decided so
    #[arg(long, value_name = "REASON", value_parser = parsing::words(AuditReason::ALL.map(AuditReason::as_str)))]
    reason: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<String>,
    /// Only of the request whose answer had this correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Prints a page of entries.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let call = Call::get(paths::audit_entries(args.chain.domain))
        .query("subject", args.subject.as_deref())
        .query("relation", args.relation.as_deref())
        .query("object_type", args.object_type.as_deref())
        .query("object_id", args.object_id.as_deref())
        .query("reason", args.reason.as_deref())
        .query("from", args.from.as_deref())
        .query("to", args.to.as_deref())
        .query("correlation_id", args.correlation_id.as_deref());
    listing::print::<AuditRow>(ctx, &call, &args.page)
}
