//! What cannot be begun is said in one line, with exit code 2.

use crate::agent::Machine;
use crate::control_plane::ControlPlane;
use std::os::unix::fs::MetadataExt as _;
use std::process::Output;

async fn refused(machine: &Machine, server: &str, options: &[&str]) -> String {
    let Output { status, stderr, .. } = machine.command(server).args(options).output().await.unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    stderr
}

#[tokio::test]
async fn bad_configuration_is_one_clear_line() {
    let machine = Machine::new();
    let token = machine.path("token");
    let token = ["--bootstrap-token-file", token.to_str().unwrap()];
    let missing = ["--bootstrap-token-file", "/no/such/file"];
    let ca = [&token[..], &["--ca-file", "/etc/hostname"]].concat();
    let otlp = [&token[..], &["--otlp-endpoint", "localhost:4318"]].concat();
    for (server, options, text) in [
        (
            "http://example.org",
            &token[..],
            "--server: plain http is allowed for loopback addresses only",
        ),
        ("nonsense", &token, "--server: not a usable server URL"),
        (
            "https://127.0.0.1:1",
            &[],
            "not registered yet; give --bootstrap-token-file",
        ),
        (
            "https://127.0.0.1:1",
            &missing,
            "--bootstrap-token-file: /no/such/file: No such file",
        ),
        (
            "https://127.0.0.1:1",
            &ca,
            "--ca-file: no certificate in the file",
        ),
        (
            "https://127.0.0.1:1",
            &otlp,
            "--otlp-endpoint: the URL of a collector is",
        ),
    ] {
        let stderr = refused(&machine, server, options).await;
        assert!(stderr.contains(text) && stderr.lines().count() == 1, "{stderr}");
    }
    std::fs::write(machine.path("token"), "psk_not_a_bootstrap_token").unwrap();
    let stderr = refused(&machine, "https://127.0.0.1:1", &token).await;
    assert!(
        stderr.contains("does not hold a bootstrap token") && !stderr.contains("psk_"),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_state_directory_has_one_agent_and_no_readers() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let _agent = machine.start(&server, &[]);
    server
        .until("registration", |state| {
            (!state.manifests.is_empty()).then_some(())
        })
        .await;
    let stderr = refused(&machine, &server.url, &[]).await;
    assert!(stderr.contains("another plexd is running"), "{stderr}");
    assert_eq!(
        std::fs::metadata(machine.path("state")).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        std::fs::metadata(machine.path("state/identity.json"))
            .unwrap()
            .mode()
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_registered_node_needs_no_token_and_a_used_up_token_is_explained() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    let agent = machine.start(&server, &[]);
    server
        .until("registration", |state| {
            (!state.manifests.is_empty()).then_some(())
        })
        .await;
    agent.kill().await;
    std::fs::remove_file(machine.path("token")).unwrap();
    let agent = machine.start(&server, &[]);
    server
        .until("the second start", |state| {
            (state.manifests.len() >= 2).then_some(())
        })
        .await;
    agent.kill().await;
    let other = Machine::new();
    let mut agent = other.start(&server, &[]);
    assert_eq!(agent.exit_code().await, Some(1));
    assert!(other.read("log").contains("used up"), "{}", other.read("log"));
}

#[tokio::test]
async fn the_version_and_the_help_are_there() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_plexd"))
        .arg("--version")
        .output()
        .await
        .unwrap();
    assert_eq!(
        output.stdout,
        format!("plexd {}\n", env!("CARGO_PKG_VERSION")).into_bytes()
    );
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_plexd"))
        .arg("--help")
        .output()
        .await
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("run") && !help.contains("supervise"), "{help}");
}
