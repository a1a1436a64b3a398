//! Parameters reach the node token by token as sent, and secret ones nobody else (decisions 5 and 8).

use plex_api::paths;
use plex_tests::{Agent, ControlPlane, Manifest, Operator, SimulatedNode};
use serde_json::json;
use uuid::Uuid;

/// Dispatches with this very text as `parameters`.
fn dispatch(operator: &Operator, node: Uuid, parameters: &str) -> plex_tests::Answer {
    let body = format!(r#"{{"action":"probe","node_id":"{node}","parameters":{parameters}}}"#);
    operator.post_raw(&paths::dispatch(operator.project_id), body.as_bytes(), &[])
}

#[test]
fn every_token_arrives_as_it_was_spelled() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let project = admin.project_id.to_string();
    let mut stream = node.events();
    for (sent, received) in [
        (r#"{"n":1.0}"#, r#"{"n":1.0}"#),
        (
            r#"{"n":1e2,"m":-0,"k":1E+400,"j":0.10}"#,
            r#"{"n":1e2,"m":-0,"k":1E+400,"j":0.10}"#,
        ),
        (r#"{"n":9223372036854775808}"#, r#"{"n":9223372036854775808}"#),
        (
            r#"{"n":123456789012345678901234567890}"#,
            r#"{"n":123456789012345678901234567890}"#,
        ),
        (
            r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#,
            r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#,
        ),
        (
            "{ \"a\" :\t[ 1 ,\n2 ] , \"b\" : \" kept \" }",
            r#"{"a":[1,2],"b":" kept "}"#,
        ),
        (r#"{"s":"<&>"}"#, r#"{"s":"\u003c\u0026\u003e"}"#),
        ("{\"s\":\"\u{2028}\u{2029}\"}", r#"{"s":"\u2028\u2029"}"#),
        (
            r#"{"s":"\u0041\/\n","é":"日本"}"#,
            r#"{"s":"\u0041\/\n","é":"日本"}"#,
        ),
        ("{}", "{}"),
    ] {
        // Not every reader takes every number, so the id is cut out of the text.
        let id = dispatch(&admin, node.id, sent).expect(201).text()[r#"{"id":""#.len()..][..36].to_owned();
        let pulled = node.state().expect(200).text();
        assert!(
            pulled.contains(&format!("\"parameters\":{received}")),
            "{sent}: {pulled}"
        );
        let frame = loop {
            let frame = stream.frame().expect("the stream stays open");
            if frame.data.contains(&id) {
                break frame;
            }
        };
        let wanted = format!("\"parameters\":{received},");
        assert!(frame.data.contains(&wanted), "{sent}: {}", frame.data);
        let shown = admin
            .plexctl(&[
                "exec-log",
                "get",
                "--project",
                &project,
                "--id",
                &id,
                "--output",
                "json",
            ])
            .expect(0);
        let as_sent = received
            .replace(r"\u003c", "<")
            .replace(r"\u0026", "&")
            .replace(r"\u003e", ">");
        let as_sent = as_sent
            .replace(r"\u2028", "\u{2028}")
            .replace(r"\u2029", "\u{2029}");
        let shown = shown.text();
        assert!(
            [received, &as_sent].iter().any(|text| shown.contains(*text)),
            "{sent}: {shown}"
        );
        node.succeed(id.parse().unwrap(), b"");
    }
    let none = admin.dispatch(node.id, "probe");
    assert!(
        node.state().expect(200).text().contains("\"parameters\":null"),
        "{none}"
    );
    assert_eq!(admin.execution(none).get("parameters"), None);
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for parameters in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":[{"a":1,"a":2}]}"#,
        r#"{"s":"\u0000"}"#,
        r#"{"\u0000":1}"#,
        r#"{"s":"\ud800"}"#,
        r#"{"s":"\udc00\ud800"}"#,
        "[]",
        "1",
        "\"text\"",
        r#"{"a":01}"#,
        r#"{"a":+1}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        "{\"a\":\"\u{1}\"}",
        &deep,
    ] {
        let answer = dispatch(&admin, node.id, parameters);
        assert_eq!(answer.refusal(), (400, "invalid_body".to_owned()), "{parameters}");
    }
    dispatch(&admin, node.id, r#"{"s":"\ud83d\ude00"}"#).expect(201);
}

const SECRET: &str = "correct-horse-battery";

#[test]
fn a_secret_is_masked_for_everybody_but_the_node() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let labels = json!({"tier": "db"});
    let knows = SimulatedNode::labelled(&control_plane, "knows", &labels);
    let unaware = SimulatedNode::labelled(&control_plane, "unaware", &labels);
    let declared = json!([{"name": "password", "secret": true}, {"name": "user"}]);
    knows
        .capabilities(&Manifest::of(&["probe"]).action("rotate", declared))
        .expect(200);
    unaware
        .capabilities(&Manifest::of(&["probe", "rotate"]))
        .expect(200);
    // One target's manifest suffices to make it secret for all.
    let parameters = json!({"user": "app", "password": SECRET, "nested": {"password": "not-top-level"}});
    let body = json!({"action": "rotate", "selector": "tier=db", "parameters": parameters});
    let masked = json!({"user": "app", "password": "***", "nested": {"password": "not-top-level"}});
    let answer = admin.post(&paths::dispatch(admin.project_id), &body).expect(201);
    assert_eq!(answer.json()["parameters"], masked);
    assert!(!answer.text().contains(SECRET));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let project = admin.project_id.to_string();
    for reader in [&admin, &admin.with_role("viewer"), &admin.with_role("operator")] {
        for words in [
            &[
                "exec-log",
                "get",
                "--project",
                &project,
                "--id",
                &id,
                "--output",
                "json",
            ][..],
            &[
                "exec-log",
                "get",
                "--project",
                &project,
                "--id",
                &id,
                "--output",
                "json",
                "--reveal-secrets",
            ],
            &["exec-log", "list", "--project", &project, "--output", "json"],
            &["action", "get", "--project", &project, "--id", &id],
        ] {
            let ran = reader.plexctl(words).expect(0);
            assert!(!ran.text().contains(SECRET), "{words:?}");
        }
        assert_eq!(reader.execution(id.parse().unwrap())["parameters"], masked);
    }
    for node in [&knows, &unaware] {
        assert_eq!(
            node.state().expect(200).json()["executions"][0]["parameters"],
            parameters
        );
        assert!(node.events().frame().unwrap().data.contains(SECRET));
    }
    assert!(!control_plane.log().contains(SECRET));
}

#[test]
fn a_hook_gets_its_secret_by_descriptor_and_the_rest_by_variable() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "db-1");
    let admin = control_plane.admin();
    let script = "#!/bin/sh\nprintf '%s|%s|%s|' \"$PLEXD_PARAM_USER\" \"$PLEXD_PARAM_COUNT\" \"${PLEXD_PARAM_PASSWORD-unset}\"\n\
                  case $PLEXD_PARAM_PASSWORD_FILE in /dev/fd/*) printf 'fd|';; esac\ncat \"$PLEXD_PARAM_PASSWORD_FILE\"\n";
    let sidecar = json!({
        "description": "rotates", "parameters": [{"name": "password", "secret": true}, {"name": "user"}, {"name": "count"}],
    });
    agent.hook_with("rotate", script, &sidecar);
    let body = json!({
        "action": "rotate", "type": "hook", "node_id": agent.node_id(),
        "parameters": {"user": "app user", "count": 3, "password": SECRET},
    });
    let execution = admin.dispatched(&body);
    let ended = admin.ended(execution);
    assert_eq!(ended["parameters"]["password"], "***");
    let output = plex_tests::from_base64(
        ended["targets"][0]["output_ref"]["inline_bytes"]
            .as_str()
            .unwrap(),
    );
    assert_eq!(
        String::from_utf8(output).unwrap(),
        format!("app user|3|unset|fd|{SECRET}"),
        "{ended}"
    );
    assert!(!agent.log().contains(SECRET) && !control_plane.log().contains(SECRET));
}

#[test]
fn a_hook_sees_parameters_as_variables_and_a_clean_environment() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "web-1");
    let admin = control_plane.admin();
    agent.hook("env", "#!/bin/sh\nexec env\n");
    let parameters = json!({"dry-run": true, "n": 1.5, "list": [1, "a"], "text": "a\nb", "none": null});
    let body = json!({"action": "env", "type": "hook", "node_id": agent.node_id(), "parameters": parameters});
    let execution = admin.dispatched(&body);
    let ended = admin.ended(execution);
    let output = plex_tests::from_base64(
        ended["targets"][0]["output_ref"]["inline_bytes"]
            .as_str()
            .unwrap(),
    );
    let output = String::from_utf8(output).unwrap();
    for line in [
        "PLEXD_PARAM_DRY_RUN=true",
        "PLEXD_PARAM_N=1.5",
        r#"PLEXD_PARAM_LIST=[1,"a"]"#,
        "PLEXD_PARAM_TEXT=a\nb",
        "PLEXD_PARAM_NONE=null",
        &format!("PLEXD_NODE_ID={}", agent.node_id()),
        &format!("PLEXD_EXECUTION_ID={execution}"),
    ] {
        assert!(
            format!("\n{output}").contains(&format!("\n{line}\n")),
            "{line}: {output}"
        );
    }
    let names = output
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    let foreign: Vec<_> = names
        .filter(|name| {
            !name.starts_with("PLEXD_")
                && ![
                    "PATH", "HOME", "PWD", "SHLVL", "_", "OLDPWD", "LANG", "LC_ALL", "TMPDIR",
                ]
                .contains(name)
        })
        .collect();
    assert_eq!(foreign, Vec::<&str>::new());
}
