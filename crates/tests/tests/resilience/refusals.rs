//! Hooks that an agent refuses although its control plane believed in them: nothing runs, and the log says why.
//!
//! The agent declares its hooks anew whenever they change, so the new declaration is withheld on its way.

use crate::interceptor::{Interceptor, Withheld};
use crate::{JOB, dispatch_hook, ended_target, runs};
use plex_tests::{Agent, ControlPlane};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Declares the hook `job`, changes something about it behind the control plane's back, and dispatches it.
fn refused(change: impl FnOnce(&Agent, &Path)) -> Value {
    let control_plane = ControlPlane::start();
    let interceptor = Interceptor::before(&control_plane);
    let agent = Agent::start_with(&control_plane, "wary", &["--server", &interceptor.url()]);
    agent.hook("job", JOB);
    interceptor.withhold(Withheld::Request, |request| {
        request.line.contains("/capabilities")
    });
    change(&agent, &agent.hooks_dir().join("job"));
    interceptor.wait_for_catch();
    let admin = control_plane.admin();
    let target = ended_target(&admin, dispatch_hook(&admin, agent.node_id(), "job"));
    assert_eq!(target["status"], "failed", "{target}");
    assert!(target.get("exit_code").is_none(), "{target}");
    assert_eq!(runs(&agent), 0, "it ran all the same");
    target
}

#[test]
fn a_hook_that_is_gone() {
    let target = refused(|_, hook| fs::remove_file(hook).unwrap());
    assert_eq!(target["error"], "unknown_action", "{target}");
}

#[test]
fn a_hook_that_is_another_than_was_declared() {
    let target = refused(|agent, _| agent.write_hook("job", &JOB.replace("done", "evil")));
    assert_eq!(target["error"], "hook_integrity_violation", "{target}");
}

#[test]
fn a_hook_that_others_may_write() {
    let target = refused(|_, hook| fs::set_permissions(hook, Permissions::from_mode(0o757)).unwrap());
    assert_eq!(
        target["error"], "hook refused: others than root and the agent's user may write it",
        "{target}"
    );
}

#[test]
fn a_hook_in_a_directory_that_others_may_write() {
    let target =
        refused(|agent, _| fs::set_permissions(agent.hooks_dir(), Permissions::from_mode(0o777)).unwrap());
    assert_eq!(
        target["error"], "hook refused: others than root and the agent's user may write it",
        "{target}"
    );
}

#[test]
fn a_hook_that_became_a_link() {
    let target = refused(|agent, hook| {
        let elsewhere = agent.scratch().join("job");
        fs::rename(hook, &elsewhere).unwrap();
        std::os::unix::fs::symlink(elsewhere, hook).unwrap();
    });
    assert_eq!(target["error"], "hook refused: not a regular file", "{target}");
}

#[test]
fn a_hook_whose_sidecar_cannot_be_relied_on() {
    let target = refused(|agent, _| fs::write(agent.hooks_dir().join("job.json"), "{").unwrap());
    let error = target["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("hook refused: sidecar: "), "{target}");
}
