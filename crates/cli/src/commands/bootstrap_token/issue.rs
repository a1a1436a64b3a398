//! `plexctl bootstrap-token issue`

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::show;
use plex_api::bootstrap_tokens::{BootstrapTokenIssueRequest, NodeKind};
use plex_api::paths;
use plex_client::operator::Call;
use serde::Deserialize;
use uuid::Uuid;

/// The token to issue. What is absent is what decision 25 says.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Owning project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Who redeems it
    #[arg(long, default_value = NodeKind::Node.as_str(), value_parser = parsing::words([NodeKind::Node.as_str(), NodeKind::Bridge.as_str()]))]
    kind: String,
    /// A segment of its text
    #[arg(long, value_name = "WORD", default_value = "prod")]
    env_prefix: String,
    /// Seconds in which it can be redeemed, 300 to 86400
    #[arg(long, value_name = "N", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(300..=86400))]
    ttl_seconds: u32,
    /// How often it can be redeemed; once when absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_uses: Option<u32>,
    /// Label that a node gets when it redeems it; can be given again
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parsing::label)]
    labels: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(rename = "token_id")]
    _token_id: Uuid,
    #[serde(rename = "token")]
    _token: String,
}

/// Issues a token and prints it with its secret, whatever the format: there is no second chance to see it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let request = BootstrapTokenIssueRequest {
        kind: NodeKind::parse(&args.kind).expect("the parser takes no other word"),
        env_prefix: args.env_prefix.clone(),
        ttl_seconds: args.ttl_seconds,
        max_uses: args.max_uses,
        labels: args.labels.iter().cloned().collect(),
    };
    show::<Issued>(ctx, &Call::post(paths::bootstrap_tokens(args.project), &request))
}
