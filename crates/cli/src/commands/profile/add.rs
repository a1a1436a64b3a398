//! `plexctl profile add`

use crate::config::{Profile, Store};
use crate::context::Context;
use crate::credential::read_token;
use crate::error::Error;
use crate::session::{certificates, parse_server};
use serde_json::json;

/// The profile to store. What it holds comes from the persistent flags `--server`, `--token-file`, `--ca-file`.
#[derive(clap::Args)]
#[command(
    after_help = "It stores what --server, --token-file and --ca-file give; the token is copied into the \
    configuration (mode 0600). The first profile becomes the default one."
)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
}

/// Stores a profile; one of the same name is replaced only after a yes.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let globals = &ctx.globals;
    let server = globals
        .server
        .as_deref()
        .ok_or_else(|| Error::usage("a profile needs a control plane").hint("give --server"))?;
    let server = parse_server(server)?.as_str().to_owned();
    let token = globals.token_file.as_deref().map(read_token).transpose()?;
    let ca_file = globals.ca_file.as_deref().map(|path| {
        certificates(path)?;
        // The profile is used from anywhere, so the path must not depend on here.
        std::path::absolute(path).map_err(|cause| Error::local("cannot tell where the CA file is", cause))
    });
    let profile = Profile {
        server: Some(server),
        token,
        ca_file: ca_file.transpose()?,
    };

    let mut store = Store::load(&ctx.environment)?;
    if store.config.profiles.contains_key(&args.name) {
        ctx.confirm(&format!("There is a profile {}. Replace it?", args.name))?;
    }
    store.config.profiles.insert(args.name.clone(), profile);
    store.config.default.get_or_insert_with(|| args.name.clone());
    store.save()?;
    ctx.report(
        &json!({"name": args.name, "default": store.config.default}),
        |ui| ui.line(&format!("stored profile {}", args.name)),
    )
}
