//! The operations, and the codes that they may give.

use super::{compare_sets, compare_text, schema_name};
use crate::http::contract::conformance::{DOCUMENT, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const OPERATIONS: &str = include_str!("../../../../../../openapi/contract/operations.json");
const CODES: &str = include_str!("../../../../../../openapi/contract/codes.json");

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

pub(super) fn compare_operations(differences: &mut BTreeSet<String>) {
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
pub(super) fn compare_codes(differences: &mut BTreeSet<String>) {
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
