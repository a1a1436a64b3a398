//! The other families: what they ask the server, and what they make of its answers.

use crate::actors::{Answer, EXECUTION, NODE, Operator, PROJECT, Server, exchange};
use serde_json::{Value, json};

const AT: &str = "2026-01-01T00:00:00Z";

fn node() -> Value {
    json!({"id": NODE, "domain_id": PROJECT, "name": "web-1", "created_at": AT, "labels": {"role": "web"},
        "reachability": {"state": "healthy", "changed_at": AT}, "binary_version": "0.1.0"})
}

#[test]
fn nodes_are_listed_by_filter() {
    let line = format!("node list --project {PROJECT} --selector role=web --limit 7");
    let (asked, ran) = exchange(&line, &json!({"items": [node()]}));
    assert_eq!(
        asked,
        [format!(
            "GET /v1/nodes?project_id={PROJECT}&selector=role%3Dweb&limit=7"
        )]
    );
    assert!(
        ran.is_fine() && ran.text().contains("role=web") && ran.text().contains("healthy"),
        "{ran:?}"
    );
}

#[test]
fn an_object_shows_every_member_known_or_not() {
    let mut answer = node();
    answer["brand_new"] = json!({"x": 1});
    for line in [format!("node get {NODE}"), format!("node get --id {NODE}")] {
        let (asked, ran) = exchange(&line, &answer);
        assert_eq!(asked, [format!("GET /v1/nodes/{NODE}")]);
        assert!(
            ran.is_fine() && ran.text().contains("brand_new:      {\"x\":1}\n"),
            "{ran:?}"
        );
    }
    let (_, ran) = exchange(&format!("node get {NODE} --output json"), &answer);
    assert_eq!(ran.json(), answer);
    let (_, ran) = exchange(&format!("node get {NODE}"), &json!({"id": NODE}));
    ran.assert_failed(1);
}

#[test]
fn what_cannot_be_undone_needs_a_yes() {
    for (line, request, verb) in [
        (
            format!("node revoke {NODE}"),
            format!("DELETE /v1/nodes/{NODE}"),
            "revoked",
        ),
        (
            format!("token revoke {NODE}"),
            format!("DELETE /v1/auth/tokens/{NODE}"),
            "revoked",
        ),
        (
            format!("bootstrap-token revoke --project {PROJECT} --id {NODE}"),
            format!("DELETE /v1/projects/{PROJECT}/bootstrap-tokens/{NODE}"),
            "revoked",
        ),
        (
            format!("rebac tuple delete {NODE}"),
            format!("DELETE /v1/authz/relation-tuples/{NODE}"),
            "deleted",
        ),
    ] {
        let server = Server::always(Answer::new("204 No Content", &[], ""));
        let operator = Operator::of(&server);
        let refused = operator.run(&line);
        refused.assert_failed(2);
        assert!(refused.stderr.contains("--yes"), "{refused:?}");
        assert!(server.asked().is_empty());
        let ran = operator.run(&format!("--yes {line}"));
        assert!(
            ran.is_fine() && ran.text() == format!("{verb} {NODE}\n"),
            "{ran:?}"
        );
        let json = operator.run(&format!("{line} --yes --output json")).json();
        assert_eq!(json, json!({"id": NODE, "result": verb}));
        assert_eq!(server.lines(), [request.clone(), request]);
    }
}

#[test]
fn labels_are_set_and_removed() {
    let server = Server::answering(|asked, _| match asked.line.split(' ').next() {
        Some("PUT") => {
            let body: Value = serde_json::from_str(&asked.body).expect("JSON");
            let key = format!("acme:web/{}", body["key"].as_str().expect("a key"));
            Answer::json(&json!({"qualified_key": key, "value": body["value"]}))
        }
        Some("GET") => Answer::json(&json!({"items": [{"qualified_key": "acme:web/role"}]})),
        _ => Answer::new("204 No Content", &[], ""),
    });
    let operator = Operator::of(&server);
    let set = operator.run(&format!("node label set {NODE} role=web tier="));
    assert!(
        set.is_fine() && set.text() == "acme:web/role=web\nacme:web/tier=\n",
        "{set:?}"
    );
    assert_eq!(server.asked()[0].body, r#"{"key":"role","value":"web"}"#);
    let removed = operator.run(&format!("node label remove {NODE} role"));
    assert!(removed.is_fine(), "{removed:?}");
    let path = format!("/v1/objects/node/{NODE}/labels");
    assert_eq!(
        server.lines().last(),
        Some(&format!("DELETE {path}?qualified_key=acme%3Aweb%2Frole"))
    );
    operator
        .run(&format!("node label remove {NODE} role nope"))
        .assert_failed(1);
    assert!(
        server.lines().last().is_some_and(|line| line.starts_with("GET ")),
        "nothing was removed"
    );
    operator
        .run(&format!("node label set {NODE} role"))
        .assert_failed(2);
}

#[test]
fn a_bootstrap_token_is_issued_by_the_defaults_and_shown_in_every_format() {
    let answer =
        json!({"token_id": NODE, "token": "psb_prod_x_node_secret", "issued_at": AT, "expires_at": AT});
    for format in ["text", "json", "yaml"] {
        let line = format!("bootstrap-token issue --project {PROJECT} --label role=web --output {format}");
        let (asked, ran) = exchange(&line, &answer);
        let body = r#"{"kind":"node","env_prefix":"prod","ttl_seconds":3600,"labels":{"role":"web"}}"#;
        assert_eq!(
            asked,
            [format!("POST /v1/projects/{PROJECT}/bootstrap-tokens {body}")]
        );
        assert!(
            ran.is_fine() && ran.text().contains("psb_prod_x_node_secret"),
            "{ran:?}"
        );
    }
}

#[test]
fn an_api_token_is_issued_for_oneself_unless_another_is_named() {
    let server = Server::answering(|asked, _| match asked.line.as_str() {
        "GET /v1/auth/whoami" => Answer::json(&json!({"principal_type": "user", "subject": NODE})),
        _ => Answer::json(
            &json!({"id": NODE, "plaintext": "psk_prod_new", "env_prefix": "prod", "expires_at": AT}),
        ),
    });
    let operator = Operator::of(&server);
    let ran = operator.run("token issue");
    assert!(ran.is_fine() && ran.text().contains("psk_prod_new"), "{ran:?}");
    assert!(
        operator
            .run(&format!(
                "token issue --service {EXECUTION} --ttl-seconds 60 --env-prefix dev"
            ))
            .is_fine()
    );
    let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        bodies[1],
        format!(r#"{{"identity_ref":"user:{NODE}","env_prefix":"prod"}}"#)
    );
    assert_eq!(
        bodies[2],
        format!(r#"{{"identity_ref":"service:{EXECUTION}","env_prefix":"dev","ttl_seconds":60}}"#)
    );
}

#[test]
fn the_list_of_tokens_has_one_page() {
    let token = |id: &str| json!({"id": id, "env_prefix": "dev", "created_at": AT, "expires_at": AT});
    let answer = json!([token(NODE), token(EXECUTION)]);
    let (_, ran) = exchange("token list", &answer);
    assert!(ran.is_fine() && ran.text().lines().count() == 3, "{ran:?}");
    let (_, ran) = exchange("token list --output json --limit 1", &answer);
    assert_eq!(ran.json(), json!([token(NODE)]));
    let (asked, ran) = exchange("token list --cursor x", &answer);
    ran.assert_failed(2);
    assert!(asked.is_empty());
}

#[test]
fn a_hook_is_accepted_by_digest_or_after_a_look() {
    let hook = json!({"node_id": NODE, "node_name": "web-1", "name": "rotate", "status": "drifted",
        "pinned_checksum": "old=", "declared_checksum": "new=", "pinned_at": AT});
    let image = json!({"node_id": NODE, "domain_id": NODE, "name": "scan", "image_digest": "sha256:new",
        "image_digest_match": false, "pinned_image_digest": "sha256:old"});
    let reply = hook.clone();
    let server = Server::answering(move |asked, _| match asked.line.as_str() {
        line if line.starts_with("POST") => Answer::json(&reply),
        line if line.contains("/v1/hooks") => Answer::json(&json!({"items": [&image]})),
        _ => Answer::json(&json!({"items": [&reply]})),
    });
    let operator = Operator::of(&server);
    let line = format!("hook accept --project {PROJECT} --node {NODE} --name rotate");
    let refused = operator.run(&line);
    refused.assert_failed(2);
    assert!(
        refused.stderr.contains("new=") && refused.stderr.contains("old="),
        "{refused:?}"
    );
    assert!(operator.run(&format!("{line} --yes")).is_fine());
    assert!(operator.run(&format!("{line} --checksum seen=")).is_fine());
    let line = format!("hook accept --project {PROJECT} --node {NODE} --name scan");
    let refused = operator.run(&line);
    refused.assert_failed(2);
    assert!(
        refused.stderr.contains("sha256:new") && refused.stderr.contains("sha256:old"),
        "{refused:?}"
    );
    assert!(operator.run(&format!("{line} --yes")).is_fine());
    let posts: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.line.starts_with("POST"))
        .collect();
    assert!(posts[0].body.contains("\"new=\"") && posts[1].body.contains("\"seen=\""));
    assert!(posts[2].body.contains("\"sha256:new\""));
    operator
        .run(&format!(
            "hook accept --project {PROJECT} --node {NODE} --name nope --yes"
        ))
        .assert_failed(1);
    let (asked, ran) = exchange(
        &format!("hook list --project {PROJECT} --node {NODE}"),
        &json!({"items": [hook]}),
    );
    assert_eq!(
        asked,
        [format!("GET /v1/projects/{PROJECT}/node-hooks?node_id={NODE}")]
    );
    assert!(ran.text().contains("drifted"), "{ran:?}");
}

#[test]
fn kubernetes_hooks_are_listed_with_every_filter() {
    let hook = json!({"node_id": NODE, "domain_id": NODE, "name": "backup", "image_digest": "sha256:new",
        "image_digest_match": false, "pinned_image_digest": "sha256:old"});
    let (asked, ran) = exchange(
        &format!("hook catalogue --domain {NODE} --project {PROJECT} --match false --limit 5"),
        &json!({"items": [hook]}),
    );
    assert_eq!(
        asked,
        [format!(
            "GET /v1/hooks?domain_id={NODE}&project_id={PROJECT}&image_digest_match=false&limit=5"
        )]
    );
    assert!(
        ran.text().contains("sha256:old") && ran.text().contains("false"),
        "{ran:?}"
    );
    let (asked, ran) = exchange("hook catalogue --match maybe", &json!({}));
    ran.assert_failed(2);
    assert!(asked.is_empty());
}

#[test]
fn capabilities_are_listed_with_their_verdict() {
    let row = json!({"node_id": NODE, "domain_id": NODE, "binary_version": "1.2", "status": "drift",
        "reported_at": AT, "builtin_actions": [{"name": "probe"}], "declared_hooks": []});
    let (asked, ran) = exchange(
        &format!("capability list --project {PROJECT} --node {NODE} --status drift"),
        &json!({"items": [row]}),
    );
    assert_eq!(
        asked,
        [format!(
            "GET /v1/projects/{PROJECT}/capabilities?node_id={NODE}&status=drift"
        )]
    );
    assert!(ran.text().contains("drift"), "{ran:?}");
    let (_, ran) = exchange(
        &format!("capability list --project {PROJECT} --status odd"),
        &json!({}),
    );
    ran.assert_failed(2);
}

#[test]
fn violations_are_listed_and_acknowledged() {
    let row = json!({"id": EXECUTION, "node_id": NODE, "domain_id": NODE, "kind": "hook", "status": "open",
        "artifact_id": "rotate\u{1b}[2J", "detected_at": AT});
    let (asked, ran) = exchange(
        &format!(
            "integrity list --domain {NODE} --project {PROJECT} --node {NODE} --kind hook --status open"
        ),
        &json!({"items": [row]}),
    );
    assert_eq!(
        asked,
        [format!(
            "GET /v1/integrity-violations?domain_id={NODE}&project_id={PROJECT}&node_id={NODE}&kind=hook&status=open"
        )]
    );
    assert!(
        ran.text().contains("rotate") && !ran.text().contains('\u{1b}'),
        "{ran:?}"
    );
    let (asked, ran) = exchange(
        &format!("integrity acknowledge {EXECUTION} --reason upgraded"),
        &row,
    );
    assert_eq!(
        asked,
        [format!(
            r#"POST /v1/integrity-violations/{EXECUTION}/acknowledge {{"reason":"upgraded"}}"#
        )]
    );
    assert!(ran.is_fine(), "{ran:?}");
    let (asked, ran) = exchange(&format!("integrity acknowledge {EXECUTION}"), &json!({}));
    ran.assert_failed(2);
    assert!(asked.is_empty());
}

#[test]
fn capacity_is_a_line_for_each_axis() {
    let snapshot = json!({"sampled_at": AT, "dimensions": [
        {"dimension": "nodes", "unit": "count", "used": 127, "target": 254, "ratio": 0.5},
        {"dimension": "sse_fanout", "unit": "events_per_second", "used": 2.5, "target": 0, "ratio": 0},
    ]});
    let line = format!("capacity --domain {NODE}");
    let (asked, ran) = exchange(&line, &snapshot);
    assert_eq!(asked, [format!("GET /v1/domains/{NODE}/capacity")]);
    assert!(
        ran.text().contains("0.500") && ran.text().contains("sampled_at: "),
        "{ran:?}"
    );
    let (_, ran) = exchange(&format!("{line} --output json"), &snapshot);
    assert_eq!(ran.json(), snapshot);
}

#[test]
fn a_node_is_asked_to_change_its_key() {
    let (asked, ran) = exchange(&format!("node rotate-key {NODE}"), &json!({}));
    ran.assert_failed(2);
    assert!(asked.is_empty(), "nothing happens before a yes");
    let (asked, ran) = exchange(
        &format!("node rotate-key {NODE} --yes"),
        &json!({"node_id": NODE, "requested_at": AT}),
    );
    assert_eq!(asked, [format!("POST /v1/nodes/{NODE}/rotate-key")]);
    assert!(ran.text().contains("requested_at"), "{ran:?}");
}

#[test]
fn tenancy_and_relations_speak_their_operations() {
    let project = json!({"id": PROJECT, "domain_id": NODE, "name": "web", "slug": "web", "created_at": AT, "updated_at": AT});
    let (asked, ran) = exchange(&format!("project create --domain {NODE} --slug web"), &project);
    assert_eq!(
        asked,
        [format!(
            r#"POST /v1/projects {{"domain_id":"{NODE}","name":"web","slug":"web"}}"#
        )]
    );
    assert!(ran.is_fine(), "{ran:?}");
    let (asked, ran) = exchange(
        &format!("project list --domain {NODE}"),
        &json!({"items": [project]}),
    );
    assert_eq!(asked, [format!("GET /v1/projects?domain_id={NODE}")]);
    assert!(ran.is_fine(), "{ran:?}");

    let domain = json!({"id": NODE, "name": "acme", "slug": "acme", "mesh_cidr": "10.3.0.0/16", "reachability": {},
        "created_at": AT, "updated_at": AT});
    let (asked, ran) = exchange("domain create --slug acme", &domain);
    assert_eq!(asked, [r#"POST /v1/domains {"name":"acme","slug":"acme"}"#]);
    assert!(ran.is_fine(), "{ran:?}");
    let (_, ran) = exchange("domain list", &json!({"items": [domain]}));
    assert!(ran.is_fine() && ran.text().contains("10.3.0.0/16"), "{ran:?}");

    let tuple = json!({"id": EXECUTION, "subject": "user:u", "relation": "viewer", "resource": "project:p", "created_at": AT});
    let (asked, ran) = exchange(
        &format!(
            "rebac tuple add --project {PROJECT} --subject user:u --relation viewer --resource project:p"
        ),
        &tuple,
    );
    let body = r#"{"subject":"user:u","relation":"viewer","resource":"project:p"}"#;
    assert_eq!(
        asked,
        [format!(
            "POST /v1/authz/relation-tuples?project_id={PROJECT} {body}"
        )]
    );
    assert!(ran.is_fine(), "{ran:?}");
    let (asked, _) = exchange(
        &format!("rebac tuple list --project {PROJECT} --limit 3"),
        &json!({"items": [tuple]}),
    );
    assert_eq!(
        asked,
        [format!(
            "GET /v1/authz/relation-tuples?project_id={PROJECT}&limit=3"
        )]
    );
}

#[test]
fn whoami_shows_what_the_server_says() {
    let (_, ran) = exchange("whoami", &json!({"principal_type": "service", "subject": NODE}));
    assert_eq!(
        ran.text(),
        format!("principal_type: service\nsubject:        {NODE}\n")
    );
}
