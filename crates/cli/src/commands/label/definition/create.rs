//! `plexctl label definition create`

use super::schema::SchemaArgs;
use crate::context::Context;
use crate::error::Error;
use crate::parsing;
use crate::view::{DefinitionRow, show};
use plex_api::labels::{LabelDefinitionRequest, OnDelete};
use plex_api::paths;
use plex_client::operator::Call;
use plex_domain::label::ScopeRef;
use serde_json::Value;

/// The definition to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose it is: platform, domain:UUID or project:UUID
    #[arg(long, value_name = "SCOPE", value_parser = parsing::scope)]
    scope: ScopeRef,
    /// Its key, unique in the scope and never changed
    #[arg(long, value_name = "KEY")]
    key: String,
    /// What it says of an object
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    schema: SchemaArgs,
    /// A kind of objects that may have it; repeat it for each
    #[arg(long, value_name = "KIND", default_values = ["node", "project"])]
    applies_to: Vec<String>,
    /// Let objects without it count as having the default
    #[arg(long)]
    required: bool,
    /// The default, a text
    #[arg(long, value_name = "TEXT", conflicts_with = "default_json")]
    default: Option<String>,
    /// The default, as JSON, for numbers and booleans
    #[arg(long, value_name = "JSON", value_parser = parsing::json)]
    default_json: Option<Value>,
    /// Keep schema and values as they are first set
    #[arg(long)]
    immutable: bool,
    /// Mark it to be mirrored as a tag by clouds
    #[arg(long)]
    cloud_tag_propagation: bool,
    /// What becomes of its labels when it is deleted; block when absent
    #[arg(long, value_name = "WORD", value_parser = parsing::words(["block", "cascade", "orphan"]))]
    on_delete: Option<String>,
    /// Most values on one object; 1 when absent, 0 for any number
    #[arg(long, value_name = "N")]
    cardinality: Option<u32>,
}

/// Makes a definition and prints it.
pub(crate) fn run(args: &Args, ctx: &mut Context) -> Result<(), Error> {
    let default_text = args.default.clone().map(Value::String);
    let request = LabelDefinitionRequest {
        scope: args.scope.scope(),
        scope_id: Some(args.scope.id()).filter(|id| !id.is_nil()),
        local_key: args.key.clone(),
        description: args.description.clone(),
        value_schema: args.schema.schema().unwrap_or_else(SchemaArgs::plain),
        applicable_kinds: args.applies_to.clone(),
        required: args.required.then_some(true),
        default_value: default_text.or_else(|| args.default_json.clone()),
        immutable: args.immutable.then_some(true),
        cloud_tag_propagation: args.cloud_tag_propagation.then_some(true),
        on_delete: args.on_delete.as_deref().and_then(OnDelete::parse),
        cardinality: args.cardinality,
    };
    let call = Call::post(paths::LABEL_DEFINITIONS, &request);
    show::<DefinitionRow>(ctx, &call)
}
