//! The agent dies, stops and begins again.

use crate::agent::{Machine, until_gone};
use crate::control_plane::ControlPlane;
use serde_json::{Value, json};

#[tokio::test]
async fn a_run_cut_short_by_kill_9_is_reported_interrupted_and_never_repeated() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let marker = format!("301.{}", std::process::id());
    machine.hook(
        "long",
        &format!("echo ran >> $DIR/ran; setsid sleep {marker} & sleep {marker}"),
    );
    let agent = machine.start(&server, &[]);
    server.until_declared("long").await;
    let id = server.dispatch("long", "hook", Value::Null, 600);
    server
        .until("the body", |_| (!machine.read("ran").is_empty()).then_some(()))
        .await;
    agent.kill().await;
    until_gone(&marker).await;
    let _agent = machine.start(&server, &[]);
    let end = server.end_of(id).await;
    assert_eq!(
        (&end["status"], &end["error"]),
        (&json!("failed"), &json!("interrupted"))
    );
    server.deliver(id);
    let later = server.dispatch("system.info", "builtin", Value::Null, 60);
    server.end_of(later).await;
    assert_eq!(machine.read("ran"), "ran\n");
    assert_eq!(
        server.state().registrations,
        1,
        "a registered node does not register again"
    );
}

#[tokio::test]
async fn what_was_acknowledged_and_not_started_goes_on_after_a_restart() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook(
        "hold",
        "echo $PLEXD_EXECUTION_ID >> $DIR/ran; while [ ! -e $DIR/go ]; do sleep 0.05; done",
    );
    let agent = machine.start(&server, &["--max-concurrent", "1"]);
    server.until_declared("hold").await;
    let first = server.dispatch("hold", "hook", Value::Null, 600);
    server
        .until("the body", |_| (!machine.read("ran").is_empty()).then_some(()))
        .await;
    let second = server.dispatch("hold", "hook", Value::Null, 600);
    server.until_status(second, "ack").await;
    agent.kill().await;
    std::fs::write(machine.path("go"), "").unwrap();
    let _agent = machine.start(&server, &[]);
    assert_eq!(server.end_of(first).await["error"], "interrupted");
    assert_eq!(server.end_of(second).await["status"], "succeeded");
    assert_eq!(machine.read("ran"), format!("{first}\n{second}\n"));
}

#[tokio::test]
async fn a_result_that_could_not_be_reported_survives_kill_9() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("job", "echo ran >> $DIR/ran; head -c 20000 /dev/zero");
    let agent = machine.start(&server, &[]);
    server.until_declared("job").await;
    server.state().refuse_results = true;
    let id = server.dispatch("job", "hook", Value::Null, 600);
    let before = server.state().callbacks;
    server
        .until("attempts to report", |state| {
            (state.callbacks >= before + 4).then_some(())
        })
        .await;
    agent.kill().await;
    server.state().refuse_results = false;
    let _agent = machine.start(&server, &[]);
    let end = server.end_of(id).await;
    assert_eq!(
        (&end["status"], &end["exit_code"]),
        (&json!("succeeded"), &json!(0))
    );
    assert_eq!(server.state().uploads[&format!("uploads/{id}")].len(), 20_000);
    assert_eq!(machine.read("ran"), "ran\n");
    let left = || std::fs::read_dir(machine.path("state/spool")).unwrap().count();
    server
        .until("an empty spool", |_| (left() == 0).then_some(()))
        .await;
}

#[tokio::test]
async fn a_result_that_comes_too_late_is_dropped() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("job", "while [ ! -e $DIR/go ]; do sleep 0.05; done");
    let _agent = machine.start(&server, &[]);
    server.until_declared("job").await;
    let id = server.dispatch("job", "hook", Value::Null, 600);
    server.until_status(id, "started").await;
    server.state().invocations.get_mut(&id).unwrap().status = "timeout".to_owned();
    let before = server.state().callbacks;
    std::fs::write(machine.path("go"), "").unwrap();
    let left = || std::fs::read_dir(machine.path("state/spool")).unwrap().count();
    server
        .until("the late report", |state| {
            (state.callbacks > before && left() == 0).then_some(())
        })
        .await;
    assert_eq!(
        server.state().callbacks,
        before + 1,
        "a refusal is not argued with"
    );
}

#[tokio::test]
async fn a_stop_reports_what_it_interrupts() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let marker = format!("302.{}", std::process::id());
    machine.hook("long", &format!("echo begun; sleep {marker}"));
    let mut agent = machine.start(&server, &[]);
    server.until_declared("long").await;
    let id = server.dispatch("long", "hook", Value::Null, 600);
    server.until_status(id, "started").await;
    until_begun(&marker).await;
    agent.terminate();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(
        server.statuses(id),
        ["ack", "started"],
        "a running action is given time"
    );
    agent.terminate();
    assert_eq!(agent.exit_code().await, Some(0));
    let end = server.end_of(id).await;
    assert_eq!(
        (&end["status"], &end["error"]),
        (&json!("failed"), &json!("interrupted"))
    );
    until_gone(&marker).await;
}

async fn until_begun(marker: &str) {
    for _ in 0..1000 {
        let begun = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(Result::ok)
            .any(|entry| {
                std::fs::read_to_string(entry.path().join("cmdline"))
                    .is_ok_and(|line| line == format!("sleep\0{marker}\0"))
            });
        if begun {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it never began");
}

#[tokio::test]
async fn a_stop_lets_a_short_action_finish() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("short", "echo begun > $DIR/begun; sleep 1; echo done");
    let mut agent = machine.start(&server, &[]);
    server.until_declared("short").await;
    let id = server.dispatch("short", "hook", Value::Null, 600);
    server
        .until("the body", |_| machine.path("begun").exists().then_some(()))
        .await;
    agent.terminate();
    assert_eq!(agent.exit_code().await, Some(0));
    assert_eq!(server.end_of(id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_revoked_key_ends_the_agent() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("job", "true");
    let mut agent = machine.start(&server, &[]);
    server.until_declared("job").await;
    server.state().revoked = true;
    // The changed hook makes the agent call.
    machine.hook("job", "false");
    assert_eq!(agent.exit_code().await, Some(1));
    let log = machine.read("log");
    assert!(
        log.contains("error: the control plane refuses this node's key (nsk_revoked)"),
        "{log}"
    );
}

#[tokio::test]
async fn what_started_before_the_journal_was_lost_is_not_run_again() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("long", "echo ran >> $DIR/ran; sleep 300");
    let agent = machine.start(&server, &[]);
    server.until_declared("long").await;
    let id = server.dispatch("long", "hook", Value::Null, 600);
    server
        .until("the body", |_| (!machine.read("ran").is_empty()).then_some(()))
        .await;
    agent.kill().await;
    std::fs::remove_file(machine.path("state/journal")).unwrap();
    let _agent = machine.start(&server, &[]);
    assert_eq!(server.end_of(id).await["error"], "interrupted");
    assert_eq!(machine.read("ran"), "ran\n");
}

#[tokio::test]
async fn a_journal_that_cannot_be_trusted_stops_the_agent() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let agent = machine.start(&server, &[]);
    for _ in 0..2 {
        let id = server.dispatch("system.info", "builtin", Value::Null, 60);
        server.end_of(id).await;
    }
    agent.kill().await;
    let journal = machine.read("state/journal");
    std::fs::write(machine.path("state/journal"), journal.replacen('{', "#", 1)).unwrap();
    let mut agent = machine.start(&server, &[]);
    assert_eq!(agent.exit_code().await, Some(1));
    assert!(
        machine.read("log").contains("is damaged at line 1"),
        "{}",
        machine.read("log")
    );
}
