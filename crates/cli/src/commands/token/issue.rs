//! `plexctl token issue`

use crate::commands::whoami;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::print_object;
use plex_api::paths;
use plex_api::tokens::{APITokenIssueRequest, TokenEnvironment};
use plex_client::operator::Call;
use serde::Deserialize;
use uuid::Uuid;

/// The token to issue.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Issue it for this user; for yourself when neither is given
    #[arg(long, value_name = "UUID", value_parser = parsing::id, conflicts_with = "service")]
    user: Option<Uuid>,
    /// Issue it for this service
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    service: Option<Uuid>,
    /// A segment of its text
    #[arg(long, default_value = TokenEnvironment::Prod.as_str(), value_parser = parsing::words([TokenEnvironment::Dev.as_str(), TokenEnvironment::Stage.as_str(), TokenEnvironment::Prod.as_str()]))]
    env_prefix: String,
    /// Seconds it lives; the server's default when absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    ttl_seconds: Option<u32>,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(rename = "id")]
    _id: Uuid,
    #[serde(rename = "plaintext")]
    _plaintext: String,
}

/// Issues a token and prints it with its secret, whatever the format: there is no second chance to see it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let client = ctx.client()?;
    let identity_ref = match (args.user, args.service) {
        (Some(user), _) => format!("user:{user}"),
        (None, Some(service)) => format!("service:{service}"),
        (None, None) => whoami::ask(&client)?.identity_ref(),
    };
    let request = APITokenIssueRequest {
        identity_ref,
        env_prefix: TokenEnvironment::parse(&args.env_prefix).expect("the parser takes no other word"),
        ttl_seconds: args.ttl_seconds,
    };
    let body = client.fetch(&Call::post(paths::TOKENS, &request))?;
    print_object::<Issued>(ctx, body)
}
