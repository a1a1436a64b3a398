//! SIGTERM: what was begun is finished and answered, nothing new is begun, and the exit code is 0.

use crate::record;
use http::Method;
use plex_api::paths;
use plex_tests::{Agent, Answer, Broken, ControlPlane, LIMIT, Operator, RawConnection, SimulatedNode, until};
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// A request whose body is half sent, and is being read.
fn half_sent(control_plane: &ControlPlane, node: &SimulatedNode, path: &str, body: &[u8]) -> RawConnection {
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut connection = control_plane.raw();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        node.bearer,
        body.len()
    );
    let sent = connection.write_all(head.as_bytes());
    sent.and_then(|()| connection.flush()).expect("the server reads");
    let mut answer = [0; GO_ON.len()];
    connection
        .read_exact(&mut answer)
        .expect("the server asks for the body");
    assert_eq!(answer, GO_ON);
    let sent = connection.write_all(&body[..body.len() / 2]);
    sent.and_then(|()| connection.flush()).expect("the server reads");
    connection
}

#[test]
fn requests_in_progress_are_answered_and_new_ones_are_not_begun() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "node");
    let execution = control_plane.admin().dispatch(node.id, "probe");
    let body = br#"{"status":"ack"}"#;
    let path = paths::callback(node.id, execution);
    let mut open: Vec<_> = (0..4)
        .map(|_| half_sent(&control_plane, &node, &path, body))
        .collect();
    control_plane.signal(Signal::TERM);
    let authority = control_plane.url().strip_prefix("https://").unwrap().to_owned();
    until("the listener to close", LIMIT, || {
        TcpStream::connect(&authority).is_err().then_some(())
    });
    for connection in &mut open {
        connection.write_all(&body[body.len() / 2..]).unwrap();
        let answer = String::from_utf8(connection.rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
        assert!(answer.ends_with(r#"{"status":"ack"}"#), "{answer}");
    }
    assert!(control_plane.wait().success(), "{}", control_plane.log());
    control_plane.restart();
    assert_eq!(control_plane.admin().execution(execution)["status"], "ack");
}

/// Dispatches and acknowledges until the control plane is gone. What was answered: dispatched, and acknowledged.
fn load(admin: &Operator, node: &SimulatedNode, begun: &AtomicUsize) -> (BTreeSet<Uuid>, BTreeSet<Uuid>) {
    let order = json!({"action": "probe", "node_id": node.id}).to_string();
    let headers = [("content-type", "application/json")];
    let dispatch = paths::dispatch(admin.project_id);
    let (mut dispatched, mut acked) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let answer = admin.try_send(&Method::POST, &dispatch, &headers, Some(order.as_bytes()));
        let Some(answer) = whole(answer) else { break };
        let id = answer.expect(201).json()["id"]
            .as_str()
            .and_then(|id| id.parse().ok());
        let id = id.expect("an execution has an id");
        dispatched.insert(id);
        begun.fetch_add(1, Ordering::SeqCst);
        let answer = node.try_send(
            &Method::POST,
            &paths::callback(node.id, id),
            Some(br#"{"status":"ack"}"#),
        );
        let Some(answer) = whole(answer) else { break };
        assert_eq!(answer.expect(200).json()["status"], "ack");
        acked.insert(id);
    }
    (dispatched, acked)
}

/// An answer, or none; half of one is a failure.
fn whole(answer: Result<Answer, Broken>) -> Option<Answer> {
    answer
        .map_err(|Broken(why)| assert!(!why.contains(": body: "), "an answer was cut off: {why}"))
        .ok()
}

#[test]
fn under_load_what_was_done_was_answered_and_the_exit_is_clean() {
    let mut control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let nodes: Vec<_> = (0..4)
        .map(|n| SimulatedNode::register(&control_plane, &format!("node-{n}")))
        .collect();
    let begun = AtomicUsize::new(0);
    let (answered, status) = std::thread::scope(|scope| {
        let (admin, begun) = (&admin, &begun);
        let workers: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(move || load(admin, node, begun)))
            .collect();
        until("some load", LIMIT, || {
            (begun.load(Ordering::SeqCst) > 40).then_some(())
        });
        let status = control_plane.terminate();
        let answered: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().expect("good answers"))
            .collect();
        (answered, status)
    });
    assert_eq!(status.code(), Some(0), "{}", control_plane.log());
    control_plane.restart();
    let (dispatched, acked): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
    let stored = record::executions(&admin);
    let in_ack = stored
        .iter()
        .filter(|(_, execution)| execution["status"] == "ack");
    let in_ack: BTreeSet<Uuid> = in_ack.map(|(id, _)| *id).collect();
    // Both ways: nothing that was answered is lost, and nothing was done whose answer was not given.
    assert_eq!(in_ack, acked.into_iter().flatten().collect());
    assert_eq!(
        stored.into_keys().collect::<BTreeSet<_>>(),
        dispatched.into_iter().flatten().collect()
    );
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "node");
    let path = paths::node_heartbeat(node.id);
    let mut stuck = half_sent(&control_plane, &node, &path, b"{\"never\":\"finished\"}");
    control_plane.signal(Signal::TERM);
    until("it to begin stopping", LIMIT, || {
        control_plane.log().contains("\"stopping\"").then_some(())
    });
    assert_eq!(
        control_plane.terminate().code(),
        Some(1),
        "{}",
        control_plane.log()
    );
    assert_eq!(stuck.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn an_agent_that_stops_kills_what_runs_and_reports_it() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let mut agent = Agent::start(&control_plane, "stopping");
    agent.hook("job", crate::JOB);
    let hold = agent.scratch().join("hold");
    std::fs::write(&hold, "").unwrap();
    let execution = crate::dispatch_hook(&admin, agent.node_id(), "job");
    until("the job to run", LIMIT, || {
        (crate::runs(&agent) == 1).then_some(())
    });
    agent.signal(Signal::TERM);
    let late = crate::dispatch_hook(&admin, agent.node_id(), "job");
    let target = crate::ended_target(&admin, execution);
    assert_eq!(
        (&target["status"], &target["error"]),
        (&"failed".into(), &"interrupted".into()),
        "{target}"
    );
    assert!(agent.terminate().success(), "{}", agent.log());
    assert_eq!(crate::runs(&agent), 1, "it takes no more work");
    std::fs::remove_file(hold).unwrap();
    agent.restart();
    assert_eq!(crate::ended_target(&admin, late)["status"], "succeeded");
    assert_eq!(crate::runs(&agent), 2);
}
