//! The real program with NATS: it serves whatever NATS does.

use crate::eavesdropper;
use futures_util::StreamExt as _;
use plex_tests::{ControlPlane, LIMIT, NatsServer, Program, SimulatedNode, until};
use serde_json::json;
use std::process::Output;

#[test]
fn a_dispatch_is_told_to_other_replicas_and_served_without_them() {
    let mut nats = NatsServer::start();
    nats.kill9();
    let control_plane = ControlPlane::start_with(&["--nats-url", &nats.url()]);
    let node = SimulatedNode::register(&control_plane, "a");
    let mut events = node.events();
    until("a warning", LIMIT, || {
        control_plane.log().contains("trouble with NATS").then_some(())
    });
    let admin = control_plane.admin();
    let id = admin.dispatch(node.id, "probe");
    assert_eq!(events.action_request().unwrap()["execution_id"], json!(id));

    nats.restart();
    until("a connection", LIMIT, || {
        control_plane.log().contains("NATS is connected").then_some(())
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_client, mut heard) = runtime.block_on(eavesdropper(&nats.url()));
    admin.dispatch(node.id, "probe");
    let message = runtime.block_on(async { tokio::time::timeout(LIMIT, heard.next()).await });
    let message = message.expect("it is published").unwrap();
    assert!(message.subject.ends_with(".pending"), "{}", message.subject);
    assert_eq!(message.payload[..], node.id.into_bytes());
}

fn serve(arguments: &[&str]) -> Output {
    let mut command = Program::Plexsphere.command();
    command
        .args(["serve", "--data-dir", "/nonexistent"])
        .args(arguments);
    command.output().expect("a built program starts")
}

#[test]
fn nonsense_about_nats_is_one_line_and_exit_2() {
    for (arguments, said) in [
        (
            &["--nats-url", "bus:4222"][..],
            "--nats-url must be nats://HOST:PORT",
        ),
        (
            &["--nats-url", "nats://u:hush@bus"],
            "--nats-url must not carry credentials",
        ),
        (
            &["--nats-credentials-file", "f"],
            "--nats-credentials-file makes sense only with --nats-url",
        ),
        (
            &["--nats-url", "nats://bus", "--nats-ca-file", "f"],
            "--nats-ca-file makes sense only with a tls:// URL",
        ),
    ] {
        let output = serve(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with(&format!("error: {said}")), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(!stderr.contains("hush"), "{stderr}");
    }
}
