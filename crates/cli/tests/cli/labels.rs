//! The `label` family.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Server, exchange};
use serde_json::{Value, json};

const AT: &str = "2026-01-01T00:00:00Z";

fn definition() -> Value {
    json!({"id": EXECUTION, "scope": "project", "scope_id": PROJECT, "local_key": "tier",
        "qualified_key": "acme:web/tier", "value_schema": {"kind": "enum", "values": ["gold"]},
        "applicable_kinds": ["node"], "on_delete": "block", "cardinality": 1, "immutable": false,
        "cloud_tag_propagation": false, "created_by": "user", "created_at": AT, "updated_at": AT})
}

#[test]
fn definitions_speak_their_operations() {
    let path = "/v1/label-definitions";
    for (line, request) in [
        (
            format!("label definition create --scope project:{PROJECT} --key tier"),
            format!(
                r#"POST {path} {{"scope":"project","scope_id":"{PROJECT}","local_key":"tier","value_schema":{{"kind":"string"}},"applicable_kinds":["node","project"]}}"#
            ),
        ),
        (
            "label definition create --scope platform --key n --value-kind numeric --min -1 --applies-to node \
             --required --default-json 3 --immutable --on-delete orphan --cardinality 0"
                .to_owned(),
            format!(
                r#"POST {path} {{"scope":"platform","local_key":"n","value_schema":{{"kind":"numeric","min":-1}},"applicable_kinds":["node"],"required":true,"default_value":3,"immutable":true,"on_delete":"orphan","cardinality":0}}"#
            ),
        ),
        (
            format!("label definition get {EXECUTION}"),
            format!("GET {path}/{EXECUTION}"),
        ),
        (
            format!("label definition update {EXECUTION} --value-kind enum --word a --word b --no-default"),
            format!(
                r#"PATCH {path}/{EXECUTION} {{"value_schema":{{"kind":"enum","values":["a","b"]}},"default_value":null}}"#
            ),
        ),
    ] {
        let (asked, ran) = exchange(&line, &definition());
        assert!(ran.is_fine() && ran.text().contains("acme:web/tier"), "{line} {ran:?}");
        assert_eq!(asked, [request], "{line}");
    }
    let list = format!("label definition list --scope domain:{NODE} --limit 3");
    let (asked, ran) = exchange(&list, &json!({"items": [definition()], "next_cursor": "c"}));
    assert_eq!(asked, [format!("GET {path}?scope=domain%3A{NODE}&limit=3")]);
    assert!(
        ran.text().contains("enum") && ran.text().ends_with("next_cursor: c\n"),
        "{ran:?}"
    );
    let server = Server::always(Answer::new("204 No Content", &[], ""));
    let operator = Operator::of(&server);
    operator
        .run(&format!("label definition delete {EXECUTION}"))
        .assert_failed(2);
    let ran = operator.run(&format!("label definition delete {EXECUTION} --yes"));
    assert!(
        ran.is_fine() && ran.text() == format!("deleted {EXECUTION}\n"),
        "{ran:?}"
    );
    assert_eq!(server.lines(), [format!("DELETE {path}/{EXECUTION}")]);
}

#[test]
fn bad_input_never_leaves_the_machine() {
    let server = Server::always(Answer::json(&definition()));
    let operator = Operator::of(&server);
    for line in [
        "label definition list --scope galaxy".to_owned(),
        "label definition create --scope platform".to_owned(),
        "label definition create --scope platform --key k --pattern x".to_owned(),
        "label definition create --scope platform --key k --value-kind colour".to_owned(),
        "label definition create --scope platform --key k --default-json {".to_owned(),
        format!("label definition update {EXECUTION}"),
        format!("label set workload {NODE} a=b"),
        format!("label set node {NODE} a"),
        format!("label set node {NODE} a={{ --json"),
        format!("label list node {NODE} --cursor x"),
        "label search".to_owned(),
    ] {
        operator.run(&line).assert_failed(2);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn labels_of_any_object_are_set_listed_and_removed() {
    let label = json!({"definition_id": EXECUTION, "qualified_key": "acme:web/tier", "object_kind": "project",
        "object_id": PROJECT, "value": 3, "assigned_by": "user", "assigned_at": AT});
    let path = format!("/v1/objects/project/{PROJECT}/labels");
    let (asked, ran) = exchange(&format!("label set project {PROJECT} tier=3 --json"), &label);
    assert_eq!(asked, [format!(r#"PUT {path} {{"key":"tier","value":3}}"#)]);
    assert!(ran.is_fine() && ran.text() == "acme:web/tier=3\n", "{ran:?}");
    let (asked, _) = exchange(&format!("label set project {PROJECT} tier=3"), &label);
    assert_eq!(asked, [format!(r#"PUT {path} {{"key":"tier","value":"3"}}"#)]);
    let mut orphan = label.clone();
    orphan["qualified_key"] = json!("acme/old\u{1b}[2J");
    orphan.as_object_mut().unwrap().remove("definition_id");
    let both = json!({"items": [label, orphan]});
    let list = format!("label list project {PROJECT}");
    let (asked, ran) = exchange(&format!("{list} --effective"), &both);
    assert_eq!(asked, [format!("GET {path}?effective=true")]);
    assert!(
        ran.text().contains("orphaned") && !ran.text().contains('\u{1b}'),
        "{ran:?}"
    );
    let (_, ran) = exchange(&format!("{list} --limit 1 --output json"), &both);
    assert_eq!(ran.json()["items"].as_array().map(Vec::len), Some(1));
    let (asked, ran) = exchange(
        &format!("label remove project {PROJECT} tier --output json"),
        &both,
    );
    let key = "acme%3Aweb%2Ftier";
    assert_eq!(
        asked,
        [
            format!("GET {path}"),
            format!("DELETE {path}?qualified_key={key}")
        ]
    );
    assert_eq!(ran.json()["removed"], json!(["acme:web/tier"]));
}

#[test]
fn a_selector_is_explained_or_its_fault_is_marked() {
    let ast = json!({"ast": {"op": "and", "children": [
        {"op": "eq", "key": "env", "value": "prod"}, {"op": "absent", "key": "old"}]}});
    let server = Server::always(Answer::json(&ast));
    let ran = Operator::of(&server).run("label preview env=prod,!old");
    assert!(
        ran.is_fine() && ran.text() == "env is \"prod\"\nold is absent\n",
        "{ran:?}"
    );
    assert_eq!(server.asked()[0].body, r#"{"expression":"env=prod,!old"}"#);
    let fault = json!({"errors": [{"position": 4, "message": "expected a value"}]});
    let (_, ran) = exchange("label preview env=", &fault);
    assert_eq!(
        (ran.code, ran.text()),
        (Some(1), "env=\n    ^ expected a value\n")
    );
    assert!(
        ran.stderr.starts_with("error: ") && ran.stderr.contains("at byte 4"),
        "{ran:?}"
    );
    let (_, ran) = exchange("label preview env= --output json", &fault);
    assert_eq!(ran.json(), fault);
}

#[test]
fn a_search_threads_its_cursor_through_the_body() {
    let page = |ids: &[&str], next: &str| {
        let items: Vec<_> = ids.iter().map(|id| json!({"kind": "node", "id": id})).collect();
        Answer::json(&json!({"items": items, "next_cursor": next, "correlation_id": "c"}))
    };
    let server = Server::answering(move |asked, _| {
        if asked.body.contains("\"cursor\":\"two\"") {
            page(&[PROJECT], "")
        } else {
            page(&[NODE], "two")
        }
    });
    let operator = Operator::of(&server);
    let line = format!("label search --selector env=prod --scope domain:{NODE} --kind node --limit 1");
    let ran = operator.run(&line);
    assert!(
        ran.is_fine() && ran.text().ends_with("next_cursor: two\n"),
        "{ran:?}"
    );
    let first = format!(
        r#"{{"selector":"env=prod","relation":"read","scope":"domain","scope_id":"{NODE}","kind":"node","limit":1}}"#
    );
    assert_eq!(server.asked()[0].body, first);
    let ran = operator.run(&format!("{line} --cursor two"));
    assert!(
        ran.text().contains(PROJECT) && !ran.text().contains("next_cursor"),
        "{ran:?}"
    );
    let ran = operator.run(&format!("{line} --all --output json"));
    assert_eq!(ran.json()["items"].as_array().map(Vec::len), Some(2), "{ran:?}");
}
