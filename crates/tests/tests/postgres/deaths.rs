//! Replicas and servers that die or freeze under load: what was answered is there, once.

use plex_api::paths;
use plex_tests::{Answer, ControlPlane, Database, LIMIT, Load, Operator, SimulatedNode, Site, until};
use rustix::process::Signal;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a lock may be held by somebody who does nothing, and how long what waited for it takes then.
const HELD_UP: Duration = Duration::from_secs(10 + 4);

/// Kills these of so many replicas under load, one after the other; each comes back before the next goes.
fn kill_under_load(replicas: usize, killed: [usize; 2]) {
    let mut site = Site::start(replicas, 6);
    let load = Load::default();
    let jobs = site.under_load(&load, |replicas| {
        for killed in killed {
            load.go_on(30);
            replicas[killed].kill9();
            load.go_on(30);
            replicas[killed].restart();
        }
        load.go_on(10);
        assert!(load.unanswered() > 0, "nobody noticed");
    });
    site.assert_whole(&jobs, 0);
}

#[test]
fn a_killed_replica_takes_nothing_with_it() {
    kill_under_load(3, [0, 2]);
}

#[test]
fn a_killed_replica_leaves_everything_to_the_only_other_one() {
    kill_under_load(2, [0, 1]);
}

#[test]
fn a_server_restarted_under_load_loses_nothing() {
    let mut site = Site::start(2, 6);
    let load = Load::default();
    let jobs = site.under_load(&load, |_| {
        for _ in 0..3 {
            load.go_on(30);
            Database::restart_the_server();
        }
        load.go_on(30);
    });
    site.assert_whole(&jobs, 0);
}

/// Whether a writer holds its lock and does nothing.
fn is_locked(control_plane: &ControlPlane) -> bool {
    let idle = "select count(*) from pg_locks l join pg_stat_activity a using (pid)
        where l.locktype = 'advisory' and l.granted and l.database = (
            select oid from pg_database where datname = current_database()
        ) and l.classid = 7367800 + 1 and l.objid = hashtext(current_schema())::oid
        and a.state like 'idle in transaction%' and a.state_change < now() - interval '300 milliseconds'";
    control_plane.database().number(idle) > 0
}

/// Freezes it while it holds the writers' lock; there is somebody who makes it write.
fn freeze_in_a_transaction(replica: &mut ControlPlane, other: &ControlPlane) {
    until("a freeze while the lock is held", LIMIT, || {
        replica.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(500));
        if is_locked(other) {
            return Some(());
        }
        replica.signal(Signal::CONT);
        std::thread::sleep(Duration::from_millis(7));
        None
    });
}

fn dispatch(operator: &Operator, node: &SimulatedNode) -> Answer {
    let body = json!({"action": "probe", "node_id": node.id});
    operator.post(&paths::dispatch(operator.project_id), &body)
}

#[test]
fn a_frozen_replica_does_not_hold_the_others_up_for_longer_than_its_lock_lasts() {
    let Site { mut replicas, nodes } = Site::start(2, 1);
    let (admin, other) = (replicas[0].admin(), replicas.pop().expect("two were started"));
    let ended = AtomicBool::new(false);
    let node = &nodes[0];
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        // One that was taken back, and could not be done again in time, is told so.
                        let status = dispatch(&admin, node).status;
                        assert!(matches!(status, 201 | 503), "{status}");
                    }
                })
            })
            .collect();
        freeze_in_a_transaction(&mut replicas[0], &other);
        let began = Instant::now();
        let elsewhere = other.admin();
        let answer = until("a dispatch elsewhere", LIMIT, || {
            let answer = dispatch(&elsewhere, node);
            (answer.status != 503).then_some(answer)
        });
        let waited = began.elapsed();
        answer.expect(201);
        ended.store(true, Ordering::SeqCst);
        replicas[0].signal(Signal::CONT);
        for writer in writers {
            writer.join().expect("every dispatch is answered");
        }
        assert!(waited < HELD_UP, "held up for {waited:?}");
    });
    let execution = admin.dispatch(node.id, "probe");
    SimulatedNode::at(node, &other).succeed(execution, b"out");
    assert_eq!(admin.ended(execution)["status"], "succeeded");
}
