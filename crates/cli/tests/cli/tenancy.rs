//! Changing and deleting domains and projects.

use crate::actors::{Answer, NODE, Operator, PROJECT, Server};
use serde_json::{Value, json};

const AT: &str = "2026-01-01T00:00:00Z";

fn domain() -> Value {
    json!({"id": NODE, "name": "acme", "slug": "acme", "mesh_cidr": "10.3.0.0/16", "reachability": {},
        "created_at": AT, "updated_at": AT})
}

fn project() -> Value {
    json!({"id": PROJECT, "domain_id": NODE, "name": "web", "slug": "web", "created_at": AT, "updated_at": AT})
}

fn asked(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter();
    asked
        .map(|asked| format!("{} {}", asked.line, asked.body).trim_end().to_owned())
        .collect()
}

#[test]
fn an_update_sends_what_was_given_and_nothing_else() {
    let policy = r#"{"heartbeat_interval":"10s","stale_after":"30s","unreachable_after":"1m"}"#;
    for (line, answer, request) in [
        (
            format!("domain update {NODE} --name Acme --region="),
            domain(),
            format!(r#"PATCH /v1/domains/{NODE} {{"name":"Acme","region":""}}"#),
        ),
        (
            format!("domain update {NODE} --heartbeat-interval 10s --stale-after 30s --unreachable-after 1m"),
            domain(),
            format!(r#"PATCH /v1/domains/{NODE} {{"reachability":{policy}}}"#),
        ),
        (
            format!("domain update --id {NODE} --mesh-cidr 10.0.0.0/8"),
            domain(),
            format!(r#"PATCH /v1/domains/{NODE} {{"mesh_cidr":"10.0.0.0/8"}}"#),
        ),
        (
            format!("project update {PROJECT} --description= --sub-range-cidr 10.0.0.0/24"),
            project(),
            format!(r#"PATCH /v1/projects/{PROJECT} {{"description":"","sub_range_cidr":"10.0.0.0/24"}}"#),
        ),
        (
            format!("project update {PROJECT} --release-sub-range"),
            project(),
            format!(r#"PATCH /v1/projects/{PROJECT} {{"release_sub_range":true}}"#),
        ),
    ] {
        let server = Server::always(Answer::json(&answer));
        let ran = Operator::of(&server).run(&line);
        assert!(ran.is_fine(), "{line} {ran:?}");
        assert_eq!(asked(&server), [request], "{line}");
    }
}

#[test]
fn an_update_of_nothing_never_leaves_the_machine() {
    let server = Server::always(Answer::json(&domain()));
    let operator = Operator::of(&server);
    for line in [
        format!("domain update {NODE}"),
        format!("project update {PROJECT}"),
        "domain update --name x".to_owned(),
        format!("domain update {NODE} --stale-after 30s"),
        format!("project update {PROJECT} --release-sub-range --sub-range-cidr 10.0.0.0/24"),
    ] {
        operator.run(&line).assert_failed(2);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_deletion_needs_a_yes_and_says_what_is_in_its_way() {
    for (line, request, refusal, hint) in [
        (
            format!("domain delete {NODE}"),
            format!("DELETE /v1/domains/{NODE}"),
            json!({"code": "domain_not_empty", "detail": "not empty", "status": 409,
                "child_counts": {"projects": 2, "groups": 0, "identities": 0, "idp_bindings": 0, "nodes": 1}}),
            "hint: still there: 2 projects, 1 nodes",
        ),
        (
            format!("project delete {PROJECT}"),
            format!("DELETE /v1/projects/{PROJECT}"),
            json!({"code": "project_not_empty", "detail": "not empty", "status": 409,
                "project_child_counts": {"resources": 0, "nodes": 0, "relation_tuples": 3}}),
            "hint: still there: 3 relation tuples",
        ),
    ] {
        let server = Server::always(Answer::new("409 Conflict", &[], refusal.to_string()));
        let operator = Operator::of(&server);
        operator.run(&line).assert_failed(2);
        assert!(server.asked().is_empty(), "nothing is sent without a yes");
        let ran = operator.run(&format!("{line} --yes"));
        ran.assert_failed(1);
        assert!(ran.stderr.contains(hint), "{ran:?}");
        assert_eq!(server.lines(), std::slice::from_ref(&request));
        let server = Server::always(Answer::new("204 No Content", &[], ""));
        let ran = Operator::of(&server).run(&format!("{line} --yes"));
        assert!(ran.is_fine() && ran.text().starts_with("deleted "), "{ran:?}");
    }
}

#[test]
fn a_retention_is_set_whole_and_asks_before_anything_goes() {
    let server = Server::always(Answer::json(&json!({"max_age_days": 90})));
    let operator = Operator::of(&server);
    let set = |more: &str| operator.run(&format!("project retention set --project {PROJECT} {more}"));
    set("--max-age 90d").assert_failed(2);
    for more in [
        "",
        "--max-age 90",
        "--max-age 0d",
        "--max-count 0",
        "--forever --max-count 1",
    ] {
        set(more).assert_failed(2);
    }
    assert_eq!(asked(&server), [""; 0], "none of them left the machine");
    assert_eq!(
        set("--max-age 90d --yes").text(),
        "max_age:   90d\nmax_count: all\n"
    );
    assert!(set("--max-count 1000000 --yes").is_fine());
    assert!(set("--forever").is_fine());
    let shown = operator.run(&format!(
        "project retention show --project {PROJECT} --output json"
    ));
    assert_eq!(shown.json(), json!({"max_age_days": 90}));
    let path = format!("/v1/projects/{PROJECT}/retention");
    let expected = [
        format!(r#"PUT {path} {{"max_age_days":90}}"#),
        format!(r#"PUT {path} {{"max_count":1000000}}"#),
        format!("PUT {path} {{}}"),
        format!("GET {path}"),
    ];
    assert_eq!(asked(&server), expected);
}
