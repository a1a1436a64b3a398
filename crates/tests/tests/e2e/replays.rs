//! Reports that come again, or at once with others (decision 14).

use plex_tests::{Answer, ControlPlane, SimulatedNode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The history of an invocation, in any order.
fn events(control_plane: &ControlPlane, execution: Uuid) -> Vec<String> {
    let database = control_plane.database();
    let sql = format!(
        "select status from execution_events where execution_id = {} order by occurred_at, status",
        database.id(execution)
    );
    database.rows(&sql).concat()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

/// The object that an answer's upload URL is for; a fresh signature is not part of it.
fn without_signature(answer: &Answer) -> Value {
    let mut json = answer.json();
    if let Some(url) = json["output_upload_url"].as_str() {
        json["output_upload_url"] = url.split('?').next().expect("a URL").into();
    }
    json
}

#[test]
fn each_last_report_may_come_again_and_changes_nothing() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    let output = plex_tests::base64(b"out");
    let reports = [
        json!({"status": "ack"}),
        json!({"status": "started", "declared_output_bytes": 20_000}),
        json!({"status": "started", "declared_output_bytes": 30_000}),
        json!({"status": "succeeded", "exit_code": 0, "output": {"inline": output}}),
    ];
    for (number, report) in reports.iter().enumerate() {
        let first = node.callback(execution, report).expect(200);
        let (seen, history) = (admin.execution(execution), events(&control_plane, execution));
        for _ in 0..3 {
            let again = node.callback(execution, report).expect(200);
            assert_eq!(without_signature(&again), without_signature(&first), "{report}");
        }
        // The same meaning in other bytes is another report.
        let other = node.callback_raw(execution, format!("{report} ").as_bytes());
        let repeats_declaration = number == 1 || number == 2;
        assert_eq!(
            other.status,
            if repeats_declaration { 200 } else { 409 },
            "{report}"
        );
        for earlier in &reports[..number.min(1)] {
            assert_eq!(
                node.callback(execution, earlier).status,
                409,
                "{earlier} after {report}"
            );
        }
        assert_eq!(events(&control_plane, execution), history, "{report}");
        let now = admin.execution(execution);
        assert_eq!(
            (&now["status"], &now["targets"][0]["status"]),
            (&seen["status"], &seen["targets"][0]["status"])
        );
        if !repeats_declaration {
            assert_eq!(now, seen, "{report}");
        }
    }
    assert_eq!(
        sorted(events(&control_plane, execution)),
        ["ack", "started", "succeeded"]
    );
    control_plane.restart();
    node.callback(execution, &reports[3]).expect(200);
    assert_eq!(
        sorted(events(&control_plane, execution)),
        ["ack", "started", "succeeded"]
    );
}

/// Sends bodies at once, one thread each.
fn at_once(node: &SimulatedNode, execution: Uuid, bodies: &[Value]) -> Vec<Answer> {
    let barrier = std::sync::Barrier::new(bodies.len());
    std::thread::scope(|scope| {
        let senders: Vec<_> = bodies
            .iter()
            .map(|body| {
                scope.spawn(|| {
                    barrier.wait();
                    node.callback(execution, body)
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().expect("an answer"))
            .collect()
    })
}

#[test]
fn a_hundred_at_once_are_one() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    for report in [
        json!({"status": "ack"}),
        json!({"status": "started", "declared_output_bytes": 20_000}),
        json!({"status": "failed", "exit_code": 9, "error": "e", "output": {"inline": "aGk="}}),
    ] {
        let answers = at_once(&node, execution, &vec![report.clone(); 100]);
        let bodies: BTreeSet<_> = answers
            .iter()
            .map(|answer| without_signature(answer).to_string())
            .collect();
        assert!(answers.iter().all(|answer| answer.status == 200), "{report}");
        assert_eq!(bodies.len(), 1, "{bodies:?}");
    }
    assert_eq!(
        sorted(events(&control_plane, execution)),
        ["ack", "failed", "started"]
    );
    let target = admin.execution(execution)["targets"][0].clone();
    assert_eq!((&target["exit_code"], &target["error"]), (&9.into(), &"e".into()));
}

#[test]
fn of_a_hundred_different_ends_one_wins() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.begin(execution);
    let ends: Vec<_> = (0..100)
        .map(|n| (["succeeded", "failed", "cancelled"][n % 3], n))
        .map(|(status, n)| json!({"status": status, "exit_code": n}))
        .collect();
    let answers = at_once(&node, execution, &ends);
    let target = admin.execution(execution)["targets"][0].clone();
    let winners: Vec<_> = (0..100).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(
        (&target["status"], &target["exit_code"]),
        (&ends[winners[0]]["status"], &winners[0].into())
    );
    for (n, answer) in answers.iter().enumerate().filter(|(n, _)| *n != winners[0]) {
        assert_eq!(
            answer.refusal(),
            (409, "execution_already_terminal".to_owned()),
            "{n}"
        );
        assert_eq!(answer.json()["current_status"], target["status"]);
    }
    let mut expected = vec![
        "ack".to_owned(),
        "started".to_owned(),
        target["status"].as_str().unwrap().to_owned(),
    ];
    expected.sort();
    assert_eq!(sorted(events(&control_plane, execution)), expected);
}
