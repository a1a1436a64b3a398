//! Hooks through the whole agent: what they see, and that only what was pinned runs.

use crate::agent::Machine;
use crate::control_plane::{ControlPlane, NODE};
use data_encoding::BASE64;
use serde_json::{Value, json};

#[tokio::test]
async fn a_hook_sees_its_parameters_and_nothing_of_the_agent() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("show", "env | sort; cat $PLEXD_PARAM_KEY_FILE");
    let sidecar = json!({"description": "d", "parameters": [{"name": "key", "secret": true}]});
    std::fs::write(machine.path("hooks/show.json"), sidecar.to_string()).unwrap();
    let _agent = machine.start(&server, &[]);
    server.until_declared("show").await;
    let id = server.dispatch(
        "show",
        "hook",
        json!({"key": "hunter2", "a-b": "x <y>", "n": [1, 2.50]}),
        60,
    );
    let end = server.end_of(id).await;
    let output = BASE64
        .decode(end["output"]["inline"].as_str().unwrap().as_bytes())
        .unwrap();
    let output = String::from_utf8(output).unwrap();
    for line in [
        format!("PLEXD_EXECUTION_ID={id}\n"),
        format!("PLEXD_NODE_ID={NODE}\n"),
        "PLEXD_PARAM_A_B=x <y>\n".to_owned(),
        "PLEXD_PARAM_KEY_FILE=/dev/fd/".to_owned(),
        "PLEXD_PARAM_N=[1,2.5]\n".to_owned(),
    ] {
        assert!(output.contains(&line), "{line} in {output}");
    }
    assert!(
        output.ends_with("hunter2") && output.matches("hunter2").count() == 1,
        "{output}"
    );
    assert!(!output.contains("leaked") && !output.contains("AGENT_SECRET"));
    for secret in ["hunter2", "Kioq", "psb_"] {
        assert!(!machine.read("log").contains(secret), "{secret} in the log");
    }
    let manifest = server.state().manifests.last().cloned().unwrap();
    assert_eq!(manifest["declared_hooks"][0]["parameters"][0]["secret"], true);
}

#[tokio::test]
async fn a_hook_that_is_not_the_pinned_one_does_not_run() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("job", "echo one >> $DIR/ran");
    let _agent = machine.start(&server, &[]);
    server.until_declared("job").await;
    let pinned = server.state().manifests.last().unwrap()["declared_hooks"][0]["checksum"]
        .as_str()
        .unwrap()
        .to_owned();
    let good = server.dispatch_pinned("job", &pinned);
    assert_eq!(server.end_of(good).await["status"], "succeeded");
    machine.hook("job", "echo two >> $DIR/ran");
    let bad = server.dispatch_pinned("job", &pinned);
    let end = server.end_of(bad).await;
    assert_eq!(end["error"], "hook_integrity_violation");
    assert_eq!(machine.read("ran"), "one\n");
    // The change is declared, so that an operator can accept it.
    let drifted = |manifest: &Value| manifest["declared_hooks"][0]["checksum"] != json!(pinned);
    server
        .until("the new digest", |state| {
            state.manifests.last().filter(|m| drifted(m)).map(|_| ())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_does_not_run_on_the_digest_of_the_old_one() {
    let (server, machine) = (ControlPlane::start().await, Machine::new());
    machine.hook("job", "true");
    let _agent = machine.start(&server, &[]);
    server.until_declared("job").await;
    let pinned = server.state().manifests.last().unwrap()["declared_hooks"][0]["checksum"]
        .as_str()
        .unwrap()
        .to_owned();
    // While the file is exchanged all the time, a run is either the pinned hook or refused.
    let stop = std::sync::atomic::AtomicBool::new(false);
    let exchanging = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                machine.hook("job", "touch $DIR/swapped");
                machine.hook("job", "true");
            }
        });
        let ends = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let mut ends = Vec::new();
                for _ in 0..15 {
                    let id = server.dispatch_pinned("job", &pinned);
                    ends.push(server.end_of(id).await);
                }
                ends
            })
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().unwrap();
        ends
    });
    assert!(!machine.path("swapped").exists());
    for end in exchanging {
        assert!(
            end["status"] == "succeeded" || end["error"] == "hook_integrity_violation",
            "{end}"
        );
    }
}
