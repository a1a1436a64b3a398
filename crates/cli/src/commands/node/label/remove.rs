//! `plexctl node label remove`

use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use plex_api::paths;
use plex_client::operator::{Call, Client};
use serde::Deserialize;
use uuid::Uuid;

/// What to remove, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The node
    #[arg(value_name = "NODE", value_parser = parsing::id)]
    node: Uuid,
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

/// Removes labels. The server knows them by their qualified keys, so a bare one is looked up first; none is
/// removed unless all are there.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let client = ctx.client()?;
    let labels = labels(&client, args.node)?;
    let qualified = args
        .keys
        .iter()
        .map(|key| qualify(key, &labels))
        .collect::<Result<Vec<_>, _>>()?;
    for key in &qualified {
        client.fetch(&Call::delete(paths::node_labels(args.node)).query("qualified_key", Some(key)))?;
    }
    ctx.report(
        &serde_json::json!({"node_id": args.node, "removed": qualified}),
        |ui| {
            qualified
                .iter()
                .try_for_each(|key| ui.line(&format!("removed {key}")))
        },
    )
}

fn labels(client: &Client, node: Uuid) -> Result<Labels, Error> {
    let body = client.fetch(&Call::get(paths::node_labels(node)))?;
    serde_json::from_slice(&body).map_err(|cause| Error::Contract(cause.to_string()))
}

/// The one label that the key names.
fn qualify(key: &str, labels: &Labels) -> Result<String, Error> {
    let is_named = |label: &&Label| {
        label.qualified_key == key
            || label
                .qualified_key
                .rsplit_once('/')
                .is_some_and(|(_, local)| local == key)
    };
    let mut named = labels.items.iter().filter(is_named);
    match (named.next(), named.next()) {
        (Some(label), None) => Ok(label.qualified_key.clone()),
        (Some(_), Some(_)) => Err(Error::Unmet {
            detail: format!("{key} names several labels of this node"),
            hint: Some("give the qualified key".to_owned()),
        }),
        (None, _) => Err(Error::Unmet {
            detail: format!("the node has no label {key}"),
            hint: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Label, Labels, qualify};

    #[test]
    fn a_bare_key_must_name_one_label() {
        let keys = ["platform/env", "acme:web/owner", "acme/owner", "role"];
        let items = keys
            .map(|key| Label {
                qualified_key: key.to_owned(),
            })
            .into();
        let labels = Labels { items };
        assert_eq!(qualify("env", &labels).ok().as_deref(), Some("platform/env"));
        assert_eq!(qualify("role", &labels).ok().as_deref(), Some("role"));
        assert_eq!(qualify("acme/owner", &labels).ok().as_deref(), Some("acme/owner"));
        assert!(qualify("owner", &labels).is_err());
        assert!(qualify("nv", &labels).is_err());
    }
}
