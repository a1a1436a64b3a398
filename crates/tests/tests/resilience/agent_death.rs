//! An agent that dies at once, at every step of an execution: what it ran is never run again, and what became of
//! it is told truthfully.

use crate::interceptor::{Interceptor, Withheld};
use crate::{JOB, dispatch_hook, ended_target, inline_output, record, runs};
use plex_tests::{Agent, ControlPlane, LIMIT, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use uuid::Uuid;

/// One agent behind an interceptor, with the hook `job`.
struct Scene {
    control_plane: ControlPlane,
    interceptor: Interceptor,
    agent: Agent,
}

impl Scene {
    fn new() -> Self {
        let control_plane = ControlPlane::start();
        let interceptor = Interceptor::before(&control_plane);
        let agent = Agent::start_with(&control_plane, "mortal", &["--server", &interceptor.url()]);
        agent.hook("job", JOB);
        Self {
            control_plane,
            interceptor,
            agent,
        }
    }

    fn dispatch(&self) -> Uuid {
        dispatch_hook(&self.control_plane.admin(), self.agent.node_id(), "job")
    }

    /// Dispatches, and kills the agent while something of that report is withheld; then starts it again.
    fn killed_at(&mut self, withheld: Withheld, status: &'static str) -> Value {
        self.interceptor.withhold_report(withheld, status);
        let execution = self.dispatch();
        self.interceptor.wait_for_catch();
        self.agent.kill9();
        self.interceptor.clear();
        self.agent.restart();
        self.truth(execution)
    }

    /// What became of the execution; nothing runs a second time, not even after one more start.
    fn truth(&mut self, execution: Uuid) -> Value {
        let admin = self.control_plane.admin();
        let target = ended_target(&admin, execution);
        let before = runs(&self.agent);
        self.agent.restart();
        let next = ended_target(&admin, self.dispatch());
        assert_eq!(next["status"], "succeeded", "the agent works on: {next}");
        assert_eq!(runs(&self.agent), before + 1, "only the new one ran");
        assert_eq!(ended_target(&admin, execution), target, "what has ended stays");
        target
    }

    /// How often that execution ran, before the one by which [`Scene::truth`] sees that the agent works on.
    fn runs(&self) -> usize {
        runs(&self.agent) - 1
    }

    fn hold_jobs(&self) {
        fs::write(self.agent.scratch().join("hold"), "").expect("a scratch directory can be written");
    }

    fn let_jobs_go(&self) {
        fs::remove_file(self.agent.scratch().join("hold")).expect("jobs were held");
    }
}

#[track_caller]
fn assert_succeeded(target: &Value) {
    assert_eq!(
        (&target["status"], &target["exit_code"]),
        (&"succeeded".into(), &0.into()),
        "{target}"
    );
    assert!(inline_output(target).starts_with(b"done "), "{target}");
}

#[track_caller]
fn assert_interrupted(target: &Value) {
    assert_eq!(
        (&target["status"], &target["error"]),
        (&"failed".into(), &"interrupted".into()),
        "{target}"
    );
    assert!(target.get("exit_code").is_none(), "nobody saw it exit: {target}");
}

#[test]
fn before_its_ack_arrived_it_had_run_nothing_and_runs_it_after_the_restart() {
    let mut scene = Scene::new();
    assert_succeeded(&scene.killed_at(Withheld::Request, "ack"));
    assert_eq!(scene.runs(), 1);
}

#[test]
fn before_its_ack_was_answered_it_had_run_nothing_and_runs_it_after_the_restart() {
    let mut scene = Scene::new();
    assert_succeeded(&scene.killed_at(Withheld::Answer, "ack"));
    assert_eq!(scene.runs(), 1);
}

#[test]
fn before_its_started_arrived_it_had_run_nothing_and_never_will() {
    let mut scene = Scene::new();
    assert_interrupted(&scene.killed_at(Withheld::Request, "started"));
    assert_eq!(scene.runs(), 0, "a body runs only after its started was answered");
}

#[test]
fn before_its_started_was_answered_it_had_run_nothing_and_never_will() {
    let mut scene = Scene::new();
    assert_interrupted(&scene.killed_at(Withheld::Answer, "started"));
    assert_eq!(scene.runs(), 0, "a body runs only after its started was answered");
}

#[test]
fn while_the_body_runs_is_an_interruption_and_the_body_goes_too() {
    let mut scene = Scene::new();
    scene.hold_jobs();
    let execution = scene.dispatch();
    until("the job to run", LIMIT, || {
        (runs(&scene.agent) == 1).then_some(())
    });
    scene.agent.kill9();
    until("the job to be gone", LIMIT, || {
        (!anybody_runs_for(execution)).then_some(())
    });
    scene.let_jobs_go();
    scene.agent.restart();
    assert_interrupted(&scene.truth(execution));
    assert_eq!(scene.runs(), 1);
}

/// Whether a process has that execution in its environment.
fn anybody_runs_for(execution: Uuid) -> bool {
    let mark = format!("PLEXD_EXECUTION_ID={execution}");
    let processes = fs::read_dir("/proc").expect("Linux has /proc");
    let paths = processes.filter_map(|entry| Some(entry.ok()?.path().join("environ")));
    let environments = paths.filter_map(|path| fs::read(path).ok());
    environments.into_iter().any(|environment| {
        environment
            .split(|byte| *byte == 0)
            .any(|one| one == mark.as_bytes())
    })
}

#[test]
fn a_result_that_nobody_heard_of_is_reported_after_the_restart() {
    let mut scene = Scene::new();
    assert_succeeded(&scene.killed_at(Withheld::Request, "succeeded"));
    assert_eq!(scene.runs(), 1);
}

#[test]
fn a_result_whose_answer_was_lost_is_stored_once() {
    let mut scene = Scene::new();
    let target = scene.killed_at(Withheld::Answer, "succeeded");
    assert_succeeded(&target);
    assert_eq!(scene.runs(), 1);
    record::assert_sound(&scene.control_plane);
}

#[test]
fn a_result_on_disk_survives_the_death_of_both() {
    let mut scene = Scene::new();
    scene.hold_jobs();
    let execution = scene.dispatch();
    until("the job to run", LIMIT, || {
        (runs(&scene.agent) == 1).then_some(())
    });
    scene.control_plane.signal(Signal::STOP);
    scene.let_jobs_go();
    let kept = scene.agent.state_dir().join(format!("spool/{execution}.json"));
    until("the result to be on disk", LIMIT, || kept.exists().then_some(()));
    // What the agent sent meanwhile waits unread in the frozen process, and is lost with it.
    scene.agent.kill9();
    scene.control_plane.restart();
    scene.agent.restart();
    assert_succeeded(&scene.truth(execution));
    assert_eq!(scene.runs(), 1);
}

#[test]
fn a_large_output_whose_report_was_lost_is_there_after_the_restart() {
    const LARGE: &str =
        "#!/bin/sh\necho large >> \"$HOME/scratch/count\"\nhead -c 100000 /dev/zero | tr '\\0' x\n";
    let mut scene = Scene::new();
    scene.agent.hook("large", LARGE);
    scene.interceptor.withhold_report(Withheld::Request, "succeeded");
    let admin = scene.control_plane.admin();
    let execution = dispatch_hook(&admin, scene.agent.node_id(), "large");
    scene.interceptor.wait_for_catch();
    scene.agent.kill9();
    scene.interceptor.clear();
    scene.agent.restart();
    let target = scene.truth(execution);
    assert_eq!(target["status"], "succeeded", "{target}");
    assert_eq!(target["output_bytes"], 100_000, "{target}");
    assert_eq!(
        target["output_ref"]["sha256"],
        plex_tests::sha256_hex(&[b'x'; 100_000]),
        "{target}"
    );
    let path = plex_api::paths::target_output(admin.project_id, execution, scene.agent.node_id());
    let moved = admin.get(&path).expect(303);
    let bytes = admin
        .web()
        .send(&http::Method::GET, moved.header("location").unwrap(), &[], None)
        .expect(200);
    assert!(bytes.body == [b'x'; 100_000]);
    assert_eq!(scene.runs(), 1);
}

#[test]
fn killed_again_and_again_it_runs_nothing_twice_and_lies_about_nothing() {
    const BRIEF: &str =
        "#!/bin/sh\necho \"$PLEXD_EXECUTION_ID\" >> \"$HOME/scratch/count\"\nsleep 0.1\necho done\n";
    let control_plane = ControlPlane::start();
    let mut agent = Agent::start(&control_plane, "often-killed");
    agent.hook("brief", BRIEF);
    let admin = control_plane.admin();
    let mut executions = Vec::new();
    for round in 0..8_u64 {
        executions.extend((0..4).map(|_| dispatch_hook(&admin, agent.node_id(), "brief")));
        // Not waited for to be true: it only spreads the kills over the steps.
        std::thread::sleep(Duration::from_millis(round * 37 % 300));
        agent.restart();
    }
    let mut ran: BTreeMap<String, usize> = BTreeMap::new();
    let targets: Vec<_> = executions
        .iter()
        .map(|execution| (execution, ended_target(&admin, *execution)))
        .collect();
    for line in fs::read_to_string(agent.scratch().join("count")).unwrap().lines() {
        *ran.entry(line.to_owned()).or_default() += 1;
    }
    for (execution, target) in targets {
        let times = ran.remove(&execution.to_string()).unwrap_or(0);
        match target["status"].as_str() {
            Some("succeeded") => assert_eq!(times, 1, "{target}"),
            _ => {
                assert_interrupted(&target);
                assert!(times <= 1, "ran {times} times: {target}");
            }
        }
    }
    assert!(ran.is_empty(), "something ran that nobody dispatched: {ran:?}");
}
