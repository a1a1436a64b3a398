//! `plexctl logout`: ends the profile's token, on the server and here.

use crate::config::{Profile, Store};
use crate::context::Context;
use crate::error::Error;
use crate::session;
use plex_api::paths;
use plex_client::operator::{Call, Client, Token};
use serde_json::json;

/// Revokes the token of the profile and forgets it. A token that the server does not take any more is forgotten too; a
/// server that cannot be asked leaves everything as it is.
pub(super) fn run(ctx: &mut Context) -> Result<(), Error> {
    let store = Store::load(&ctx.environment)?;
    let profile = store.profile(ctx.globals.profile.as_deref())?;
    let name = ctx.globals.profile.clone().or(store.config.default);
    let (Some(name), Some(token)) = (name, profile.token.clone()) else {
        return Err(Error::Credential {
            detail: "there is no stored token to log out".to_owned(),
            hint: Some("`plexctl profile list` shows which profiles hold one".to_owned()),
        });
    };
    let client = client(ctx, &profile, token.clone())?;
    match client.fetch(&Call::post_nothing(paths::LOGOUT)) {
        Ok(_) => {}
        Err(plex_client::Error::Api(api)) if api.status == 401 => {
            ctx.ui
                .warn("the server does not take this token any more; it is forgotten here");
        }
        Err(failed) => return Err(failed.into()),
    }
    forget(ctx, &name, &token)?;
    ctx.report(&json!({"profile": name, "result": "logged out"}), |ui| {
        ui.line(&format!("logged out (profile {name})"))
    })
}

/// A client for the profile's own server: its token is nobody else's business, whatever flags and variables say.
fn client(ctx: &Context, profile: &Profile, token: Token) -> Result<Client, Error> {
    let server = match &profile.server {
        Some(server) => session::parse_server(server)?,
        None => session::server(&ctx.globals, &ctx.environment, profile)?,
    };
    let ca_file = session::ca_file(&ctx.globals, &ctx.environment, profile);
    let roots = ca_file.as_deref().map(session::certificates).transpose()?;
    let client = Client::new(server, token, roots.unwrap_or_default());
    Ok(session::traced(client, &ctx.environment))
}

/// Takes the token out of the profile as it is now, unless another has taken its place meanwhile.
fn forget(ctx: &Context, name: &str, token: &Token) -> Result<(), Error> {
    let mut store = Store::load(&ctx.environment)?;
    if let Some(profile) = store.config.profiles.get_mut(name) {
        profile.token.take_if(|kept| kept == token);
    }
    store.save()
}
