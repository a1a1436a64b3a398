//! One execution from its delivery to its last report.

use crate::agent::Machine;
use crate::control_plane::{ControlPlane, NODE};
use data_encoding::BASE64;
use serde_json::{Value, json};
use uuid::Uuid;

fn output(end: &Value) -> String {
    String::from_utf8(
        BASE64
            .decode(end["output"]["inline"].as_str().unwrap().as_bytes())
            .unwrap(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_builtin_is_acknowledged_started_and_reported() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let _agent = machine.start(&server, &[]);
    let id = server.dispatch("system.info", "builtin", Value::Null, 30);
    let end = server.end_of(id).await;
    assert_eq!(server.statuses(id), ["ack", "started", "succeeded"]);
    assert_eq!(end["exit_code"], 0);
    let info: Value = serde_json::from_str(&output(&end)).unwrap();
    assert!(info["kernel"].is_string());
}

#[tokio::test]
async fn every_lost_answer_is_made_up_for_and_nothing_runs_twice() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("count", "echo ran >> $DIR/ran; exit 3");
    let _agent = machine.start(&server, &[]);
    server.until_declared("count").await;
    server.state().lose = vec!["ack", "ack", "started", "failed", "failed"];
    let id = server.dispatch("count", "hook", Value::Null, 60);
    let end = server.end_of(id).await;
    server
        .until("the last repeat", |state| state.lose.is_empty().then_some(()))
        .await;
    assert_eq!(server.statuses(id), ["ack", "started", "failed"]);
    assert_eq!(
        (&end["exit_code"], &end["error"]),
        (&json!(3), &json!("exit code 3"))
    );
    assert_eq!(machine.read("ran"), "ran\n");
}

#[tokio::test]
async fn a_redelivered_execution_runs_once() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("count", "echo ran >> $DIR/ran; sleep 0.3");
    let _agent = machine.start(&server, &[]);
    server.until_declared("count").await;
    let id = server.dispatch("count", "hook", Value::Null, 60);
    for _ in 0..20 {
        server.deliver(id);
    }
    server.end_of(id).await;
    server.deliver(id);
    // A later execution shows that the redelivery was read.
    let later = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(later).await;
    assert_eq!(machine.read("ran"), "ran\n");
    assert_eq!(server.statuses(id), ["ack", "started", "succeeded"]);
}

#[tokio::test]
async fn a_large_output_is_uploaded_whole() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("large", "head -c 16385 /dev/zero");
    machine.hook("exact", "head -c 16384 /dev/zero");
    let _agent = machine.start(&server, &[]);
    server.until_declared("large").await;
    server.until_declared("exact").await;
    let large = server.dispatch("large", "hook", Value::Null, 60);
    let end = server.end_of(large).await;
    let key = format!("uploads/{large}");
    assert_eq!(end["output"]["object_key"], json!(key));
    assert_eq!(server.state().uploads[&key], vec![0; 16_385]);
    let digest =
        data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, &[0; 16_385]).as_ref());
    assert_eq!(end["output"]["sha256"], json!(digest));
    let exact = server.dispatch("exact", "hook", Value::Null, 60);
    assert_eq!(output(&server.end_of(exact).await).len(), 16_384);
}

#[tokio::test]
async fn an_output_over_the_cap_or_without_a_place_is_marked_truncated() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("large", "head -c 30000 /dev/zero");
    let _agent = machine.start(&server, &["--max-output-bytes", "20000"]);
    server.until_declared("large").await;
    let capped = server.dispatch("large", "hook", Value::Null, 60);
    let end = server.end_of(capped).await;
    assert_eq!(end["output"]["truncated"], true);
    assert_eq!(server.state().uploads[&format!("uploads/{capped}")].len(), 20_000);
    server.state().refuse_uploads = true;
    let homeless = server.dispatch("large", "hook", Value::Null, 3);
    let end = server.end_of(homeless).await;
    assert_eq!(
        (&end["status"], &end["output"]["truncated"]),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(output(&end).len(), 16_384);
}

#[tokio::test]
async fn a_result_waits_for_the_object_store_until_its_deadline_and_no_longer() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("large", "head -c 20000 /dev/zero");
    let _agent = machine.start(&server, &[]);
    server.until_declared("large").await;
    server.state().refuse_objects = true;
    let id = server.dispatch("large", "hook", Value::Null, 3);
    let end = server.end_of(id).await;
    assert_eq!(
        (&end["status"], &end["output"]["truncated"]),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(output(&end).len(), 16_384);
}

#[tokio::test]
async fn an_overrun_is_killed_and_says_so_with_what_it_printed() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("slow", "echo so far; sleep 300");
    let _agent = machine.start(&server, &[]);
    server.until_declared("slow").await;
    let id = server.dispatch("slow", "hook", Value::Null, 2);
    let end = server.end_of(id).await;
    assert_eq!(
        (&end["status"], &end["error"]),
        (&json!("failed"), &json!("timed out after 2 s"))
    );
    assert!(end.get("exit_code").is_none());
    assert_eq!(output(&end), "so far\n");
}

#[tokio::test]
async fn those_above_the_bound_wait_and_may_wait_in_vain() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook(
        "hold",
        "echo in >> $DIR/held; while [ ! -e $DIR/go ]; do sleep 0.05; done",
    );
    let _agent = machine.start(&server, &["--max-concurrent", "1"]);
    server.until_declared("hold").await;
    let first = server.dispatch("hold", "hook", Value::Null, 60);
    server.until_status(first, "started").await;
    let late = server.dispatch("hold", "hook", Value::Null, 1);
    let second = server.dispatch("hold", "hook", Value::Null, 60);
    let end = server.end_of(late).await;
    assert_eq!(end["error"], "not started before its deadline");
    assert_eq!(server.statuses(late), ["ack", "failed"]);
    server.until_status(second, "ack").await;
    std::fs::write(machine.path("go"), "").unwrap();
    assert_eq!(server.end_of(first).await["status"], "succeeded");
    assert_eq!(server.end_of(second).await["status"], "succeeded");
    assert_eq!(machine.read("held"), "in\nin\n");
}

#[tokio::test]
async fn what_must_not_run_is_refused_with_its_reason() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("off", "touch $DIR/ran");
    let _agent = machine.start(
        &server,
        &["--disable-action", "off", "--disable-action", "health.check"],
    );
    for (action, kind, parameters, error) in [
        ("no.such", "builtin", Value::Null, "unknown_action"),
        ("no-such", "hook", Value::Null, "unknown_action"),
        ("../../bin/sh", "hook", Value::Null, "unknown_action"),
        ("system.info", "hook", Value::Null, "unknown_action"),
        ("health.check", "builtin", Value::Null, "actions_disabled"),
        ("off", "hook", Value::Null, "actions_disabled"),
        (
            "system.info",
            "builtin",
            json!({"x": 1}),
            "invalid parameters: there is no parameter \"x\"",
        ),
        (
            "service.restart",
            "builtin",
            json!({"unit": "sshd"}),
            "unit sshd.service is not allowed by --restartable-unit on this node",
        ),
    ] {
        let id = server.dispatch(action, kind, parameters, 60);
        let end = server.end_of(id).await;
        assert_eq!(
            (&end["status"], &end["error"]),
            (&json!("failed"), &json!(error)),
            "{action}"
        );
        assert!(!server.statuses(id).contains(&"started".to_owned()), "{action}");
        assert!(end.get("output").is_none());
    }
    assert!(!machine.path("ran").exists());
}

#[tokio::test]
async fn forged_and_foreign_envelopes_are_ignored() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let _agent = machine.start(&server, &[]);
    let first = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(first).await;
    let id = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(id).await;
    let before = server.state().callbacks;
    let envelope = server.envelope(id, Uuid::from_u128(99));
    server.frame(&envelope);
    let own = server.envelope(id, NODE);
    server.frame(&own.replace("system.info", "health.check"));
    server.frame("{}");
    let last = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(last).await;
    assert_eq!(
        server.state().callbacks,
        before + 3,
        "only the last one was reported"
    );
    assert!(machine.read("log").contains("event refused"));
}

#[tokio::test]
async fn a_hook_may_allow_itself_less_than_its_dispatch() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    std::fs::write(machine.path("hooks/slow.json"), r#"{"timeout_seconds": 1}"#).unwrap();
    machine.hook("slow", "sleep 300");
    let _agent = machine.start(&server, &[]);
    server.until_declared("slow").await;
    let id = server.dispatch("slow", "hook", Value::Null, 600);
    assert_eq!(server.end_of(id).await["error"], "timed out after 1 s");
}

#[tokio::test]
async fn the_state_brings_what_the_stream_did_not_but_only_if_it_is_signed() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let signed = server.insert("system.info", "builtin", Value::Null, 60);
    let agent = machine.start(&server, &[]);
    assert_eq!(server.end_of(signed).await["status"], "succeeded");
    agent.kill().await;
    server.state().unsigned_state = true;
    let unsigned = server.insert("system.info", "builtin", Value::Null, 60);
    let _agent = machine.start(&server, &[]);
    assert_eq!(server.end_of(unsigned).await["error"], "unsigned_request");
    assert_eq!(server.statuses(unsigned), ["failed"]);
}

#[tokio::test]
async fn nothing_runs_before_the_server_has_taken_its_start() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("count", "echo ran >> $DIR/ran");
    let _agent = machine.start(&server, &[]);
    server.until_declared("count").await;
    server.state().refuse_started = true;
    let lapsing = server.dispatch("count", "hook", Value::Null, 2);
    assert_eq!(
        server.end_of(lapsing).await["error"],
        "not started before its deadline"
    );
    let unwanted = server.dispatch("count", "hook", Value::Null, 60);
    server.until_status(unwanted, "ack").await;
    server.state().invocations.get_mut(&unwanted).unwrap().status = "timeout".to_owned();
    let last = server.dispatch("count", "hook", Value::Null, 60);
    server.until_status(last, "ack").await;
    server.state().refuse_started = false;
    assert_eq!(server.end_of(last).await["status"], "succeeded");
    let callbacks = server.state().callbacks;
    let later = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(later).await;
    assert!(server.state().callbacks > callbacks);
    assert_eq!(machine.read("ran"), "ran\n", "only the last one ran");
}
