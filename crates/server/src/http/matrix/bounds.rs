//! The bounds that the document states are the bounds that hold: whatever is outside is refused.

use super::requests::Request;
use super::world::{Place, World};
use crate::http::contract::conformance::{Operation, resolve};
use serde_json::{Value, json};
use uuid::Uuid;

/// Who gets through an operation.
pub(super) fn insider(operation: &Operation) -> &'static str {
    let security = operation.fields["security"].as_array();
    let is_for_nodes = security.is_some_and(|callers| callers.contains(&json!({"nskBearer": []})));
    if is_for_nodes { "node" } else { "platform-admin" }
}

async fn refused(world: &World, operation: &Operation, request: &Request, what: &str) -> Option<String> {
    let caller = world.caller(insider(operation));
    let (status, _, body) = world.send(operation.method, &caller, request).await;
    let is_refused = [400, 413, 422].contains(&status.as_u16());
    let told = String::from_utf8_lossy(&body);
    (!is_refused).then(|| format!("{}: {what} was answered {status}: {told}", operation.id()))
}

#[tokio::test]
async fn a_body_outside_the_documented_bounds_is_refused() {
    assert_all_refused(wrong_bodies).await;
}

#[tokio::test]
async fn a_parameter_outside_the_documented_bounds_is_refused() {
    assert_all_refused(wrong_parameters).await;
}

/// What is wrong, and the request in which it is.
type Wrong = (String, Request);

async fn assert_all_refused(wrong: impl Fn(&Operation, &Request) -> Vec<Wrong>) {
    let (world, mut faults) = (World::start().await, Vec::new());
    for operation in Operation::all() {
        let valid = world.request(&operation, insider(&operation), Place::Own).await;
        for (what, request) in wrong(&operation, &valid) {
            faults.extend(refused(&world, &operation, &request, &what).await);
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The request with a parameter of path or query that is not as documented.
pub(super) fn wrong_parameters(operation: &Operation, valid: &Request) -> Vec<Wrong> {
    let mut all = Vec::new();
    let parameters = operation.fields["parameters"].as_array().into_iter().flatten();
    for parameter in parameters {
        let (name, schema) = (parameter["name"].as_str().unwrap(), resolve(&parameter["schema"]));
        for wrong in wrong_texts(schema) {
            let request = match parameter["in"].as_str() {
                Some("query") => valid.clone().with_query(name, &wrong),
                Some("path") => Request {
                    path: with_segment(operation.template, &valid.path, name, &wrong),
                    ..valid.clone()
                },
                _ => continue,
            };
            all.push((format!("{name}={wrong}"), request));
        }
        if parameter["in"] == "query" {
            let separator = if valid.path.contains('?') { '&' } else { '?' };
            let path = format!("{}{separator}{name}=1&{name}=1", valid.path);
            all.push((
                format!("{name} given twice"),
                Request {
                    path,
                    ..valid.clone()
                },
            ));
        }
    }
    all
}

/// The request with something in its body that is not as documented.
pub(super) fn wrong_bodies(operation: &Operation, valid: &Request) -> Vec<Wrong> {
    let schema = &operation.fields["requestBody"]["content"]["application/json"]["schema"];
    let Some(sent) = &valid.body else {
        return Vec::new();
    };
    let mut bodies = bodies(resolve(schema), sent);
    if operation.fields["requestBody"]["required"] != true {
        // Null is no body then.
        bodies.retain(|(what, _)| what != "null");
    }
    let with = |body| Request {
        body: Some(body),
        ..valid.clone()
    };
    bodies
        .into_iter()
        .map(|(what, body)| (what, with(body)))
        .collect()
}

fn with_segment(template: &str, path: &str, name: &str, value: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments = template.split('/').zip(path.split('/'));
    let segments = segments.map(|(known, segment)| {
        if known == format!("{{{name}}}") {
            value
        } else {
            segment
        }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    }
}

/// Texts that a parameter of that schema does not take.
fn wrong_texts(schema: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (_, Some("uuid")) => wrong.extend([
            "nope".to_owned(),
            Uuid::nil().to_string(),
            Uuid::now_v7().simple().to_string(),
        ]),
        (_, Some("date-time")) => wrong.extend(["yesterday".to_owned()]),
        (Some("integer"), _) => {
            wrong.extend([
                "x".to_owned(),
                "1.5".to_owned(),
                "99999999999999999999".to_owned(),
            ]);
            wrong.extend(schema["minimum"].as_i64().map(|least| (least - 1).to_string()));
            wrong.extend(schema["maximum"].as_i64().map(|most| (most + 1).to_string()));
        }
        (Some("boolean"), _) => wrong.extend(["maybe".to_owned()]),
        _ => {}
    }
    if schema["enum"].is_array() {
        wrong.extend(["no-such-word".to_owned(), String::new()]);
    }
    wrong
}

/// The valid body with one thing wrong, and what that is.
fn bodies(schema: &'static Value, valid: &Value) -> Vec<(String, Value)> {
    let mut wrong = vec![
        ("a list".to_owned(), json!([])),
        ("a text".to_owned(), json!("text")),
        ("null".to_owned(), json!(null)),
    ];
    let with = |name: &str, value: Value| {
        let mut body = valid.clone();
        body[name] = value;
        body
    };
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().shift_remove(name);
        wrong.push((format!("without {name}"), body));
        wrong.push((format!("{name}: null"), with(name, Value::Null)));
    }
    if schema["additionalProperties"] == false {
        wrong.push(("an unknown field".to_owned(), with("no_such_field", json!(1))));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        for value in wrong_values(resolve(field), &valid[name]) {
            let mut shown = value.to_string();
            shown.truncate(shown.floor_char_boundary(60));
            wrong.push((format!("{name}: {shown}"), with(name, value)));
        }
    }
    wrong
}

/// Values that a field of that schema does not take.
fn wrong_values(field: &'static Value, valid: &Value) -> Vec<Value> {
    let text = |length: u64| Value::from("a".repeat(length as usize));
    let mut wrong = Vec::new();
    match field["type"].as_str() {
        Some("string") => {
            wrong.push(json!(7));
            wrong.extend(field["maxLength"].as_u64().map(|most| text(most + 1)));
            wrong.extend(
                field["minLength"]
                    .as_u64()
                    .filter(|least| *least > 0)
                    .map(|least| text(least - 1)),
            );
            if field["pattern"].is_string() || field["enum"].is_array() || field["format"].is_string() {
                wrong.push(json!("No such\u{1} text!"));
            }
        }
        Some("integer") => {
            wrong.extend([json!("7"), json!(1.5)]);
            wrong.extend(field["minimum"].as_i64().map(|least| json!(least - 1)));
            wrong.extend(field["maximum"].as_i64().map(|most| json!(most + 1)));
        }
        Some("boolean") => wrong.push(json!("yes")),
        Some("array") => {
            wrong.push(json!({}));
            let item = valid.get(0).cloned().unwrap_or(json!("a"));
            let many = |count: u64| Value::Array(vec![item.clone(); count as usize]);
            wrong.extend(field["maxItems"].as_u64().map(|most| many(most + 1)));
            wrong.extend(
                field["minItems"]
                    .as_u64()
                    .filter(|least| *least > 0)
                    .map(|least| many(least - 1)),
            );
        }
        Some("object") => wrong.extend([json!("text"), json!([])]),
        _ => {}
    }
    wrong
}
