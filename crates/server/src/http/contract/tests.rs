use super::answers;
use super::conformance::{DOCUMENT, Operation, resolve};
use super::references;
use plex_api::codes;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_operation_has_its_row_of_codes() {
    let documented: BTreeSet<&str> = Operation::all().map(|operation| operation.id()).collect();
    let rows: Vec<&str> = answers::operations().collect();
    assert_eq!(documented.len(), Operation::all().count(), "an id stands twice");
    assert_eq!(
        rows.len(),
        rows.iter().collect::<BTreeSet<_>>().len(),
        "a row stands twice"
    );
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), documented);
}

#[test]
fn every_problem_names_its_codes_and_no_code_is_made_up() {
    for operation in Operation::all() {
        for (status, response) in operation.fields["responses"].as_object().unwrap() {
            let (id, number) = (operation.id(), status.parse::<u16>().unwrap());
            let codes = response["x-problem-codes"]
                .as_array()
                .map_or(&[][..], |codes| codes);
            assert_eq!(
                number >= 400 && (id, number) != ("GetHealth", 503),
                !codes.is_empty(),
                "{id} {status}"
            );
            for code in codes {
                assert!(
                    codes::ALL.contains(&code.as_str().unwrap()),
                    "{id} {status} {code}"
                );
            }
        }
    }
}

#[test]
fn every_code_belongs_to_an_operation_or_to_what_is_none() {
    // The fallback of all methods, and the presigned URLs.
    let others = [
        codes::LENGTH_REQUIRED,
        codes::METHOD_NOT_ALLOWED,
        codes::UPLOAD_ALREADY_USED,
        codes::UPLOAD_URL_INVALID,
    ];
    let responses = Operation::all().filter_map(|operation| operation.fields["responses"].as_object());
    let codes = responses.flat_map(|responses| responses.values());
    let codes = codes
        .filter_map(|response| response["x-problem-codes"].as_array())
        .flatten();
    let documented: BTreeSet<&str> = codes.filter_map(Value::as_str).collect();
    for code in codes::ALL {
        assert!(documented.contains(code) != others.contains(code), "{code}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let used: BTreeSet<String> = references(&DOCUMENT).into_iter().collect();
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let known: BTreeSet<String> = schemas.keys().cloned().collect();
    assert_eq!(used, known);
}

#[test]
fn every_parameter_of_a_path_is_documented() {
    for operation in Operation::all() {
        let named = |place: &str| -> BTreeSet<&str> {
            let parameters = operation.fields["parameters"].as_array().into_iter().flatten();
            let of_place = parameters.filter(|parameter| parameter["in"] == place);
            of_place
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect()
        };
        let segments = operation.template.split('/');
        let wanted = segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named("path"), wanted.collect(), "{}", operation.id());
    }
}

#[test]
fn operators_are_the_default_and_the_others_say_who_calls() {
    assert_eq!(
        DOCUMENT["security"],
        json!([{"sessionCookie": []}, {"operatorBearer": []}])
    );
    let schemes = DOCUMENT["components"]["securitySchemes"].as_object().unwrap();
    let schemes: BTreeSet<&str> = schemes.keys().map(String::as_str).collect();
    assert_eq!(
        schemes,
        BTreeSet::from(["nskBearer", "operatorBearer", "sessionCookie"])
    );
    let security = |id: &str| -> Value {
        let operation = Operation::all().find(|operation| operation.id() == id).unwrap();
        operation.fields["security"].clone()
    };
    assert_eq!(security("GetHealth"), json!([]));
    assert_eq!(security("CreateDomain"), Value::Null);
    assert_eq!(security("PostNodeHeartbeat"), json!([{"nskBearer": []}]));
}

#[test]
fn every_answer_has_its_correlation_id() {
    for operation in Operation::all() {
        for response in operation.fields["responses"].as_object().unwrap().values() {
            let header = resolve(&response["headers"]["X-Correlation-Id"]);
            assert_eq!(header["required"], true, "{}", operation.id());
        }
    }
}
