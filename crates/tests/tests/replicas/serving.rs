//! The real program with NATS: it serves whatever NATS does.

use crate::eavesdropper;
use futures_util::StreamExt as _;
use plex_tests::{ControlPlane, Database, LIMIT, NatsServer, Program, SimulatedNode, until};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
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

#[test]
fn a_server_says_what_it_stands_on_and_no_secret() {
    let nats = NatsServer::start_with(&["--user", "plex", "--pass", "hush-nats"]);
    let secrets = tempfile::tempdir().unwrap();
    let secret = |name: &str, content: &str| {
        let path = secrets.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().expect("a temporary path is UTF-8").to_owned()
    };
    let credentials = secret("nats", "plex:hush-nats");
    let password = secret("database", "hush-database");
    let url = nats.url();
    let flags = [
        ["--nats-url", &url],
        ["--nats-credentials-file", &credentials],
        ["--database-password-file", &password],
    ];
    let flags = flags.as_flattened().iter().map(|&flag| flag.to_owned());
    let control_plane = ControlPlane::start_shared(|_| flags.collect());
    until("a connection", LIMIT, || {
        control_plane.log().contains("NATS is connected").then_some(())
    });
    let Database::Postgres(database) = control_plane.database() else {
        panic!("it is shared")
    };
    let (_, place) = database.split_once('@').expect("a URL with a user");
    let (place, _) = place.split_once('?').expect("a URL with options");
    let (_, port) = control_plane.url().rsplit_once(':').expect("a URL with a port");
    assert_eq!(
        control_plane.announced(),
        json!({
            "message": "serving",
            "url": control_plane.url(),
            "listen": format!("127.0.0.1:{port}"),
            "version": env!("CARGO_PKG_VERSION"),
            "database": format!("postgres://{place}"),
            "object_store": "directory in the data directory",
            "wake_ups": "NATS",
        })
    );
    assert!(!control_plane.log().contains("hush"), "{}", control_plane.log());
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
