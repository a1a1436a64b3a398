//! `plexctl whoami`

use crate::context::Context;
use crate::error::Error;
use crate::view::show;
use plex_api::paths;
use plex_client::operator::{Call, Client};
use serde::Deserialize;

/// Who the caller is, as far as this version must know.
#[derive(Deserialize)]
pub(super) struct Me {
    principal_type: String,
    subject: String,
}

impl Me {
    /// As tokens are issued for: `user:<uuid>` or `service:<uuid>`.
    pub(super) fn identity_ref(&self) -> String {
        format!("{}:{}", self.principal_type, self.subject)
    }
}

/// Prints who the server takes the caller for.
pub(super) fn run(ctx: &mut Context) -> Result<(), Error> {
    show::<Me>(ctx, &Call::get(paths::WHOAMI))
}

/// Asks who the caller is.
pub(super) fn ask(client: &Client) -> Result<Me, Error> {
    let body = client.fetch(&Call::get(paths::WHOAMI))?;
    serde_json::from_slice(&body).map_err(|cause| Error::Contract(cause.to_string()))
}
