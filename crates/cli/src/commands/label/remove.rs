//! `plexctl label remove`

use super::Labelled;
use crate::context::Context;
use crate::error::Error;
use plex_client::operator::{Call, Client};
use serde::Deserialize;

/// What to remove, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    object: Labelled,
    /// Keys to remove, bare or qualified
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Labels {
    items: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    qualified_key: String,
}

/// Removes labels of an object.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let removed = remove(&ctx.client()?, &args.object.path(), &args.keys)?;
    let document = serde_json::json!({
        "object_kind": args.object.kind, "object_id": args.object.id, "removed": removed
    });
    print(ctx, &document, &removed)
}

/// Prints what was removed.
pub(crate) fn print(
    ctx: &mut Context,
    document: &serde_json::Value,
    removed: &[String],
) -> Result<(), Error> {
    ctx.report(document, |ui| {
        removed
            .iter()
            .try_for_each(|key| ui.line(&format!("removed {key}")))
    })
}

/// Removes labels; their qualified keys. The server knows them by these, so a bare one is looked up first; none is
/// removed unless all are there.
pub(crate) fn remove(client: &Client, path: &str, keys: &[String]) -> Result<Vec<String>, Error> {
    let body = client.fetch(&Call::get(path))?;
    let labels: Labels = serde_json::from_slice(&body).map_err(|cause| Error::Contract(cause.to_string()))?;
    let qualified = keys
        .iter()
        .map(|key| qualify(key, &labels))
        .collect::<Result<Vec<_>, _>>()?;
    for key in &qualified {
        client.fetch(&Call::delete(path).query("qualified_key", Some(key)))?;
    }
    Ok(qualified)
}

/// The one label that the key names. Several values of one label are one label.
fn qualify(key: &str, labels: &Labels) -> Result<String, Error> {
    let is_named = |label: &&Label| {
        label.qualified_key == key
            || label
                .qualified_key
                .rsplit_once('/')
                .is_some_and(|(_, local)| local == key)
    };
    let mut named: Vec<_> = labels
        .items
        .iter()
        .filter(is_named)
        .map(|label| label.qualified_key.as_str())
        .collect();
    named.sort_unstable();
    named.dedup();
    match named.as_slice() {
        [label] => Ok((*label).to_owned()),
        [] => Err(Error::Unmet {
            detail: format!("there is no label {key}"),
            hint: None,
        }),
        [..] => Err(Error::Unmet {
            detail: format!("{key} names several labels of it"),
            hint: Some("give the qualified key".to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Label, Labels, qualify};

    #[test]
    fn a_bare_key_must_name_one_label() {
        let keys = [
            "platform/env",
            "acme:web/owner",
            "acme/owner",
            "role",
            "acme/pair",
            "acme/pair",
        ];
        let items = keys
            .map(|key| Label {
                qualified_key: key.to_owned(),
            })
            .into();
        let labels = Labels { items };
        assert_eq!(qualify("env", &labels).ok().as_deref(), Some("platform/env"));
        assert_eq!(qualify("role", &labels).ok().as_deref(), Some("role"));
        assert_eq!(qualify("pair", &labels).ok().as_deref(), Some("acme/pair"));
        assert_eq!(qualify("acme/owner", &labels).ok().as_deref(), Some("acme/owner"));
        assert!(qualify("owner", &labels).is_err());
        assert!(qualify("nv", &labels).is_err());
    }
}
