//! Outputs in a bucket of a real S3 server: there and back, and through the server's bad days.

use plex_tests::{Agent, ControlPlane, LIMIT, Operator, Program, S3Store, SimulatedNode, sha256_hex, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use uuid::Uuid;

/// A control plane with its outputs in a bucket.
fn start() -> (S3Store, ControlPlane) {
    let store = S3Store::start();
    let control_plane = ControlPlane::start_prepared(|data_dir| store.flags(data_dir), None);
    (store, control_plane)
}

const OUTPUT_BYTES: usize = 40_000;

/// A hook whose output goes to the bucket, and that leaves a line wherever it ran.
fn declare(agent: &Agent) {
    let ran = agent.scratch().join("ran");
    let script = format!(
        "#!/bin/sh\necho once >> {}\nhead -c {OUTPUT_BYTES} /dev/zero\n",
        ran.display()
    );
    agent.hook("large", &script);
}

fn run(agent: &Agent, admin: &Operator, timeout_seconds: u32) -> Uuid {
    admin.dispatched(&json!({
        "action": "large",
        "type": "hook",
        "node_id": agent.node_id(),
        "timeout_seconds": timeout_seconds,
    }))
}

fn runs(agent: &Agent) -> usize {
    fs::read_to_string(agent.scratch().join("ran")).map_or(0, |text| text.lines().count())
}

/// The log refers to the object, the bucket has it and nothing else, and `plexctl` brings it back.
fn assert_kept(store: &S3Store, admin: &Operator, execution: &Value, bytes: &[u8]) {
    let (id, target) = (execution["id"].as_str().expect("an id"), &execution["targets"][0]);
    let node = target["node_id"].as_str().expect("a node");
    let key = format!("executions/{}/{id}/{node}", admin.project_id);
    assert_eq!(
        (&target["status"], &target["output_truncated"]),
        (&json!("succeeded"), &json!(false))
    );
    assert_eq!(
        target["output_ref"],
        json!({"kind": "object_store", "bucket": "outputs", "key": key, "sha256": sha256_hex(bytes)})
    );
    assert_eq!(store.objects("executions"), [(key, bytes.to_vec())]);
    until("what was uploaded to be cleared away", LIMIT, || {
        store.objects("uploads").is_empty().then_some(())
    });
    let project = admin.project_id.to_string();
    let ran = admin.plexctl(&[
        "action",
        "output",
        "--project",
        &project,
        "--id",
        id,
        "--node",
        node,
    ]);
    assert!(ran.expect(0).stdout == bytes, "action output differs");
}

#[test]
fn an_output_goes_to_the_bucket_and_comes_back() {
    let (store, control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    let ended = admin.ended(run(&agent, &admin, 60));
    assert_kept(&store, &admin, &ended, &vec![0; OUTPUT_BYTES]);
    assert_eq!(runs(&agent), 1);
    let health = admin.get("/v1/health").expect(200).json();
    assert!(
        health["checks"].to_string().contains("can be written"),
        "{health}"
    );
    let url = store.url();
    let (_, origin) = url.split_once("endpoint=").expect("the store is not Amazon's");
    assert_eq!(
        control_plane.announced()["object_store"],
        json!(format!("bucket outputs at {origin}"))
    );
    let log = control_plane.log() + &agent.log();
    assert!(
        !log.contains("X-Amz-Signature") && !log.contains("AWS_SECRET"),
        "a log tells a credential"
    );
}

#[test]
fn a_node_that_sends_no_digest_with_its_bytes_can_upload_too() {
    let (store, control_plane) = start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let (execution, output) = (admin.dispatch(node.id, "probe"), vec![b'q'; 20_000]);
    node.begin(execution);
    let object_key = upload(&node, execution, &output);
    assert!(object_key.starts_with("outputs/uploads/"), "{object_key}");
    let lie =
        json!({"status": "succeeded", "output": {"object_key": object_key, "sha256": sha256_hex(b"lie")}});
    assert_eq!(
        node.callback(execution, &lie).refusal(),
        (422, "output_mismatch".to_owned())
    );
    // With or without the bucket, a key is the same key.
    let object_key = object_key.trim_start_matches("outputs/");
    let end =
        json!({"status": "succeeded", "output": {"object_key": object_key, "sha256": sha256_hex(&output)}});
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| node.callback(execution, &end).expect(200));
        }
    });
    assert_kept(&store, &admin, &admin.execution(execution), &output);
}

/// Declares an output without its digest, uploads it and tells the key, as the URL's path says it.
fn upload(node: &SimulatedNode, execution: Uuid, output: &[u8]) -> String {
    let declared = json!({"status": "started", "declared_output_bytes": output.len()});
    let answer = node.callback(execution, &declared).expect(200).json();
    let url = answer["output_upload_url"].as_str().expect("an upload URL");
    assert!(node.upload(url, &output[1..]).status >= 400, "shorter");
    assert_eq!(node.upload(url, output).status, 200);
    let uri: http::Uri = url.parse().expect("a URL");
    uri.path().trim_start_matches('/').to_owned()
}

#[test]
fn a_store_that_stops_during_an_upload_only_delays_it() {
    let (mut store, control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    store.signal(Signal::STOP);
    let stopped = run(&agent, &admin, 120);
    until("the hook to have run", LIMIT, || {
        (runs(&agent) == 1).then_some(())
    });
    store.signal(Signal::CONT);
    assert_kept(&store, &admin, &admin.ended(stopped), &vec![0; OUTPUT_BYTES]);
}

#[test]
fn a_store_that_is_dead_during_an_upload_only_delays_it() {
    let (mut store, control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    store.kill9();
    let execution = run(&agent, &admin, 120);
    until("the hook to have run", LIMIT, || {
        (runs(&agent) == 1).then_some(())
    });
    let health = admin.get("/v1/health").expect(200).json();
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(admin.execution(execution)["targets"][0]["status"], "started");
    store.restart();
    assert_kept(&store, &admin, &admin.ended(execution), &vec![0; OUTPUT_BYTES]);
    assert_eq!(runs(&agent), 1);
}

#[test]
fn a_move_that_gets_no_answer_is_made_again() {
    let (store, control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    store.refuse_moves(true);
    let execution = run(&agent, &admin, 120);
    until("a move to be tried", LIMIT, || {
        (store.refused_moves() > 0).then_some(())
    });
    assert_eq!(admin.execution(execution)["targets"][0]["status"], "started");
    store.refuse_moves(false);
    assert_kept(&store, &admin, &admin.ended(execution), &vec![0; OUTPUT_BYTES]);
    assert_eq!(runs(&agent), 1);
}

#[test]
fn a_slow_store_is_waited_for_step_by_step() {
    let (store, control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    // One report has not the time for a whole move, so that the next one has to go on where it was left.
    store.slow_down(Duration::from_millis(1500));
    let execution = run(&agent, &admin, 120);
    assert_kept(&store, &admin, &admin.ended(execution), &vec![0; OUTPUT_BYTES]);
    assert_eq!(runs(&agent), 1);
}

#[test]
fn a_terminal_report_waits_for_the_store_and_nothing_else_does() {
    let (mut store, control_plane) = start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let (execution, other) = (admin.dispatch(node.id, "probe"), admin.dispatch(node.id, "probe"));
    let output = vec![b'q'; 20_000];
    node.begin(execution);
    let object_key = upload(&node, execution, &output);
    let end =
        json!({"status": "succeeded", "output": {"object_key": object_key, "sha256": sha256_hex(&output)}});
    let down = (503, "object_store_unavailable".to_owned());

    store.signal(Signal::STOP);
    assert_eq!(node.callback(execution, &end).refusal(), down);
    node.succeed(other, b"small");
    store.signal(Signal::CONT);
    store.kill9();
    assert_eq!(node.callback(execution, &end).refusal(), down);
    assert_eq!(admin.execution(execution)["targets"][0]["status"], "started");
    store.restart();
    node.callback(execution, &end).expect(200);
    assert_kept(&store, &admin, &admin.execution(execution), &output);
    // What was answered stays so even if the store goes.
    store.kill9();
    node.callback(execution, &end).expect(200);
}

#[test]
fn a_store_that_stays_away_costs_the_output_and_not_the_result() {
    let (mut store, mut control_plane) = start();
    let agent = Agent::start(&control_plane, "web-1");
    declare(&agent);
    let admin = control_plane.admin();
    store.kill9();
    // A server starts without it too.
    control_plane.restart();
    let target = admin.ended(run(&agent, &admin, 5))["targets"][0].clone();
    assert_eq!(
        (&target["status"], &target["output_truncated"]),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(target["output_ref"]["kind"], "inline");
    assert_eq!(runs(&agent), 1);
}

#[test]
fn what_cannot_work_is_refused_at_start_in_one_line() {
    let (_store, control_plane) = start();
    let refused = |url: &str| {
        let mut command = Program::Plexsphere.command();
        command
            .args(["serve", "--data-dir"])
            .arg(control_plane.data_dir());
        let ran = command.args(["--object-store-url", url]).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (code, text) = refused("s3://outputs?endpoint=https://s3.internal&sse=SECRET");
    assert_eq!(code, Some(2));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("\"sse\" is no parameter") && !text.contains("SECRET"),
        "{text}"
    );
}
