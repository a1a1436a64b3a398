//! Completes the OpenAPI document that the routes give.
//!
//! A handler documents what is its own: parameters, bodies, and the answer when it works. What operations have in
//! common is said here, once: who may call, the problems with their codes (from the table in [`answers`]), and the
//! headers of every answer.

mod answers;
#[cfg(test)]
mod baseline;
#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod deviations;

use answers::Answers;
use plex_api::codes;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Codes whose body is a `PermissionDenied`; the body of all others is a `Problem`.
const DENIALS: [&str; 3] = [
    codes::REBAC_DENIED,
    codes::NODE_ID_MISMATCH,
    codes::NSK_NODE_MISMATCH,
];

/// What of an operation decides which problems it shares with others.
struct Shape {
    /// Operators call it.
    operator: bool,
    /// Nodes call it.
    node: bool,
    /// It may change something.
    changes: bool,
    /// It reads a JSON body.
    body: bool,
    /// It reads query parameters.
    queries: bool,
    /// It takes `cursor` and `limit`.
    pages: bool,
}

/// The document as it is served.
pub(super) fn complete(document: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).expect("the document is JSON");
    document["security"] = json!([{"sessionCookie": []}, {"operatorBearer": []}]);
    document["components"]["headers"] = headers();
    for (method, operation) in operations(&mut document) {
        let shape = Shape::of(&method, operation);
        let id = operation["operationId"].as_str().unwrap_or_default();
        let problems = answers::all(id, &shape);
        secure(operation, &shape);
        let mut responses = operation["responses"].take();
        describe(&mut responses, problems.unwrap_or_default());
        operation["responses"] = responses;
    }
    forget_nulls(&mut document);
    document
}

/// Every operation with its method.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let items = paths.filter_map(|(_, item)| item.as_object_mut());
    items.flat_map(|item| {
        item.iter_mut()
            .map(|(method, operation)| (method.clone(), operation))
    })
}

impl Shape {
    fn of(method: &str, operation: &Value) -> Self {
        let callers = operation["security"].as_array().into_iter().flatten();
        let callers: Vec<&str> = callers
            .filter_map(Value::as_object)
            .flat_map(|caller| caller.keys().map(String::as_str))
            .collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let queries: Vec<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        Self {
            operator: callers.contains(&"operatorBearer"),
            node: callers.contains(&"nskBearer"),
            changes: method != "get",
            body: method != "get" && operation["requestBody"].is_object(),
            pages: queries.contains(&"cursor"),
            queries: !queries.is_empty(),
        }
    }
}

/// Says who may call: operators are the document's default, by cookie or by bearer.
fn secure(operation: &mut Value, shape: &Shape) {
    let operators = [json!({"sessionCookie": []}), json!({"operatorBearer": []})];
    let nodes = [json!({"nskBearer": []})];
    let fields = operation.as_object_mut().expect("an operation is an object");
    match (shape.operator, shape.node) {
        (true, false) => drop(fields.shift_remove("security")),
        (true, true) => drop(fields.insert("security".to_owned(), [&operators[..], &nodes].concat().into())),
        (false, true) => drop(fields.insert("security".to_owned(), nodes.to_vec().into())),
        (false, false) => drop(fields.insert("security".to_owned(), json!([]))),
    }
}

/// Adds the problems to the answers that the handler documents, and to all of them the headers of every answer.
fn describe(responses: &mut Value, problems: Answers) {
    let known = responses.as_object_mut().expect("responses are an object");
    for response in known.values_mut() {
        add_header(response, "X-Correlation-Id");
    }
    let mut all: Vec<(String, Value)> = std::mem::take(known).into_iter().collect();
    for (status, codes) in problems {
        let problem = problem(status, &codes);
        match all.iter_mut().find(|(known, _)| *known == status.to_string()) {
            // Health has a body of its own for a status that is elsewhere a problem.
            Some((_, response)) => {
                response["x-problem-codes"] = problem["x-problem-codes"].clone();
                response["content"]["application/problem+json"] =
                    problem["content"]["application/problem+json"].clone();
            }
            None => all.push((status.to_string(), problem)),
        }
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    known.extend(all);
}

/// The answer of a status that has these codes.
fn problem(status: u16, codes: &BTreeSet<&str>) -> Value {
    let reference = |schema: &str| json!({"$ref": format!("#/components/schemas/{schema}")});
    let (denials, others): (Vec<&str>, Vec<&str>) = codes.iter().partition(|code| DENIALS.contains(code));
    let schema = match (denials.is_empty(), others.is_empty()) {
        (true, _) => reference("Problem"),
        (false, true) => reference("PermissionDenied"),
        (false, false) => json!({"anyOf": [reference("PermissionDenied"), reference("Problem")]}),
    };
    let named: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let mut response = json!({
        "description": format!("{} {}", meaning(status), named.join(", ")),
        "content": {"application/problem+json": {"schema": schema}},
        "x-problem-codes": codes,
    });
    add_header(&mut response, "X-Correlation-Id");
    match status {
        401 => add_header(&mut response, "WWW-Authenticate"),
        429 | 503 => add_header(&mut response, "Retry-After"),
        _ => {}
    }
    response
}

/// What a status of the problems says, before the codes say it exactly.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "Bad input.",
        401 => "No credential, or none that holds.",
        403 => "The caller may not do this.",
        404 => "No such object, or none that the caller may see.",
        408 => "The request did not arrive in time.",
        409 => "The object's state forbids it.",
        413 => "The body is over its ceiling.",
        415 => "The body is not plain JSON.",
        422 => "Well-formed, but it cannot be done.",
        429 => "Too many requests; wait.",
        431 => "Request line and headers are over their ceiling.",
        500 => "A defect here.",
        502 => "Who had to be asked answered what does not hold.",
        503 => "Cannot answer now; try again.",
        _ => "It did not work.",
    }
}

fn add_header(response: &mut Value, name: &str) {
    response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
}

/// The headers that many answers have.
fn headers() -> Value {
    json!({
        "X-Correlation-Id": {
            "description": "Pairs the answer with the server's log and the audit chain",
            "required": true,
            "schema": {"type": "string", "format": "uuid"},
        },
        "Retry-After": {
            "description": "Seconds after which trying again makes sense",
            "schema": {"type": "integer", "minimum": 0},
        },
        "WWW-Authenticate": {
            "description": "`Bearer`",
            "schema": {"type": "string"},
        },
    })
}

/// Optional fields that an answer does hold as null (`api.md` §10).
const NULLS: [(&str, &str); 2] = [
    ("NodeStateExecution", "parameters"),
    ("SSEEventActionRequest", "parameters"),
];

/// What may be absent is never null in an answer, and the published contract knows no null for it in requests
/// either, though it is taken there.
fn forget_nulls(document: &mut Value) {
    let schemas = document["components"]["schemas"]
        .as_object_mut()
        .into_iter()
        .flatten();
    for (schema_name, schema) in schemas {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (name, field) in fields.into_iter().flatten() {
            if !required.contains(&json!(name)) && !NULLS.contains(&(schema_name, name)) {
                forget_null(field);
            }
        }
    }
}

fn forget_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            schema["type"] = only.clone();
        }
    }
    let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) else {
        return;
    };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = &choices[..] {
        let mut only: Map<String, Value> = only.clone();
        let fields = schema.as_object_mut().expect("a schema is an object");
        fields.shift_remove("oneOf");
        only.extend(std::mem::take(fields));
        *schema = Value::Object(only);
    }
}

/// The names of the schemas that a value refers to.
#[cfg(test)]
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|path| path.strip_prefix("#/components/schemas/"));
            let inner = fields.values().flat_map(references);
            own.map(str::to_owned).into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
