//! Many targets: the text streams, whole and in order, and `plexctl` stays small.

use crate::layout::expected_text;
use plex_tests::{ControlPlane, Dice, Manifest, Operator, SimulatedNode, base64, bootstrap_token};
use serde_json::json;
use std::io::Read as _;
use std::process::{Child, Stdio};
use uuid::Uuid;

const TARGETS: usize = 2_200;
const THREADS: usize = 8;
/// What a pipe holds: as long as more than that is unread, the writer has not ended.
const PIPE: usize = 64 * 1024;

/// Registers nodes in parallel; `label` tells the first few from the rest.
fn fleet(control_plane: &ControlPlane) -> Vec<SimulatedNode> {
    let tokens = [
        ("few", 40_u32),
        ("rest", u32::try_from(TARGETS).expect("it fits") - 40),
    ]
    .map(|(part, uses)| (bootstrap_token(control_plane, uses, &json!({"part": part})), uses));
    let mut nodes = Vec::new();
    for (token, uses) in &tokens {
        let uses = usize::try_from(*uses).expect("it fits");
        let register = |worker: usize| {
            let own = (worker..uses).step_by(THREADS).map(|n| {
                let node = SimulatedNode::redeem(control_plane, token, &format!("n{n}"));
                node.capabilities(&Manifest::of(&["probe"])).expect(200);
                node
            });
            own.collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|worker| scope.spawn(move || register(worker)))
                .collect();
            workers
                .into_iter()
                .for_each(|worker| nodes.extend(worker.join().expect("registered")));
        });
    }
    nodes
}

/// Each node ends with an output of the largest size that travels inline.
fn report(nodes: &[SimulatedNode], execution: Uuid) {
    std::thread::scope(|scope| {
        for part in nodes.chunks(nodes.len().div_ceil(THREADS)) {
            scope.spawn(move || {
                for node in part {
                    let output =
                        Dice::new(u64::from(node.id.as_fields().0) ^ node.id.as_u128() as u64).bytes(16_384);
                    let end =
                        json!({"status": "failed", "exit_code": 1, "output": {"inline": base64(&output)}});
                    node.callback(execution, &end).expect(200);
                }
            });
        }
    });
}

/// The most memory that the process ever held, in KiB; while it still runs.
fn peak_kib(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs `exec-log get` as text, and tells its result and its peak.
fn get(operator: &Operator, execution: Uuid, expected: usize) -> (Vec<u8>, u64) {
    let (project, id) = (operator.project_id.to_string(), execution.to_string());
    let mut command = operator.command(&["exec-log", "get", "--project", &project, "--id", &id]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("plexctl starts");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let (mut text, mut piece, mut peak) = (Vec::new(), vec![0; PIPE], 0);
    loop {
        let count = stdout.read(&mut piece).expect("a pipe can be read");
        if count == 0 {
            break;
        }
        text.extend_from_slice(&piece[..count]);
        if text.len() + 2 * PIPE < expected {
            peak = peak.max(peak_kib(&child).expect("it still runs"));
        }
    }
    assert!(child.wait().expect("it ends").success());
    (text, peak)
}

#[test]
fn memory_stays_flat_and_nothing_is_lost() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let nodes = fleet(&control_plane);
    let mut peaks = Vec::new();
    for (selector, members) in [("part=few", &nodes[..40]), ("part", &nodes[..])] {
        let execution = admin.dispatched(&json!({"action": "probe", "selector": selector}));
        report(members, execution);
        let json = admin.execution(execution);
        assert_eq!(json["targets"].as_array().unwrap().len(), members.len());
        assert_eq!(json["status"], "failed");
        let expected = expected_text(&json);
        assert!(expected.len() > members.len() * 16_384);
        let (text, peak) = get(&admin, execution, expected.len());
        assert!(
            text == expected,
            "{selector}: {} bytes, expected {}",
            text.len(),
            expected.len()
        );
        assert!(peak > 0);
        peaks.push(peak);
    }
    // The wide one prints 36 MB; what it holds must not follow.
    let (few, all) = (peaks[0], peaks[1]);
    assert!(
        all < few + 8 * 1024,
        "{few} KiB with 40 targets, {all} KiB with {TARGETS}"
    );
}
