//! `plexctl login`: a person approves in a browser, and the profile gets a token.
//!
//! The token is never printed. What the server says, above all where to go, is shown escaped, and a browser is opened
//! only for a URL that a token may be sent to.

mod browser;
mod wait;

use crate::config::{Profile, Store};
use crate::context::Context;
use crate::error::Error;
use crate::session;
use plex_api::auth::{DeviceCodeRequest, DeviceCodeResponse, ServiceTokenResponse};
use plex_api::paths;
use plex_client::operator::{Call, Client, ServerUrl, Token};
use serde_json::json;
use std::path::PathBuf;

/// The profile's name where none is given and there is no default.
const FIRST: &str = "default";

/// How to log in.
#[derive(clap::Args)]
#[command(
    after_help = "The address and the code are shown on stderr (with --output json as one JSON object). Open the \
    address in any browser, on any machine, and approve. The token goes into the profile that --profile names, else \
    into the default one (mode 0600), with the server and the CA file in force. It holds for 12 hours; `plexctl logout` \
    ends it."
)]
pub(crate) struct Args {
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

/// Logs in and keeps the token in a profile.
pub(super) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let store = Store::load(&ctx.environment)?;
    store.require_place()?;
    let name = profile_name(ctx, &store);
    let profile = store.config.profiles.get(&name).cloned().unwrap_or_default();
    let server = session::server(&ctx.globals, &ctx.environment, &profile)?;
    let ca_file = session::ca_file(&ctx.globals, &ctx.environment, &profile);
    let ca_file = ca_file.map(absolute).transpose()?;
    if profile
        .server
        .as_deref()
        .is_some_and(|known| known.trim_end_matches('/') != server.as_str())
    {
        ctx.confirm(&format!(
            "Profile {name} is about another control plane. Replace it?"
        ))?;
    }
    let roots = ca_file.as_deref().map(session::certificates).transpose()?;
    let client = Client::anonymous(server.clone(), roots.clone().unwrap_or_default());
    let client = session::traced(client, &ctx.environment);

    let token = log_in(args, ctx, &client)?;
    let kept =
        Token::new(token.access_token).ok_or_else(|| Error::Contract("the token is not one".to_owned()))?;
    let me = Client::new(server.clone(), kept.clone(), roots.unwrap_or_default());
    let me = session::traced(me, &ctx.environment);
    let me = super::whoami::ask(&me)?.identity_ref();
    let is_default = keep(ctx, &name, profile_with(&server, kept, ca_file))?;
    advise(ctx, &name, is_default);
    let document = json!({
        "profile": name, "server": server.as_str(), "identity": me, "expires_in": token.expires_in,
    });
    ctx.report(&document, |ui| {
        let hours = token.expires_in / 3600;
        ui.line(&format!("logged in as {me} for {hours} h (profile {name})"))
    })
}

fn profile_name(ctx: &Context, store: &Store) -> String {
    let named = ctx.globals.profile.as_deref();
    named
        .or(store.config.default.as_deref())
        .unwrap_or(FIRST)
        .to_owned()
}

/// The profile is used from anywhere, so the path must not depend on here.
fn absolute(path: PathBuf) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|cause| Error::local("cannot tell where the CA file is", cause))
}

fn profile_with(server: &ServerUrl, token: Token, ca_file: Option<PathBuf>) -> Profile {
    Profile {
        server: Some(server.as_str().to_owned()),
        token: Some(token),
        ca_file,
    }
}

/// Shows where to go and waits until somebody has decided there.
fn log_in(args: &Args, ctx: &mut Context, client: &Client) -> Result<ServiceTokenResponse, Error> {
    let body = client.fetch(&Call::post(paths::DEVICE_CODE, &DeviceCodeRequest::default()))?;
    let begun: DeviceCodeResponse =
        serde_json::from_slice(&body).map_err(|cause| Error::Contract(cause.to_string()))?;
    let document = json!({
        "verification_uri": begun.verification_uri,
        "verification_uri_complete": begun.verification_uri_complete,
        "user_code": begun.user_code,
        "expires_in": begun.expires_in,
    });
    let lines = [
        format!("Open {}", begun.verification_uri_complete),
        format!("and approve the code {}", begun.user_code),
    ];
    ctx.ui.prompt(&document, &lines);
    if !args.no_browser && ctx.ui.stdout_is_terminal() {
        browser::open(&ctx.environment, &begun.verification_uri_complete);
    }
    wait::for_decision(&begun, |request| {
        let body = client.fetch(&Call::post(paths::DEVICE_TOKEN, request))?;
        serde_json::from_slice(&body).map_err(|cause| plex_client::Error::Contract(cause.to_string()))
    })
}

/// Writes the profile into the configuration as it is now: the person took their time. Returns whether it is the default
/// one.
fn keep(ctx: &Context, name: &str, profile: Profile) -> Result<bool, Error> {
    let mut store = Store::load(&ctx.environment)?;
    store.config.profiles.insert(name.to_owned(), profile);
    store.config.default.get_or_insert_with(|| name.to_owned());
    store.save()?;
    Ok(store.config.default.as_deref() == Some(name))
}

/// Says what stands between the person and their new token.
fn advise(ctx: &mut Context, name: &str, is_default: bool) {
    if ctx.environment.token.is_some() {
        ctx.ui
            .warn("PLEXSPHERE_TOKEN is set and comes before the profile's token; unset it");
    }
    if !is_default {
        ctx.ui.warn(&format!(
            "another profile is the default one; use --profile {name}, or `plexctl profile use {name}`"
        ));
    }
}
