//! Delivery: what was dispatched reaches its node, once as a run and as often as needed as a frame, and only in the
//! control plane's own words.

use crate::interceptor::Interceptor;
use crate::{JOB, dispatch_hook, ended_target, runs};
use http::Method;
use jiff::Timestamp;
use plex_api::paths;
use plex_domain::envelope;
use plex_tests::{Agent, ControlPlane, Frame, LIMIT, Manifest, SimulatedNode, until};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// The payload of a frame whose signature holds.
fn opened(node: &SimulatedNode, frame: &Frame) -> (Timestamp, Value) {
    let key = node.signing_key.clone().try_into().expect("a key has 32 bytes");
    let key_of = |id: &str| (id == node.signing_key_id).then_some(key);
    let opened = envelope::open(&frame.data, key_of, Timestamp::now()).expect("a genuine envelope");
    assert_eq!(
        (opened.event_type.as_str(), frame.event.as_str()),
        ("action_request", "action_request")
    );
    assert_eq!(opened.scope, format!("node:{}", node.id));
    (
        opened.issued_at,
        serde_json::from_str(opened.payload).expect("a payload is JSON"),
    )
}

#[test]
fn opening_the_stream_brings_what_is_pending_signed_and_nothing_else() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "node");
    let other = SimulatedNode::register(&control_plane, "other");
    let (pending, acked) = (admin.dispatch(node.id, "probe"), admin.dispatch(node.id, "probe"));
    node.callback(acked, &json!({"status": "ack"})).expect(200);
    admin.dispatch(other.id, "probe");
    let mut events = node.events();
    let header = |name: &str| events.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-cache");
    assert_eq!(header("x-plexsphere-api-version"), "v1");
    let first = events.frame().expect("what is pending");
    let (_, payload) = opened(&node, &first);
    assert_eq!(
        (first.id.as_str(), &payload["execution_id"]),
        ("1", &json!(pending))
    );
    assert_eq!(payload["node_id"], json!(node.id));
    assert_eq!(payload["expires_at"], admin.execution(pending)["expires_at"]);
    let next = admin.dispatch(node.id, "probe");
    let second = events.frame().expect("what was dispatched meanwhile");
    assert_eq!(
        (second.id.as_str(), &opened(&node, &second).1["execution_id"]),
        ("2", &json!(next))
    );
    let mut again = node.events();
    let order: Vec<_> = (0..2)
        .map(|_| opened(&node, &again.frame().unwrap()).1["execution_id"].clone())
        .collect();
    assert_eq!(
        order,
        [json!(pending), json!(next)],
        "a new stream begins anew, oldest first"
    );
}

#[test]
fn what_stays_pending_is_sent_again_freshly_signed() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let node = SimulatedNode::register(&control_plane, "node");
    let mut events = node.events();
    let execution = admin.dispatch(node.id, "probe");
    let (first, second) = (
        events.frame().expect("the first"),
        events.frame().expect("the same again"),
    );
    let ((issued, payload), (issued_again, payload_again)) = (opened(&node, &first), opened(&node, &second));
    assert_eq!(payload["execution_id"], json!(execution));
    assert_eq!(payload_again["execution_id"], json!(execution));
    assert_ne!(payload["event_id"], payload_again["event_id"]);
    let between = issued_again.duration_since(issued);
    assert!((29..=40).contains(&between.as_secs()), "again after {between}");
    assert_eq!(second.id, "2");
    node.callback(execution, &json!({"status": "ack"})).expect(200);
    let next = admin.dispatch(node.id, "probe");
    let third = events.frame().expect("the next one");
    assert_eq!(
        opened(&node, &third).1["execution_id"],
        json!(next),
        "what was acknowledged is not sent again"
    );
}

#[test]
fn a_last_event_id_that_is_none_is_refused_and_any_other_changes_nothing() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "node");
    let pending = control_plane.admin().dispatch(node.id, "probe");
    let bearer = format!("Bearer {}", node.bearer);
    let path = paths::node_events(node.id);
    for bad in [
        "-1",
        "+5",
        "1e5",
        "3.0",
        "0x10",
        "1,2",
        "one",
        "18446744073709551616",
        "1 2",
    ] {
        let headers = [("authorization", bearer.as_str()), ("last-event-id", bad)];
        let refused = control_plane.web().send(&Method::GET, &path, &headers, None);
        assert_eq!(refused.refusal(), (400, "invalid_cursor".to_owned()), "{bad:?}");
    }
    let twice = [
        ("authorization", bearer.as_str()),
        ("last-event-id", "1"),
        ("last-event-id", "1"),
    ];
    let refused = control_plane.web().send(&Method::GET, &path, &twice, None);
    assert_eq!(
        refused.refusal(),
        (400, "invalid_cursor".to_owned()),
        "given twice"
    );
    let mut raw = control_plane.raw();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nLast-Event-ID: \u{663}\r\n\r\n"
    );
    raw.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    raw.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400", "digits of another script");
    for good in ["", "0", "7", "18446744073709551615"] {
        let headers = [("authorization", bearer.as_str()), ("last-event-id", good)];
        let stream = control_plane
            .web()
            .open(&Method::GET, &path, &headers, None)
            .unwrap();
        assert_eq!(stream.status(), 200, "{good:?}");
        let mut text = String::new();
        let mut body = stream.into_body().into_reader();
        while !text.contains(&pending.to_string()) {
            let mut piece = [0; 4096];
            let length = body.read(&mut piece).unwrap();
            assert_ne!(length, 0, "{good:?}: the stream ended without what is pending");
            text.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    }
}

#[test]
fn an_agent_gets_what_was_dispatched_while_it_was_away() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let mut agent = Agent::start(&control_plane, "away");
    agent.hook("job", JOB);
    assert!(agent.terminate().success());
    let executions: Vec<_> = (0..3)
        .map(|_| dispatch_hook(&admin, agent.node_id(), "job"))
        .collect();
    for execution in &executions {
        assert_eq!(admin.execution(*execution)["status"], "pending");
    }
    agent.restart();
    for execution in executions {
        assert_eq!(ended_target(&admin, execution)["status"], "succeeded");
    }
    assert_eq!(runs(&agent), 3);
}

#[test]
fn a_control_plane_that_stops_says_so_and_its_agents_come_back() {
    let mut control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let agent = Agent::start(&control_plane, "back");
    agent.hook("job", JOB);
    let mut events = SimulatedNode::register(&control_plane, "listener").events();
    assert_eq!(events.line().as_deref(), Some(":connected"));
    assert!(control_plane.terminate().success(), "{}", control_plane.log());
    let farewell: Vec<_> = std::iter::from_fn(|| events.line())
        .filter(|line| !line.is_empty())
        .collect();
    let [retry, stopping] = &farewell[..] else {
        panic!("{farewell:?}");
    };
    // Two streams need not be told apart by more than a few milliseconds.
    let retry: u32 = retry.strip_prefix("retry: ").unwrap().parse().unwrap();
    assert!((1000..1010).contains(&retry), "{farewell:?}");
    assert_eq!(stopping, ":stopping");
    control_plane.restart();
    assert_eq!(
        ended_target(&admin, dispatch_hook(&admin, agent.node_id(), "job"))["status"],
        "succeeded"
    );
    assert_eq!(runs(&agent), 1);
}

#[test]
fn a_forged_request_is_not_run_and_the_genuine_one_is() {
    const EVIL: &str = "#!/bin/sh\necho evil >> \"$HOME/scratch/evil\"\n";
    let control_plane = ControlPlane::start();
    let interceptor = Interceptor::before(&control_plane);
    let admin = control_plane.admin();
    let mut agent = Agent::start_with(&control_plane, "deceived", &["--server", &interceptor.url()]);
    agent.hook("job", JOB);
    agent.hook("bad", EVIL);
    interceptor.forge(r#""action":"job""#, r#""action":"bad""#);
    let execution = dispatch_hook(&admin, agent.node_id(), "job");
    interceptor.wait_for_forgery();
    let complained = || {
        agent
            .log()
            .contains("envelope's signature does not hold")
            .then_some(())
    };
    until("the agent to notice", LIMIT, complained);
    // The pull brings a second forgery, whose entry outside the envelope is as forged as the one inside.
    agent.restart();
    interceptor.wait_for_forgery();
    assert_eq!(
        admin.execution(execution)["status"],
        "pending",
        "it was not even acknowledged"
    );
    interceptor.clear();
    agent.restart();
    assert_eq!(ended_target(&admin, execution)["status"], "succeeded");
    assert_eq!(runs(&agent), 1);
    assert!(!agent.scratch().join("evil").exists(), "the forged one ran");
}

#[test]
fn a_genuine_request_for_another_node_is_not_run() {
    let control_plane = ControlPlane::start();
    let interceptor = Interceptor::before(&control_plane);
    let admin = control_plane.admin();
    let mut agent = Agent::start_with(&control_plane, "confused", &["--server", &interceptor.url()]);
    agent.hook("job", JOB);
    let other = SimulatedNode::register(&control_plane, "other");
    other
        .capabilities(&Manifest::default().hook("job", JOB))
        .expect(200);
    let foreign = dispatch_hook(&admin, other.id, "job");
    interceptor.disguise_as(&other);
    agent.restart();
    let complained = || {
        agent
            .log()
            .contains("the action request is for another node")
            .then_some(())
    };
    until("the agent to notice", LIMIT, complained);
    interceptor.clear();
    agent.restart();
    assert_eq!(
        ended_target(&admin, dispatch_hook(&admin, agent.node_id(), "job"))["status"],
        "succeeded"
    );
    assert_eq!(runs(&agent), 1, "its own only");
    assert_eq!(admin.execution(foreign)["status"], "pending");
}
