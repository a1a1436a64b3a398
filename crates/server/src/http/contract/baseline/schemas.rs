//! The schemas, field by field.

use super::{compare_sets, schema_name};
use crate::http::contract::conformance::{DOCUMENT, resolve};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SCHEMAS: &str = include_str!("../../../../../../openapi/contract/schemas.json");

pub(super) fn compare_schemas(differences: &mut BTreeSet<String>) {
    let published: BTreeMap<String, Value> =
        serde_json::from_str(SCHEMAS).expect("the published schemas are JSON");
    let served = DOCUMENT["components"]["schemas"]
        .as_object()
        .expect("the document has schemas");
    let is_object = |schema: &Value| schema["properties"].is_object();
    let names = served
        .iter()
        .filter(|(_, schema)| is_object(schema))
        .map(|(name, _)| name.clone());
    let objects = published
        .iter()
        .filter(|(_, schema)| schema["fields"].is_object());
    compare_sets(
        differences,
        "schema",
        &objects.map(|(name, _)| name.clone()).collect(),
        &names.collect(),
    );
    for (name, schema) in &published {
        let Some(known) = served.get(name) else { continue };
        if let Some(words) = schema.get("enum") {
            compare_field(differences, name, &json!({"enum": words}), known);
            continue;
        }
        let closed = |schema: &Value| schema["additionalProperties"] == false;
        if closed(schema) != closed(known) {
            let now = if closed(known) { "closed" } else { "open" };
            differences.insert(format!("{name}: is {now}"));
        }
        compare_fields(differences, (name, &published), &schema["fields"], known);
    }
}

fn compare_fields(
    differences: &mut BTreeSet<String>,
    (name, published): (&str, &BTreeMap<String, Value>),
    wanted: &Value,
    served: &'static Value,
) {
    let names = |fields: &Value| {
        fields
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect()
    };
    compare_sets(
        differences,
        &format!("{name}: field"),
        &names(wanted),
        &names(&served["properties"]),
    );
    for (field, wanted) in wanted.as_object().into_iter().flatten() {
        let Some(known) = served["properties"].get(field) else {
            continue;
        };
        let required = served["required"]
            .as_array()
            .is_some_and(|names| names.contains(&json!(field)));
        if wanted["required"] != required {
            let now = if required { "required" } else { "optional" };
            differences.insert(format!("{name}.{field}: is {now}"));
        }
        let mut wanted = wanted.clone();
        // A reference to words stands for the words.
        if let Some(words) = wanted["ref"]
            .as_str()
            .and_then(|name| published.get(name)?.get("enum"))
        {
            wanted = json!({"type": "string", "enum": words});
        }
        compare_field(differences, &format!("{name}.{field}"), &wanted, known);
    }
}

const BOUNDS: [&str; 8] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "pattern",
    "x-plexsphere-once",
];

fn compare_field(differences: &mut BTreeSet<String>, place: &str, wanted: &Value, served: &'static Value) {
    let known = plain(served);
    let mut differ = |word: &str, now: &Value, then: &Value| {
        differences.insert(format!("{place}: {word} is {now}, not {then}"));
    };
    if wanted["type"].is_string() && wanted["type"] != known["type"] {
        differ("type", &known["type"], &wanted["type"]);
    }
    if wanted["ref"] != known["ref"] {
        differ("schema", &known["ref"], &wanted["ref"]);
    }
    if wanted["nullable"] != known["nullable"] {
        differ("nullable", &known["nullable"], &wanted["nullable"]);
    }
    // How wide an integer is, is said only where it was published.
    let says_width = known["type"] == "integer" && wanted["format"].is_null();
    if !says_width && wanted["format"] != known["format"] {
        differ("format", &known["format"], &wanted["format"]);
    }
    for word in BOUNDS {
        // That a count is not negative need not have been said.
        let goes_without_saying = word == "minimum" && wanted[word].is_null() && known[word] == 0;
        if wanted[word] != known[word] && !goes_without_saying {
            differ(word, &known[word], &wanted[word]);
        }
    }
    let words = |schema: &Value| -> BTreeSet<String> {
        let words = schema["enum"].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    compare_sets(
        differences,
        &format!("{place}: word"),
        &words(wanted),
        &words(&known),
    );
    if wanted["items"].is_object() && known["items"].is_object() {
        let items: &'static Value = match known["type"].as_str() {
            Some("map") => &unnulled(served).0["additionalProperties"],
            _ => &unnulled(served).0["items"],
        };
        compare_field(differences, &format!("{place}[]"), &wanted["items"], items);
    }
}

/// A schema without its null, and whether it had one.
fn unnulled(schema: &'static Value) -> (&'static Value, bool) {
    let Some(choices) = schema["oneOf"].as_array() else {
        return (schema, false);
    };
    let other = choices.iter().find(|choice| choice["type"] != "null");
    (
        other.unwrap_or(schema),
        choices.iter().any(|choice| choice["type"] == "null"),
    )
}

/// A field's schema in the words of the published list: references to words resolved, null as a mark of its own.
fn plain(served: &'static Value) -> Value {
    let (schema, mut nullable) = unnulled(served);
    let target = resolve(schema);
    let mut plain = json!({});
    if schema["$ref"].is_string() && target["properties"].is_object() {
        plain["ref"] = json!(schema_name(schema));
    } else {
        plain = target.clone();
        if let Some(types) = target["type"].as_array() {
            nullable |= types.contains(&json!("null"));
            let own = types.iter().find(|name| *name != "null");
            plain["type"] = own.cloned().unwrap_or_default();
        }
        if target["additionalProperties"].is_object() {
            plain["type"] = json!("map");
            plain["items"] = target["additionalProperties"].clone();
        }
        if plain["type"].is_null() {
            plain["type"] = json!("any");
        }
    }
    if nullable {
        plain["nullable"] = json!(true);
    }
    // Bounds may stand beside a reference.
    for word in BOUNDS {
        if let Some(bound) = served.get(word) {
            plain[word] = bound.clone();
        }
    }
    plain
}
