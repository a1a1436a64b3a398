//! `plexctl integrity acknowledge`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::{ViolationRow, show};
use plex_api::integrity::IntegrityViolationAcknowledgeRequest;
use plex_api::paths;
use plex_client::operator::Call;

/// Which violation, and why it is as it is.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
    /// Why it is as it is, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Acknowledges a violation; it stays on record.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = IntegrityViolationAcknowledgeRequest {
        reason: args.reason.clone(),
    };
    let path = paths::acknowledge_integrity_violation(args.identified.id());
    show::<ViolationRow>(ctx, &Call::post(path, &request))
}
