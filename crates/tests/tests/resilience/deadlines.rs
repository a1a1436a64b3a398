//! Deadlines: what is never reported becomes `timeout`, and what runs too long is ended by its agent.

use crate::{ended_target, inline_output, record};
use jiff::{SignedDuration, Timestamp};
use plex_tests::{Agent, ControlPlane, LIMIT, SimulatedNode, until};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn time(value: &Value) -> Timestamp {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no time: {value}"))
}

#[test]
fn what_nobody_reports_becomes_timeout_5_to_8_s_after_its_deadline() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "silent");
    let order = json!({"action": "probe", "node_id": node.id, "timeout_seconds": 1});
    let silent = admin.dispatched(&order);
    let acked = admin.dispatched(&order);
    node.callback(acked, &json!({"status": "ack"})).expect(200);
    let started = admin.dispatched(&order);
    node.begin(started);
    for execution in [silent, acked, started] {
        let ended = admin.ended(execution);
        let target = &ended["targets"][0];
        assert_eq!(
            (&ended["status"], &target["status"]),
            (&"timeout".into(), &"timeout".into()),
            "{ended}"
        );
        let late = time(&target["updated_at"]).duration_since(time(&ended["expires_at"]));
        let window = SignedDuration::from_secs(5)..=SignedDuration::from_secs(8);
        assert!(window.contains(&late), "{late} after the deadline: {ended}");
        assert_eq!(time(&ended["updated_at"]), time(&target["updated_at"]));
    }
    record::assert_sound(&control_plane);
}

#[test]
fn a_result_after_timeout_is_refused_and_audited() {
    let control_plane = ControlPlane::start_with(crate::canary::METRICS);
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "late");
    let execution = admin.dispatched(&json!({"action": "probe", "node_id": node.id, "timeout_seconds": 1}));
    node.begin(execution);
    let before = admin.ended(execution);
    let late =
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": plex_tests::base64(b"late")}});
    // The last report that was accepted is no replay any more either.
    for report in [
        &late,
        &late,
        &json!({"status": "started"}),
        &json!({"status": "failed", "error": "late"}),
    ] {
        let refused = node.callback(execution, report).expect(409);
        assert_eq!(refused.code(), "execution_already_terminal");
        assert_eq!(refused.json()["current_status"], "timeout", "{}", refused.text());
    }
    assert_eq!(admin.execution(execution), before, "the log keeps what it said");
    let late_results = "select count(*) from audit_entries where relation = 'late_result'";
    let audited = control_plane.database().number(late_results);
    assert_eq!(audited, 3, "every late result, and no other report");
    assert_eq!(
        control_plane.metrics().value("plexsphere_late_results_total"),
        3.0
    );
}

#[test]
fn an_overrun_is_ended_with_everything_it_started() {
    const OVERRUN: &str = r#"#!/bin/sh
printf 'so far'
setsid sh -c 'echo $$ > "$HOME/scratch/fled"; exec sleep 86399' &
sh -c 'echo $$ > "$HOME/scratch/child"; exec sleep 86399' &
echo $$ > "$HOME/scratch/self"
trap '' TERM HUP INT
while :; do sleep 1; done
"#;
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let agent = Agent::start(&control_plane, "overrun");
    agent.hook("overrun", OVERRUN);
    let order =
        json!({"action": "overrun", "type": "hook", "node_id": agent.node_id(), "timeout_seconds": 8});
    let target = ended_target(&admin, admin.dispatched(&order));
    assert_eq!(target["status"], "failed", "{target}");
    assert_eq!(target["error"], "timed out after 8 s", "{target}");
    assert!(target.get("exit_code").is_none(), "{target}");
    assert_eq!(inline_output(&target), b"so far");
    for name in ["self", "child", "fled"] {
        let pid = fs::read_to_string(agent.scratch().join(name)).expect("it ran");
        let process = Path::new("/proc").join(pid.trim());
        until(&format!("{name} to be gone"), LIMIT, || {
            (!process.exists()).then_some(())
        });
    }
    agent.hook("after", "#!/bin/sh\necho after\n");
    let after = ended_target(&admin, crate::dispatch_hook(&admin, agent.node_id(), "after"));
    assert_eq!(after["status"], "succeeded", "the agent works on: {after}");
}

#[test]
fn a_turn_that_does_not_come_in_time_is_reported_and_nothing_runs() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let agent = Agent::start_with(&control_plane, "narrow", &["--max-concurrent", "1"]);
    agent.hook("job", crate::JOB);
    fs::write(agent.scratch().join("hold"), "").unwrap();
    let first = crate::dispatch_hook(&admin, agent.node_id(), "job");
    until("the first job to run", LIMIT, || {
        (crate::runs(&agent) == 1).then_some(())
    });
    let order = json!({"action": "job", "type": "hook", "node_id": agent.node_id(), "timeout_seconds": 2});
    let second = ended_target(&admin, admin.dispatched(&order));
    assert_eq!(second["status"], "failed", "{second}");
    assert_eq!(second["error"], "not started before its deadline", "{second}");
    fs::remove_file(agent.scratch().join("hold")).unwrap();
    assert_eq!(ended_target(&admin, first)["status"], "succeeded");
    assert_eq!(crate::runs(&agent), 1);
}
