//! Holds every answer of the route tests to the document: its status, code, headers and body are documented there.

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The document as it is served.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&crate::http::openapi_json()).expect("the document is JSON"));

/// An operation of the document.
pub(crate) struct Operation {
    /// `get`, `post` and so on.
    pub(crate) method: &'static str,
    /// The path with its parameters' names.
    pub(crate) template: &'static str,
    /// What the document says of it.
    pub(crate) fields: &'static Value,
}

impl Operation {
    /// All of them, in the document's order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
        paths.iter().flat_map(|(template, item)| {
            let methods = item.as_object().expect("a path has operations");
            methods.iter().map(|(method, fields)| Self {
                method,
                template,
                fields,
            })
        })
    }

    /// The one with that id.
    pub(crate) fn named(id: &str) -> Self {
        let mut all = Self::all();
        all.find(|known| known.id() == id)
            .unwrap_or_else(|| panic!("there is no operation {id}"))
    }

    /// Its id.
    pub(crate) fn id(&self) -> &'static str {
        self.fields["operationId"]
            .as_str()
            .expect("every operation has an id")
    }

    /// The operation at a path; of two templates that fit, as `…/dispatch` and `…/{id}`, that with fewer parameters.
    fn of(method: &str, path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        let fitting = || Self::all().filter(|known| fits(known.template, path));
        let closest = fitting()
            .map(|known| known.template)
            .min_by_key(|known| known.matches('{').count())?;
        fitting().find(|known| known.template == closest && known.method.eq_ignore_ascii_case(method))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(known, segment)| known.starts_with('{') && !segment.is_empty() || known == segment)
}

/// Asserts that an answer is one that the document describes.
#[track_caller]
pub(crate) fn assert_described(
    (method, path): (&str, &str),
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) {
    // What is no operation is answered by nobody's document; its problems have tests of their own.
    let Some(operation) = Operation::of(method, path) else {
        return;
    };
    if let Err(fault) = described(&operation, status, headers, body) {
        let body = String::from_utf8_lossy(body);
        panic!(
            "{}: {method} {path} was answered {status}, {fault}: {body}",
            operation.id()
        );
    }
}

fn described(
    operation: &Operation,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), String> {
    let response = &operation.fields["responses"][status.as_str()];
    if response.is_null() {
        return Err("a status that is not documented".to_owned());
    }
    described_headers(response, headers)?;
    let Some(content) = response["content"].as_object() else {
        let is_empty = body.is_empty();
        return is_empty
            .then_some(())
            .ok_or("a body where none is documented".to_owned());
    };
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    let kind = content.get(essence);
    let schema = &kind.ok_or_else(|| format!("an undocumented media type {media_type:?}"))?["schema"];
    if essence != "application/json" && essence != "application/problem+json" {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    fits_schema(schema, &body, "")?;
    if essence == "application/problem+json" {
        let codes = response["x-problem-codes"]
            .as_array()
            .ok_or("a status without codes")?;
        if !codes.contains(&body["code"]) {
            return Err(format!("a code that is not documented ({})", body["code"]));
        }
    }
    Ok(())
}

fn described_headers(response: &'static Value, headers: &HeaderMap) -> Result<(), String> {
    let documented = response["headers"].as_object();
    for (name, header) in documented.into_iter().flatten() {
        if resolve(header)["required"] == true && !headers.contains_key(name) {
            return Err(format!("without the header {name}"));
        }
    }
    for name in [
        "location",
        "sunset",
        "retry-after",
        "www-authenticate",
        "set-cookie",
    ] {
        let is_known =
            documented.is_some_and(|known| known.keys().any(|known| known.eq_ignore_ascii_case(name)));
        if headers.contains_key(name) && !is_known {
            return Err(format!("with a header that is not documented ({name})"));
        }
    }
    Ok(())
}

/// What a reference stands for.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    let path = value["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.map_or(value, |path| DOCUMENT.pointer(path).unwrap_or(&Value::Null))
}

fn fits_schema(schema: &'static Value, value: &Value, place: &str) -> Result<(), String> {
    let schema = resolve(schema);
    let wrong = |what: &str| Err(format!("a body that is wrong at {place:?}: {what}"));
    for word in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[word].as_array() {
            let fits = choices
                .iter()
                .any(|choice| fits_schema(choice, value, place).is_ok());
            return if fits { Ok(()) } else { wrong("no choice fits") };
        }
    }
    if !of_type(&schema["type"], value) {
        return wrong("another type");
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|words| !words.contains(value))
    {
        return wrong("an unknown word");
    }
    match value {
        Value::Object(fields) => fields_fit(schema, fields, place),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| fits_schema(&schema["items"], item, &format!("{place}/{at}"))),
        Value::String(text) if !text_fits(schema, text) => wrong("a text out of form"),
        Value::Number(number) if !number_fits(schema, number.as_f64()) => wrong("a number out of bounds"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn of_type(expected: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    match expected {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

/// All that is required is there, and nothing is there that the schema does not know.
fn fields_fit(schema: &'static Value, fields: &Map<String, Value>, place: &str) -> Result<(), String> {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Err(format!("a body that is wrong at {place:?}: {name} is missing"));
        }
    }
    let known = schema["properties"].as_object();
    let others = &schema["additionalProperties"];
    for (name, value) in fields {
        let place = format!("{place}/{name}");
        match known.and_then(|known| known.get(name)) {
            Some(field) => fits_schema(field, value, &place)?,
            None if others.is_object() => fits_schema(others, value, &place)?,
            // Free-form.
            None if known.is_none() => {}
            None => return Err(format!("a field that is not documented ({place})")),
        }
    }
    Ok(())
}

fn text_fits(schema: &Value, text: &str) -> bool {
    let length = text.chars().count() as u64;
    let form = match schema["format"].as_str() {
        Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        Some("byte") => data_encoding::BASE64.decode(text.as_bytes()).is_ok(),
        _ => true,
    };
    form && schema["minLength"].as_u64().is_none_or(|least| length >= least)
        && schema["maxLength"].as_u64().is_none_or(|most| length <= most)
}

fn number_fits(schema: &Value, number: Option<f64>) -> bool {
    let Some(number) = number else { return false };
    schema["minimum"].as_f64().is_none_or(|least| number >= least)
        && schema["maximum"].as_f64().is_none_or(|most| number <= most)
}

#[cfg(test)]
mod tests {
    use super::Operation;
    use super::described;
    use axum::http::{HeaderMap, HeaderValue, StatusCode};

    fn check(status: u16, body: &str) -> Result<(), String> {
        let operation = Operation::of("GET", "/v1/domains/0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3?x=y").unwrap();
        assert_eq!(operation.id(), "GetDomain");
        let media_type = if status < 300 {
            "application/json"
        } else {
            "application/problem+json"
        };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(media_type));
        headers.insert("x-correlation-id", HeaderValue::from_static("x"));
        described(
            &operation,
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
        )
    }

    const DOMAIN: &str = r#"{"id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3","name":"a","slug":"a","mesh_cidr":"10.0.0.0/16",
        "reachability":{"heartbeat_interval":"30s","stale_after":"90s","unreachable_after":"300s"},
        "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn an_answer_of_the_document_passes() {
        check(200, DOMAIN).unwrap();
    }

    #[test]
    fn what_the_document_does_not_say_is_found() {
        for (what, body) in [
            ("missing", DOMAIN.replace("\"slug\":\"a\",", "")),
            (
                "not documented",
                DOMAIN.replace("\"slug\"", "\"more\":1,\"slug\""),
            ),
            ("another type", DOMAIN.replace("\"slug\":\"a\"", "\"slug\":1")),
            ("out of form", DOMAIN.replace("0190a8b8-", "")),
        ] {
            let fault = check(200, &body).unwrap_err();
            assert!(fault.contains(what), "{fault}");
        }
        assert!(check(202, DOMAIN).unwrap_err().contains("status"));
        let problem = |code: &str| {
            format!(
                r#"{{"type":"","title":"","status":404,"detail":"","instance":"","code":"{code}","correlation_id":""}}"#
            )
        };
        check(404, &problem("domain_not_found")).unwrap();
        assert!(
            check(404, &problem("project_not_found"))
                .unwrap_err()
                .contains("code")
        );
    }
}
