//! `plexctl node label set`

use crate::context::Context;
use crate::document::{Document, Members, own};
use crate::error::Error;
use crate::parsing;
use crate::ui::Format;
use plex_api::labels::LabelAssignmentRequest;
use plex_api::paths;
use plex_client::operator::Call;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What to set, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The node
    #[arg(value_name = "NODE", value_parser = parsing::id)]
    node: Uuid,
    /// Labels to set
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parsing::label)]
    labels: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Assigned {
    qualified_key: String,
    value: Value,
}

/// Sets one label after the other; an unknown key becomes a plain string key of the project (decision 24).
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let client = ctx.client()?;
    let mut items = Vec::new();
    for (key, value) in &args.labels {
        let request = LabelAssignmentRequest {
            definition_id: None,
            key: Some(key.clone()),
            value: Value::String(value.clone()),
        };
        let body = client.fetch(&Call::put(paths::node_labels(args.node), &request))?;
        let assigned = Document::<Assigned>::read(body)?;
        if ctx.ui.format() == Format::Text {
            let value = assigned
                .view
                .value
                .as_str()
                .map_or_else(|| assigned.view.value.to_string(), str::to_owned);
            ctx.ui.line(&format!("{}={value}", assigned.view.qualified_key))?;
        }
        items.push(assigned.raw);
    }
    match ctx.ui.format() {
        Format::Text => Ok(()),
        Format::Json | Format::Yaml => ctx
            .ui
            .document(&own(&Members(vec![("items".to_owned(), own(&items))]))),
    }
}
