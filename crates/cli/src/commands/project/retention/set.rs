//! `plexctl project retention set`

use super::print;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use clap::ArgGroup;
use plex_api::paths;
use plex_api::projects::ProjectRetention;
use plex_client::operator::Call;
use uuid::Uuid;

/// The bounds; one that is not given is none.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("bounds").required(true).multiple(true).args(["max_age", "max_count", "forever"]))]
pub(crate) struct Args {
    /// The project
    #[arg(long, value_name = "UUID", value_parser = parsing::id)]
    project: Uuid,
    /// Remove executions that are older, such as 90d
    #[arg(long, value_name = "DAYS", value_parser = days)]
    max_age: Option<u32>,
    /// Remove executions beyond the newest N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_count: Option<u64>,
    /// Keep everything
    #[arg(long, conflicts_with_all = ["max_age", "max_count"])]
    forever: bool,
}

fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').and_then(|number| number.parse().ok());
    number
        .filter(|days| *days > 0)
        .ok_or_else(|| "not a number of days such as 90d".to_owned())
}

/// Says how long a project's executions are kept. What goes does not come back, so it asks.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    if !args.forever {
        ctx.confirm(&format!(
            "Remove the executions of project {} that are beyond these bounds, now and from now on?",
            args.project
        ))?;
    }
    let request = ProjectRetention {
        max_age_days: args.max_age,
        max_count: args.max_count,
    };
    let call = Call::put(paths::project_retention(args.project), &request);
    let body = ctx.client()?.fetch(&call)?;
    print(ctx, body)
}
