//! `plexctl profile use`

use crate::config::Store;
use crate::context::Context;
use crate::error::Error;
use serde_json::json;

/// Which profile to use.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Makes a profile the default one.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let mut store = Store::load(&ctx.environment)?;
    store.profile(Some(&args.name))?;
    store.config.default = Some(args.name.clone());
    store.save()?;
    ctx.report(&json!({"default": args.name}), |ui| {
        ui.line(&format!("default profile: {}", args.name))
    })
}
