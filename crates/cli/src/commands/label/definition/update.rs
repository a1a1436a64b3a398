//! `plexctl label definition update`

use super::schema::SchemaArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing::{self, Identified};
use crate::view::{DefinitionRow, show};
use clap::ArgGroup;
use plex_api::labels::{LabelDefinitionUpdateRequest, OnDelete};
use plex_api::paths;
use plex_client::operator::Call;
use serde_json::Value;

/// What to change; what is not given stays.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args([
    "description", "value_kind", "applies_to", "required", "default", "default_json", "no_default",
    "cloud_tag_propagation", "on_delete",
]))]
pub(crate) struct Args {
    #[command(flatten)]
    identified: Identified,
    /// What it says of an object; an empty text clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    schema: SchemaArgs,
    /// A kind of objects that may have it; repeat it for each, the list is replaced
    #[arg(long, value_name = "KIND")]
    applies_to: Vec<String>,
    /// Whether objects without it count as having the default
    #[arg(long, value_name = "BOOL")]
    required: Option<bool>,
    /// The default, a text
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["default_json", "no_default"])]
    default: Option<String>,
    /// The default, as JSON, for numbers and booleans
    #[arg(long, value_name = "JSON", value_parser = parsing::json, conflicts_with = "no_default")]
    default_json: Option<Value>,
    /// Take the default away
    #[arg(long)]
    no_default: bool,
    /// Whether clouds mirror it as a tag
    #[arg(long, value_name = "BOOL")]
    cloud_tag_propagation: Option<bool>,
    /// What becomes of its labels when it is deleted
    #[arg(long, value_name = "WORD", value_parser = parsing::words(["block", "cascade", "orphan"]))]
    on_delete: Option<String>,
}

/// Changes a definition and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let default_text = args.default.clone().map(Value::String);
    let default_value = default_text
        .or_else(|| args.default_json.clone())
        .or(args.no_default.then_some(Value::Null));
    let request = LabelDefinitionUpdateRequest {
        description: args.description.clone(),
        value_schema: args.schema.schema(),
        applicable_kinds: Some(args.applies_to.clone()).filter(|kinds| !kinds.is_empty()),
        required: args.required,
        default_value,
        cloud_tag_propagation: args.cloud_tag_propagation,
        on_delete: args.on_delete.as_deref().and_then(OnDelete::parse),
    };
    let call = Call::patch(paths::label_definition(args.identified.id()), &request);
    show::<DefinitionRow>(ctx, &call)
}
