//! `plexctl rebac check`

use super::caveat::ValuesArgs;
use crate::context::Context;
use crate::error::Error;
use crate::view::print_object;
use plex_api::authz::RebacCheckRequest;
use plex_api::paths;
use plex_client::operator::Call;
use serde::Deserialize;

/// The question.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who, for example user:UUID
    #[arg(long, value_name = "TYPE:ID")]
    subject: String,
    /// What, a relation or a permission such as viewer or dispatch
    #[arg(long, value_name = "NAME")]
    relation: String,
    /// On what, for example project:UUID
    #[arg(long, value_name = "TYPE:ID")]
    resource: String,
    #[command(flatten)]
    values: ValuesArgs,
}

/// The answer, as far as it must be known.
#[derive(Deserialize)]
struct Answer {
    decision: String,
    #[serde(default)]
    reason: Option<String>,
}

/// Prints the decision; a denied one ends with exit code 77.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = RebacCheckRequest {
        subject: args.subject.clone(),
        relation: args.relation.clone(),
        resource: args.resource.clone(),
        caveat_context: args.values.object()?,
    };
    let body = ctx.client()?.fetch(&Call::post(paths::AUTHZ_CHECK, &request))?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|cause| Error::Contract(cause.to_string()))?;
    print_object::<Answer>(ctx, body)?;
    match answer.decision.as_str() {
        "allowed" => Ok(()),
        // A word that this version does not know allows nothing.
        _ => Err(Error::Denied(answer.reason.unwrap_or(answer.decision))),
    }
}
