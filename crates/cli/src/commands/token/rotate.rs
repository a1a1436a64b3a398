//! `plexctl token rotate`

use crate::context::Context;
use crate::error::Error;
use crate::parsing::Identified;
use crate::view::show;
use plex_api::paths;
use plex_client::operator::Call;
use serde::Deserialize;
use uuid::Uuid;

/// Which token gets a new secret.
#[derive(clap::Args)]
#[command(
    after_help = "The old secret goes on until rotation_deadline, an hour at most. One that still went on from an \
    earlier rotation ends at once."
)]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
}

#[derive(Deserialize)]
struct Rotated {
    #[serde(rename = "id")]
    _id: Uuid,
    #[serde(rename = "plaintext")]
    _plaintext: String,
}

/// Replaces a token's secret and prints the new one, whatever the format: there is no second chance to see it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let id = args.identified.id();
    ctx.confirm(&format!(
        "Rotate token {id}? Its secret ends within the hour, and an earlier one at once."
    ))?;
    let path = paths::rotate_token(id);
    show::<Rotated>(ctx, &Call::post_nothing(path))
}
