//! Reading while nodes report: each answer is one moment, whole, and time never runs backwards.

use plex_api::executions::ExecutionStatus;
use plex_api::paths;
use plex_domain::execution::TargetCounts;
use plex_tests::{ControlPlane, Manifest, SimulatedNode, base64, bootstrap_token, from_base64};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// More than the server reads at a time.
const NODES: usize = 150;

/// Status and counts are those of the very targets beside them, and an output is there once its target ended.
fn assert_one_moment(execution: &Value) -> TargetCounts {
    let mut counts = TargetCounts::default();
    for target in execution["targets"].as_array().expect("targets") {
        let status = target["status"]
            .as_str()
            .and_then(ExecutionStatus::parse)
            .expect("a status");
        counts.add(status, 1);
        let output = target["output_ref"]["inline_bytes"].as_str();
        assert_eq!(output.is_some(), status.is_terminal(), "{target}");
        if let Some(output) = output {
            let node = target["node_id"].as_str().expect("an id");
            assert_eq!(
                from_base64(output),
                node.as_bytes(),
                "each output stands with its own target"
            );
        }
    }
    assert_eq!(counts.total() as usize, NODES);
    assert_counts(execution, &counts);
    counts
}

fn assert_counts(execution: &Value, counts: &TargetCounts) {
    assert_eq!(execution["status"], counts.aggregate().as_str());
    for (status, count) in counts.iter() {
        let shown = execution["target_counts"]
            .get(status.as_str())
            .and_then(Value::as_u64)
            .unwrap_or(0);
        assert_eq!(shown, u64::from(count), "{status:?}");
    }
}

fn counts_of(execution: &Value) -> TargetCounts {
    let mut counts = TargetCounts::default();
    for (word, count) in execution["target_counts"].as_object().expect("counts") {
        let status = ExecutionStatus::parse(word).expect("a status");
        counts.add(
            status,
            u32::try_from(count.as_u64().expect("a number")).expect("it fits"),
        );
    }
    counts
}

#[test]
fn every_answer_is_one_moment() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let token = bootstrap_token(
        &control_plane,
        u32::try_from(NODES).unwrap(),
        &json!({"many": "yes"}),
    );
    let nodes: Vec<_> = (0..NODES)
        .map(|n| {
            let node = SimulatedNode::redeem(&control_plane, &token, &format!("n{n}"));
            node.capabilities(&Manifest::of(&["probe"])).expect(200);
            node
        })
        .collect();
    let execution = admin.dispatched(&json!({"action": "probe", "selector": "many=yes"}));
    let left = AtomicUsize::new(NODES);
    let mut answers = 0;
    std::thread::scope(|scope| {
        for part in nodes.chunks(NODES.div_ceil(4)) {
            let left = &left;
            scope.spawn(move || {
                for node in part {
                    node.begin(execution);
                    let output = base64(node.id.to_string().as_bytes());
                    let end = json!({"status": "succeeded", "output": {"inline": output}});
                    node.callback(execution, &end).expect(200);
                    left.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
        let mut ended = 0;
        while ended < NODES {
            let reported = NODES - left.load(Ordering::SeqCst);
            let counts = assert_one_moment(&admin.execution(execution));
            let now = counts.terminal() as usize;
            assert!(
                now >= ended.max(reported),
                "what was answered is seen: {now} of {ended} and {reported}"
            );
            let page = admin.get(&paths::executions(admin.project_id)).expect(200).json();
            let listed = counts_of(&page["items"][0]);
            assert_counts(&page["items"][0], &listed);
            assert!(listed.total() as usize == NODES && listed.terminal() as usize >= now);
            ended = now;
            answers += 1;
        }
    });
    assert!(answers > 3, "the reader saw only {answers} moments");
}
