//! A control plane that dies at once, again and again, under load: what it answered is there afterwards, and
//! nothing is there by halves.

use crate::{JOB, dispatch_hook, ended_target, record, runs};
use http::Method;
use plex_api::executions::ExecutionStatus;
use plex_api::paths;
use plex_tests::{
    Agent, Answer, Broken, ControlPlane, LIMIT, Manifest, Operator, SimulatedNode, bootstrap_token, until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

const CYCLES: u64 = 10;
const NODES: usize = 6;
/// What each node reports of each of its executions, in this order.
const STEPS: [ExecutionStatus; 3] = [
    ExecutionStatus::Ack,
    ExecutionStatus::Started,
    ExecutionStatus::Succeeded,
];

/// An execution of one node, as its operator and its node know it.
#[derive(Debug)]
struct Job {
    key: String,
    node: Uuid,
    id: Option<Uuid>,
    /// How many of [`STEPS`] were sent.
    sent: usize,
    /// How many of them were answered.
    answered: usize,
}

impl Job {
    fn new(node: Uuid) -> Self {
        Self {
            key: Uuid::now_v7().to_string(),
            node,
            id: None,
            sent: 0,
            answered: 0,
        }
    }

    fn report(&self, step: usize) -> Vec<u8> {
        match STEPS[step] {
            ExecutionStatus::Succeeded => {
                let output = plex_tests::base64(self.key.as_bytes());
                json!({"status": "succeeded", "exit_code": 0, "output": {"inline": output}})
            }
            status => json!({"status": status}),
        }
        .to_string()
        .into_bytes()
    }

    /// Dispatches it, or finds it again.
    fn dispatch(&mut self, admin: &Operator) -> Result<(), Broken> {
        let id = dispatch(
            admin,
            &self.key,
            &json!({"action": "probe", "node_id": self.node}),
        )?;
        assert!(
            self.id.is_none_or(|known| known == id),
            "the same key is the same execution"
        );
        self.id = Some(id);
        Ok(())
    }

    /// Sends one step.
    fn step(&mut self, node: &SimulatedNode, step: usize) -> Result<(), Broken> {
        self.sent = self.sent.max(step + 1);
        let path = paths::callback(node.id, self.id.expect("it was dispatched"));
        accepted(
            node.try_send(&Method::POST, &path, Some(&self.report(step)))?,
            200,
        )?;
        self.answered = self.answered.max(step + 1);
        Ok(())
    }
}

/// What counts as no answer: none, or a 503, which promises nothing.
fn accepted(answer: Answer, status: u16) -> Result<Answer, Broken> {
    if answer.status == 503 {
        return Err(Broken(answer.text()));
    }
    Ok(answer.expect(status))
}

fn dispatch(admin: &Operator, key: &str, body: &Value) -> Result<Uuid, Broken> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let (path, body) = (paths::dispatch(admin.project_id), body.to_string());
    let answer = accepted(
        admin.try_send(&Method::POST, &path, &headers, Some(body.as_bytes()))?,
        201,
    )?;
    Ok(answer.json()["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an execution has an id"))
}

/// Works until the control plane is gone; every job but the last is whole.
fn work(admin: &Operator, node: &SimulatedNode) -> Vec<Job> {
    let mut jobs = Vec::new();
    loop {
        jobs.push(Job::new(node.id));
        let job = jobs.last_mut().expect("one was just pushed");
        let done = job
            .dispatch(admin)
            .and_then(|()| (0..STEPS.len()).try_for_each(|step| job.step(node, step)));
        if done.is_err() {
            return jobs;
        }
    }
}

/// Dispatches to all nodes until the control plane is gone; the keys, and the ids of those that were answered.
fn broadcast(admin: &Operator) -> Vec<(String, Option<Uuid>)> {
    let mut dispatched = Vec::new();
    loop {
        let key = Uuid::now_v7().to_string();
        let id = dispatch(admin, &key, &everywhere()).ok();
        dispatched.push((key, id));
        if id.is_none() {
            return dispatched;
        }
    }
}

fn everywhere() -> Value {
    json!({"action": "broad", "selector": "fleet=all", "timeout_seconds": 86400})
}

/// What was answered is there; what was sent and not answered is there or not, and can be sent again.
fn settle(admin: &Operator, node: &SimulatedNode, job: &mut Job) {
    job.dispatch(admin).unwrap_or_else(|Broken(why)| panic!("{why}"));
    let target = admin.execution(job.id.expect("just dispatched"))["targets"][0].clone();
    let status = ExecutionStatus::parse(target["status"].as_str().unwrap_or_default()).expect("a status");
    let stored = STEPS
        .iter()
        .position(|step| *step == status)
        .map_or(0, |step| step + 1);
    assert!(
        (job.answered..=job.sent).contains(&stored),
        "{stored} steps of {job:?} are stored"
    );
    // The last stored report, byte for byte, is answered as it would have been.
    for step in stored.saturating_sub(1)..STEPS.len() {
        job.step(node, step).unwrap_or_else(|Broken(why)| panic!("{why}"));
    }
    let target = admin.execution(job.id.expect("dispatched"))["targets"][0].clone();
    assert_eq!(target["status"], "succeeded");
    assert_eq!(crate::inline_output(&target), job.key.as_bytes());
}

#[test]
fn what_was_answered_survives_and_nothing_is_half_done() {
    let mut control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let token = bootstrap_token(&control_plane, NODES as u32, &json!({"fleet": "all"}));
    let nodes: Vec<_> = (0..NODES)
        .map(|n| SimulatedNode::redeem(&control_plane, &token, &format!("node-{n}")))
        .collect();
    for node in &nodes {
        node.capabilities(&Manifest::of(&["probe", "broad"])).expect(200);
    }
    let mut keys = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for cycle in 0..CYCLES {
        let (jobs, broad) = under_load_killed(
            &mut control_plane,
            &nodes,
            Duration::from_millis(150 + 37 * cycle),
        );
        control_plane.restart();
        for (mut job, node) in jobs {
            settle(&admin, &node, &mut job);
            keys.insert(job.key);
            ids.extend(job.id);
        }
        for (key, id) in broad {
            let again = dispatch(&admin, &key, &everywhere()).unwrap_or_else(|Broken(why)| panic!("{why}"));
            assert!(
                id.is_none_or(|id| id == again),
                "the same key is the same execution"
            );
            keys.insert(key);
            ids.insert(again);
        }
    }
    assert_eq!(keys.len(), ids.len());
    assert!(
        keys.len() > 3 * CYCLES as usize,
        "there was hardly any load: {}",
        keys.len()
    );
    let stored = record::executions(&admin);
    for execution in stored.values() {
        let whole = if execution["action"] == "broad" { NODES } else { 1 };
        assert_eq!(
            execution["targets"].as_array().map(Vec::len),
            Some(whole),
            "{execution}"
        );
    }
    let stored: BTreeSet<Uuid> = stored.into_keys().collect();
    assert_eq!(stored, ids, "one execution for each key, and no other");
    assert!(control_plane.terminate().success());
    record::assert_sound(&control_plane);
}

type Jobs = Vec<(Job, SimulatedNode)>;

fn under_load_killed(
    control_plane: &mut ControlPlane,
    nodes: &[SimulatedNode],
    after: Duration,
) -> (Jobs, Vec<(String, Option<Uuid>)>) {
    let admin = control_plane.admin();
    std::thread::scope(|scope| {
        let admin = &admin;
        let workers: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(move || (work(admin, node), node)))
            .collect();
        let broad = scope.spawn(move || broadcast(admin));
        std::thread::sleep(after);
        control_plane.kill9();
        let done = workers
            .into_iter()
            .map(|worker| worker.join().expect("no worker panics"));
        let jobs = done
            .flat_map(|(jobs, node)| jobs.into_iter().map(|job| (job, node.clone())))
            .collect();
        (jobs, broad.join().expect("it does not panic"))
    })
}

#[test]
fn an_agent_outlives_its_control_plane_and_reports_when_it_is_back() {
    let mut control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let agent = Agent::start(&control_plane, "patient");
    agent.hook("job", JOB);
    let hold = agent.scratch().join("hold");
    std::fs::write(&hold, "").unwrap();
    let execution = dispatch_hook(&admin, agent.node_id(), "job");
    until("the job to run", LIMIT, || (runs(&agent) == 1).then_some(()));
    control_plane.kill9();
    std::fs::remove_file(hold).unwrap();
    let kept = agent.state_dir().join(format!("spool/{execution}.json"));
    until("the result to be on disk", LIMIT, || kept.exists().then_some(()));
    control_plane.restart();
    assert_eq!(ended_target(&admin, execution)["status"], "succeeded");
    let next = dispatch_hook(&admin, agent.node_id(), "job");
    assert_eq!(
        ended_target(&admin, next)["status"],
        "succeeded",
        "it is connected again"
    );
    assert_eq!(runs(&agent), 2);
}
