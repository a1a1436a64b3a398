//! Holds the document to the published contract (`openapi/contract`): all of it is there, and what differs is on the
//! list of deviations with the decision that it rests on. A difference that is not listed fails, and so does a listed
//! one that is no more.

use super::conformance::{DOCUMENT, Operation, resolve};
use super::deviations::Deviation;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const OPERATIONS: &str = include_str!("../../../../../openapi/contract/operations.json");
const SCHEMAS: &str = include_str!("../../../../../openapi/contract/schemas.json");
const CODES: &str = include_str!("../../../../../openapi/contract/codes.json");

/// An operation as it was published in July 2026, and what August changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    operation_id: String,
    method: String,
    path: String,
    auth: Vec<String>,
    params: Vec<Parameter>,
    #[serde(rename = "request_schema")]
    request: Option<String>,
    #[serde(rename = "success_status")]
    success: u16,
    #[serde(rename = "response_schema")]
    response: Option<String>,
    #[serde(rename = "error_codes")]
    errors: BTreeMap<String, Vec<String>>,
    #[serde(rename = "delta_2026_08", default)]
    later: Later,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    name: String,
    r#in: String,
    required: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Later {
    auth_add: Vec<String>,
    error_codes_add: BTreeMap<String, Vec<String>>,
    error_codes_remove: BTreeMap<String, Vec<String>>,
}

impl Published {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = serde_json::from_str(OPERATIONS).expect("the published operations are JSON");
        for operation in &mut all {
            let later = std::mem::take(&mut operation.later);
            operation.auth.extend(later.auth_add);
            for (status, codes) in later.error_codes_add {
                operation.errors.entry(status).or_default().extend(codes);
            }
            for (status, codes) in later.error_codes_remove {
                let known = operation.errors.entry(status).or_default();
                known.retain(|code| !codes.contains(code));
            }
        }
        all
    }
}

/// Notes what is missing and what is beyond.
fn compare_sets(
    differences: &mut BTreeSet<String>,
    what: &str,
    published: &BTreeSet<String>,
    served: &BTreeSet<String>,
) {
    differences.extend(
        published
            .difference(served)
            .map(|name| format!("{what} {name} is missing")),
    );
    differences.extend(
        served
            .difference(published)
            .map(|name| format!("{what} {name} is beyond")),
    );
}

fn compare_operations(differences: &mut BTreeSet<String>) {
    let published = Published::all();
    let codes: BTreeMap<String, Vec<String>> =
        serde_json::from_str(CODES).expect("the published codes are JSON");
    let served: BTreeMap<&str, Operation> = Operation::all().map(|one| (one.id(), one)).collect();
    compare_sets(
        differences,
        "operation",
        &published.iter().map(|one| one.operation_id.clone()).collect(),
        &served.keys().map(|id| (*id).to_owned()).collect(),
    );
    for one in &published {
        if let Some(served) = served.get(&*one.operation_id) {
            compare_operation(differences, one, served);
            compare_answers(differences, one, served, &codes);
        }
    }
}

fn compare_operation(differences: &mut BTreeSet<String>, published: &Published, served: &Operation) {
    let id = &published.operation_id;
    if (&*published.method.to_lowercase(), &*published.path) != (served.method, served.template) {
        let now = format!("{} {}", served.method, served.template);
        differences.insert(format!(
            "{id}: is at {now}, not {} {}",
            published.method, published.path
        ));
    }
    let parameter = |name: &str, place: &str, required: bool| {
        let weight = if required { "required" } else { "optional" };
        format!("{place} {name}, {weight},")
    };
    let parameters = served.fields["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|known| {
        let text = |name: &str| known[name].as_str().unwrap_or_default();
        parameter(text("name"), text("in"), known["required"] == true)
    });
    let wanted = published
        .params
        .iter()
        .map(|known| parameter(&known.name, &known.r#in, known.required));
    compare_sets(
        differences,
        &format!("{id}: parameter in"),
        &wanted.collect(),
        &parameters.collect(),
    );
    let security = served.fields.get("security").unwrap_or(&DOCUMENT["security"]);
    let callers = security
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    let callers = callers.flat_map(|caller| caller.keys().cloned()).collect();
    compare_sets(
        differences,
        &format!("{id}: caller"),
        &published.auth.iter().cloned().collect(),
        &callers,
    );
    let body = &served.fields["requestBody"]["content"]["application/json"]["schema"];
    compare_text(
        differences,
        &format!("{id}: the body"),
        published.request.as_deref(),
        schema_name(body),
    );
    let answer = &served.fields["responses"][published.success.to_string()];
    let content = answer["content"]
        .as_object()
        .and_then(|kinds| kinds.iter().next());
    let shown = content.and_then(|(media_type, content)| match &**media_type {
        "application/json" => schema_name(&content["schema"]).or(Some(media_type.clone())),
        other => Some(other.to_owned()),
    });
    compare_text(
        differences,
        &format!("{id}: the answer"),
        published.response.as_deref(),
        shown,
    );
}

fn compare_text(
    differences: &mut BTreeSet<String>,
    what: &str,
    published: Option<&str>,
    served: Option<String>,
) {
    let (published, served) = (
        published.unwrap_or("nothing"),
        served.unwrap_or("nothing".to_owned()),
    );
    if published != served {
        differences.insert(format!("{what} is {served}, not {published}"));
    }
}

fn schema_name(schema: &Value) -> Option<String> {
    schema.as_object()?;
    if let Some(path) = schema["$ref"].as_str() {
        return path.strip_prefix("#/components/schemas/").map(str::to_owned);
    }
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let item = || schema_name(&schema["items"]).map(|item| format!("array<{item}>"));
    choices.filter_map(schema_name).next().or_else(item)
}

fn compare_answers(
    differences: &mut BTreeSet<String>,
    published: &Published,
    served: &Operation,
    codes: &BTreeMap<String, Vec<String>>,
) {
    let id = &published.operation_id;
    let responses = served.fields["responses"]
        .as_object()
        .expect("an operation has responses");
    let wanted = published
        .errors
        .keys()
        .cloned()
        .chain([published.success.to_string()]);
    let known = responses.keys().filter(|status| {
        // A status that exists for codes which are compared below.
        responses[*status]["x-problem-codes"].is_null() || published.errors.contains_key(*status)
    });
    compare_sets(
        differences,
        &format!("{id}: status"),
        &wanted.collect(),
        &known.cloned().collect(),
    );
    let none = Vec::new();
    for (status, response) in responses {
        let own = published.errors.get(status);
        // Where none is named, any code of the closed list for that status may fill the gap.
        let named = own.filter(|codes| !codes.is_empty());
        let allowed = match (own, named) {
            (_, Some(named)) => named,
            (Some(_), None) => codes.get(status).unwrap_or(&none),
            (None, None) => &none,
        };
        let given = response["x-problem-codes"].as_array().into_iter().flatten();
        for code in given.filter_map(Value::as_str) {
            if !allowed.iter().any(|known| known == code) {
                differences.insert(format!("{id}: {status} {code} is beyond"));
            }
        }
    }
    for (status, codes) in &published.errors {
        for code in codes {
            let given = responses
                .get(status)
                .and_then(|known| known["x-problem-codes"].as_array());
            if !given.is_some_and(|given| given.contains(&json!(code))) {
                differences.insert(format!("{id}: {status} {code} is missing"));
            }
        }
    }
}

/// Codes of the closed list (`api.md` §14) that no operation gives. That the others are produced, `matrix` shows.
fn compare_codes(differences: &mut BTreeSet<String>) {
    let published: BTreeMap<String, Vec<String>> =
        serde_json::from_str(CODES).expect("the published codes are JSON");
    for (status, codes) in &published {
        for code in codes {
            let is_given = Operation::all().any(|operation| {
                let codes = operation.fields["responses"][status]["x-problem-codes"].as_array();
                codes.is_some_and(|codes| codes.contains(&json!(code)))
            });
            if !is_given {
                differences.insert(format!("{status} {code} is never produced"));
            }
        }
    }
}

fn compare_schemas(differences: &mut BTreeSet<String>) {
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
    // How wide a number is, is said only where it was published.
    let is_number = known["type"] == "integer" || known["type"] == "number";
    let says_width = is_number && wanted["format"].is_null();
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

#[test]
fn nothing_differs_from_the_published_contract_but_what_is_listed() {
    let mut differences = BTreeSet::new();
    compare_operations(&mut differences);
    compare_codes(&mut differences);
    compare_schemas(&mut differences);
    let deviations = Deviation::all();
    let is_listed = |text: &&String| !deviations.iter().any(|one| one.covers(text));
    let unlisted: Vec<&String> = differences.iter().filter(is_listed).collect();
    let is_gone = |one: &&Deviation| !differences.iter().any(|text| one.covers(text));
    let gone: Vec<&String> = deviations
        .iter()
        .filter(is_gone)
        .map(|one| &one.difference)
        .collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "not listed:\n{unlisted:#?}\nlisted, but no difference:\n{gone:#?}"
    );
}
