//! `plexctl label set`

use super::Labelled;
use crate::context::Context;
use crate::document::{Document, Members, own};
use crate::error::Error;
use crate::parsing;
use crate::ui::Format;
use plex_api::labels::LabelAssignmentRequest;
use plex_client::operator::Call;
use serde::Deserialize;
use serde_json::Value;

/// What to set, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    object: Labelled,
    /// Labels to set, by bare or qualified key
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parsing::label)]
    labels: Vec<(String, String)>,
    /// Read the values as JSON, for numbers and booleans
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Assigned {
    qualified_key: String,
    value: Value,
}

/// Sets labels of an object.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let read = |(key, text): &(String, String)| {
        let value = if args.json {
            parsing::json(text).map_err(|cause| Error::usage(format!("{key}: {cause}")))?
        } else {
            Value::String(text.clone())
        };
        Ok((key.clone(), value))
    };
    let labels = args.labels.iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    set(ctx, &args.object.path(), &labels)
}

/// Sets one label after the other; an unknown bare key becomes a plain string key of the project (decision 24).
pub(crate) fn set(ctx: &mut Context, path: &str, labels: &[(String, Value)]) -> Result<(), Error> {
    let client = ctx.client()?;
    let mut items = Vec::new();
    for (key, value) in labels {
        let request = LabelAssignmentRequest {
            definition_id: None,
            key: Some(key.clone()),
            value: value.clone(),
        };
        let body = client.fetch(&Call::put(path, &request))?;
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
