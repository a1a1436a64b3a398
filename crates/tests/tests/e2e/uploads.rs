//! Outputs above the inline ceiling: what an upload URL takes, and what of it may be referred to.

use crate::outputs::{everywhere_the_same, get};
use plex_tests::{Agent, ControlPlane, SimulatedNode, sha256_hex};
use serde_json::json;
use uuid::Uuid;

#[test]
fn one_byte_too_many_is_refused_inline_and_stores_nothing() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.begin(execution);
    let end = |length: usize| json!({"status": "succeeded", "output": {"inline": plex_tests::base64(&vec![7; length])}});
    assert_eq!(
        node.callback(execution, &end(16_385)).refusal(),
        (413, "inline_output_too_large".to_owned())
    );
    assert_eq!(admin.execution(execution)["targets"][0]["status"], "started");
    node.callback(execution, &end(16_384)).expect(200);
}

#[test]
fn an_upload_url_takes_its_declared_bytes_once_and_nothing_else() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let output = vec![b'q'; 20_000];
    let execution = admin.dispatch(node.id, "probe");
    node.begin(execution);
    let declared =
        json!({"status": "started", "declared_output_bytes": 20_000, "output_sha256": sha256_hex(&output)});
    let answer = node.callback(execution, &declared).expect(200).json();
    let url = answer["output_upload_url"].as_str().unwrap();
    let key = http::Uri::try_from(url)
        .unwrap()
        .path()
        .trim_start_matches('/')
        .to_owned();
    assert!(
        key.contains(&format!("uploads/{}/{execution}/{}/", admin.project_id, node.id)),
        "{key}"
    );

    assert!(node.upload(url, &output[1..]).status >= 400, "shorter");
    assert!(
        node.upload(url, &[&output[..], b"!"].concat()).status >= 400,
        "longer"
    );
    assert!(node.upload(url, &vec![b'r'; 20_000]).status >= 400, "other bytes");
    let tampered = url.replace(&format!("/{}/", node.id), &format!("/{}/", Uuid::now_v7()));
    assert_eq!(
        node.upload(&tampered, &output).refusal(),
        (403, "upload_url_invalid".to_owned())
    );

    let end = json!({"status": "succeeded", "output": {"object_key": key, "sha256": sha256_hex(&output)}});
    assert_eq!(
        node.callback(execution, &end).refusal(),
        (422, "output_mismatch".to_owned()),
        "nothing is there yet"
    );
    assert!((200..300).contains(&node.upload(url, &output).status));
    let lie = json!({"status": "succeeded", "output": {"object_key": key, "sha256": sha256_hex(b"lie")}});
    assert_eq!(
        node.callback(execution, &lie).refusal(),
        (422, "output_mismatch".to_owned())
    );
    node.callback(execution, &end).expect(200);
    everywhere_the_same(&admin, execution, node.id, &output);
}

#[test]
fn what_was_reported_cannot_be_uploaded_over() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let output = vec![b'q'; 20_000];
    let execution = admin.dispatch(node.id, "probe");
    node.begin(execution);
    // Without a digest in the declaration the URL is bound to the length alone.
    let declared = json!({"status": "started", "declared_output_bytes": 20_000});
    let answer = node.callback(execution, &declared).expect(200).json();
    let url = answer["output_upload_url"].as_str().unwrap();
    assert!((200..300).contains(&node.upload(url, &output).status));
    assert_eq!(
        node.upload(url, &vec![b'r'; 20_000]).refusal(),
        (409, "upload_already_used".to_owned())
    );
    let key = http::Uri::try_from(url)
        .unwrap()
        .path()
        .trim_start_matches('/')
        .to_owned();
    let end = json!({"status": "succeeded", "output": {"object_key": key, "sha256": sha256_hex(&output)}});
    node.callback(execution, &end).expect(200);
    // Whatever the server says to this one, nobody may see it.
    node.upload(url, &vec![b'r'; 20_000]);
    everywhere_the_same(&admin, execution, node.id, &output);
}

#[test]
fn a_declaration_over_the_servers_ceiling_is_refused() {
    let control_plane = ControlPlane::start_with(&["--max-output-bytes", "30000"]);
    let node = SimulatedNode::register(&control_plane, "n");
    let execution = control_plane.admin().dispatch(node.id, "probe");
    node.begin(execution);
    let declared = |bytes: u64| json!({"status": "started", "declared_output_bytes": bytes});
    assert_eq!(
        node.callback(execution, &declared(30_001)).refusal(),
        (413, "output_too_large".to_owned())
    );
    assert!(node.callback(execution, &declared(30_000)).expect(200).json()["output_upload_url"].is_string());
}

#[test]
fn an_agent_whose_output_is_over_the_servers_ceiling_reports_its_beginning() {
    let control_plane = ControlPlane::start_with(&["--max-output-bytes", "30000"]);
    let agent = Agent::start(&control_plane, "web-1");
    agent.hook("too-much", "#!/bin/sh\nhead -c 30001 /dev/zero | tr '\\000' 0\n");
    let admin = control_plane.admin();
    let execution =
        admin.dispatched(&json!({"action": "too-much", "type": "hook", "node_id": agent.node_id()}));
    let target = admin.ended(execution)["targets"][0].clone();
    assert_eq!(
        (&target["status"], &target["output_truncated"]),
        (&"succeeded".into(), &true.into())
    );
    assert_eq!(get(&admin, execution, &["--bytes"]), vec![b'0'; 16_384]);
}

#[test]
fn an_archived_output_that_was_tampered_with_is_not_passed_on() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.begin(execution);
    let reference = node.archive(execution, &[b'a'; 17_000]);
    node.callback(execution, &json!({"status": "succeeded", "output": reference}))
        .expect(200);
    let key = format!("executions/{}/{execution}/{}", admin.project_id, node.id);
    let mut stored = control_plane.data_dir().join("objects").join(key);
    if stored.is_dir() {
        stored = std::fs::read_dir(stored).unwrap().next().unwrap().unwrap().path();
    }
    assert_eq!(std::fs::read(&stored).unwrap(), vec![b'a'; 17_000]);
    std::fs::write(&stored, vec![b'b'; 17_000]).unwrap();
    let ran = admin.output(execution, node.id).expect(1);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("SHA-256"),
        "{}",
        ran.stderr
    );
}
