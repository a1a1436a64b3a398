//! `plexctl profile remove`

use crate::config::Store;
use crate::context::Context;
use crate::error::Error;
use serde_json::json;

/// Which profile to forget.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Forgets a profile and its token. The token itself lives on: `plexctl token revoke` ends it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let mut store = Store::load(&ctx.environment)?;
    store.profile(Some(&args.name))?;
    ctx.confirm(&format!("Forget profile {} and its token?", args.name))?;
    store.config.profiles.remove(&args.name);
    if store.config.default.as_ref() == Some(&args.name) {
        store.config.default = None;
    }
    store.save()?;
    ctx.report(&json!({"removed": args.name}), |ui| {
        ui.line(&format!("removed profile {}", args.name))
    })
}
