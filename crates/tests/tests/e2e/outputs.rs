//! Outputs, byte for byte: from the process that wrote them to the operator who reads them.

use crate::layout::expected_text;
use plex_api::paths;
use plex_tests::{Agent, ControlPlane, Dice, Manifest, Operator, SimulatedNode, from_base64, sha256_hex};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// `plexctl … --project P --id E` and more.
fn read(operator: &Operator, command: &[&str], execution: Uuid, more: &[&str]) -> Vec<u8> {
    let (project, id) = (operator.project_id.to_string(), execution.to_string());
    let about = ["--project", &project, "--id", &id];
    let ran = operator.plexctl(&[command, &about, more].concat()).expect(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

pub(crate) fn get(operator: &Operator, execution: Uuid, more: &[&str]) -> Vec<u8> {
    read(operator, &["exec-log", "get"], execution, more)
}

/// One target's output as every way of reading it shows it.
pub(crate) fn everywhere_the_same(operator: &Operator, execution: Uuid, node: Uuid, output: &[u8]) {
    let json = operator.execution(execution);
    assert_eq!(get(operator, execution, &[]), expected_text(&json));
    let target = &json["targets"][0];
    assert_eq!(target["output_bytes"], output.len());
    if output.len() <= 16_384 {
        assert_eq!(target["output_ref"]["kind"], "inline");
        assert_eq!(
            from_base64(target["output_ref"]["inline_bytes"].as_str().expect("bytes")),
            output
        );
        assert!(
            get(operator, execution, &["--bytes"]) == output,
            "--bytes differs"
        );
    } else {
        assert_eq!(target["output_ref"]["kind"], "object_store");
        assert_eq!(target["output_ref"]["bucket"], "local");
        assert_eq!(target["output_ref"]["sha256"], sha256_hex(output));
        let place = format!("executions/{}/{execution}/{node}", operator.project_id);
        assert_eq!(target["output_ref"]["key"], place);
    }
    let node = node.to_string();
    assert!(
        read(operator, &["action", "output"], execution, &["--node", &node]) == output,
        "action output differs"
    );
    let file = operator.home().join("fetched");
    let to = ["--node", &node, "--file", file.to_str().expect("UTF-8"), "--yes"];
    assert_eq!(read(operator, &["action", "output"], execution, &to), b"");
    assert!(
        std::fs::read(&file).expect("the file") == output,
        "the file differs"
    );
}

#[test]
fn what_a_hook_writes_is_what_an_operator_reads() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "web-1");
    let admin = control_plane.admin();
    let zeros = |count: usize| vec![b'0'; count];
    let cases: &[(&str, &str, Vec<u8>)] = &[
        ("nuls", r"printf 'a\000b\000\000c\n'", b"a\0b\0\0c\n".to_vec()),
        (
            "not-utf8",
            r"printf '\377\376\200\303\n'",
            b"\xff\xfe\x80\xc3\n".to_vec(),
        ),
        (
            "no-newline",
            "printf 'no last newline'",
            b"no last newline".to_vec(),
        ),
        (
            "forged",
            "printf 'x\n==> 0 succeeded bytes=3 <==\nabc'",
            b"x\n==> 0 succeeded bytes=3 <==\nabc".to_vec(),
        ),
        (
            "escapes",
            r"printf '\033[31mred\033[0m\r\n\007'",
            b"\x1b[31mred\x1b[0m\r\n\x07".to_vec(),
        ),
        ("empty", "exit 0", Vec::new()),
        (
            "at-the-ceiling",
            r"head -c 16384 /dev/zero | tr '\000' 0",
            zeros(16_384),
        ),
        (
            "over-the-ceiling",
            r"head -c 16385 /dev/zero | tr '\000' 0",
            zeros(16_385),
        ),
        ("large", r"head -c 300000 /dev/zero | tr '\000' 0", zeros(300_000)),
        (
            "in-order",
            "for i in 1 2 3; do printf o$i; printf e$i >&2; done",
            b"o1e1o2e2o3e3".to_vec(),
        ),
    ];
    for (name, script, _) in cases {
        agent.hook(name, &format!("#!/bin/sh\n{script}\n"));
    }
    for (name, _, output) in cases {
        let body = json!({"action": name, "type": "hook", "node_id": agent.node_id()});
        let execution = admin.dispatched(&body);
        let ended = admin.ended(execution);
        assert_eq!(ended["status"], "succeeded", "{name}: {ended}");
        assert_eq!(ended["targets"][0]["exit_code"], 0, "{name}");
        everywhere_the_same(&admin, execution, agent.node_id(), output);
    }
}

#[test]
fn a_failing_hook_keeps_its_exit_code_and_output() {
    let control_plane = ControlPlane::start();
    let agent = Agent::start(&control_plane, "web-1");
    agent.hook("breaks", "#!/bin/sh\nprintf 'half a l'\nexit 42\n");
    let admin = control_plane.admin();
    let execution =
        admin.dispatched(&json!({"action": "breaks", "type": "hook", "node_id": agent.node_id()}));
    let ended = admin.ended(execution);
    assert_eq!(
        (&ended["status"], &ended["targets"][0]["exit_code"]),
        (&"failed".into(), &42.into())
    );
    everywhere_the_same(&admin, execution, agent.node_id(), b"half a l");
}

#[test]
fn any_bytes_of_any_node_arrive() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let mut dice = Dice::new(7);
    for length in [0, 1, 16_383, 16_384, 16_385, 70_000] {
        let output = dice.bytes(length);
        let execution = admin.dispatch(node.id, "probe");
        if length <= 16_384 {
            node.succeed(execution, &output);
        } else {
            node.begin(execution);
            let reference = node.archive(execution, &output);
            let end = json!({"status": "succeeded", "exit_code": 0, "output": reference});
            node.callback(execution, &end).expect(200);
        }
        everywhere_the_same(&admin, execution, node.id, &output);
    }
}

#[test]
fn several_targets_stand_in_the_apis_order_and_can_be_picked() {
    let control_plane = ControlPlane::start();
    let labels = json!({"tier": "web"});
    let nodes: Vec<_> = (0..5)
        .map(|n| SimulatedNode::labelled(&control_plane, &format!("n{n}"), &labels))
        .collect();
    let admin = control_plane.admin();
    let execution = admin.dispatched(&json!({"action": "probe", "selector": "tier=web"}));
    nodes[0].succeed(execution, b"no newline");
    nodes[1].succeed(execution, b"a line\n");
    nodes[2].begin(execution);
    let reference = nodes[2].archive(execution, &[b'z'; 20_000]);
    nodes[2]
        .callback(
            execution,
            &json!({"status": "failed", "exit_code": 3, "output": reference}),
        )
        .expect(200);
    nodes[3].succeed(execution, b"");
    let json = admin.execution(execution);
    assert_eq!(json["targets"].as_array().unwrap().len(), 5);
    assert_eq!(get(&admin, execution, &[]), expected_text(&json));

    let (project, id) = (admin.project_id.to_string(), execution.to_string());
    let about = ["exec-log", "get", "--project", &project, "--id", &id];
    let bytes = |more: &[&str]| admin.plexctl(&[&about[..], &["--bytes"], more].concat());
    let refused = bytes(&[]).expect(2);
    assert!(
        refused.stdout.is_empty() && refused.stderr.contains("5 targets"),
        "{}",
        refused.stderr
    );
    for (node, output) in [(0, &b"no newline"[..]), (1, b"a line\n"), (3, b"")] {
        let one = bytes(&["--node", &nodes[node].id.to_string()]).expect(0);
        assert_eq!(one.stdout, output);
    }
    for unmet in [&nodes[2], &nodes[4]] {
        let one = bytes(&["--node", &unmet.id.to_string()]).expect(1);
        assert!(
            one.stdout.is_empty() && one.stderr.contains("\nhint: "),
            "{}",
            one.stderr
        );
    }
    bytes(&["--node", "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"]).expect(1);
    let one = nodes[1].id.to_string();
    let narrowed = get(&admin, execution, &["--node", &one]);
    let text = String::from_utf8(narrowed).unwrap();
    assert!(
        text.ends_with(&format!("\n\n==> {one} succeeded bytes=7 <==\na line\n")),
        "{text}"
    );
}

/// A JSON text without the white space that means nothing; members keep their order.
fn compact(text: &[u8]) -> String {
    serde_json::from_slice::<Value>(text).expect("JSON").to_string()
}

#[test]
fn json_is_the_body_as_the_api_gave_it() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let (project, mut executions) = (admin.project_id.to_string(), Vec::new());
    for output in [&b"\x00\xff"[..], b"", b"text\n"] {
        let parameters = r#"{"b":1.0,"a":18446744073709551617,"z":{"y":1e2,"x":[]}}"#;
        let body = format!(
            r#"{{"action":"probe","node_id":"{}","parameters":{parameters}}}"#,
            node.id
        );
        let answer = admin
            .post_raw(&paths::dispatch(admin.project_id), body.as_bytes(), &[])
            .expect(201);
        let execution = answer.json()["id"].as_str().unwrap().parse().unwrap();
        node.succeed(execution, output);
        executions.push(execution);
    }
    for execution in executions {
        let api = admin
            .get(&paths::execution(admin.project_id, execution))
            .expect(200)
            .body;
        assert_eq!(
            compact(&get(&admin, execution, &["--output", "json"])),
            compact(&api)
        );
        assert!(
            String::from_utf8(api)
                .unwrap()
                .contains(r#"{"b":1.0,"a":18446744073709551617,"z":{"y":1e2"#)
        );
    }
    let page = admin
        .get(&format!("{}?limit=2", paths::executions(admin.project_id)))
        .expect(200)
        .body;
    let list = admin.plexctl(&[
        "exec-log",
        "list",
        "--project",
        &project,
        "--limit",
        "2",
        "--output",
        "json",
    ]);
    let list = list.expect(0).stdout;
    assert_eq!(compact(&list), compact(&page));
    assert_eq!(
        serde_json::from_slice::<Value>(&page).unwrap()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn yaml_says_what_json_says() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.succeed(execution, b"hi");
    let yaml = String::from_utf8(get(&admin, execution, &["--output", "yaml"])).unwrap();
    let members: Vec<_> = yaml
        .lines()
        .filter(|line| !line.starts_with([' ', '-']))
        .collect();
    let names: Vec<_> = members
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let json = admin.execution(execution);
    let expected: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, expected);
    assert!(
        yaml.contains(&format!("id: {execution}")) && yaml.contains("inline_bytes: aGk="),
        "{yaml}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_text_of_any_outputs_is_the_layout(
        outputs in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..300)), 1..6)
    ) {
        let control_plane = ControlPlane::start();
        let labels = json!({"tier": "web"});
        let admin = control_plane.admin();
        let nodes: Vec<_> =
            outputs.iter().map(|_| SimulatedNode::labelled(&control_plane, "same-name", &labels)).collect();
        nodes.iter().for_each(|node| { node.capabilities(&Manifest::of(&["probe", "other"])).expect(200); });
        let execution = admin.dispatched(&json!({"action": "other", "selector": "tier"}));
        for (node, output) in nodes.iter().zip(&outputs) {
            if let Some(output) = output {
                node.succeed(execution, output);
            }
        }
        let json = admin.execution(execution);
        prop_assert_eq!(get(&admin, execution, &[]), expected_text(&json));
        let shown = json["targets"].as_array().unwrap().iter().filter(|target| target["output_ref"].is_object()).count();
        prop_assert_eq!(shown, outputs.iter().flatten().count());
    }
}
