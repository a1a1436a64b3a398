//! The product's side: a control plane with a history, agents that are real processes, and an administrator.

use super::super::control_plane::{ControlPlane, Installation, Programs};
use super::super::fleet::Fleet;
use super::super::plexctl::Plexctl;
use super::super::random::Random;
use super::super::recipe::Recipe;
use super::super::seed::History;
use super::super::{SEED, say};
use crate::agent;
use crate::interrupt::Interrupt;
use crate::process::Process;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use plex_api::bootstrap_tokens::{BootstrapTokenIssueRequest, BootstrapTokenIssueResponse, NodeKind};
use plex_api::paths;
use serde_json::Value;

/// Agents that are processes.
pub(super) const AGENTS: u32 = 20;
/// Executions that are listed.
pub(super) const HISTORY: u32 = 100_000;
/// On each page.
pub(super) const PAGE: usize = 50;
/// What the agents are asked to do, as the peers are.
const HOOK: (&str, &str) = ("say-hi", "#!/bin/sh\necho hi\n");
const LABEL: (&str, &str) = ("role", "peer");
/// For the agents to start and for an execution to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at an execution that has not ended.
const PACE: Duration = Duration::from_millis(5);

/// Something that the peers do as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// A page of the log.
    List,
    /// One execution.
    Get,
    /// A command on one agent, until its result is there.
    RunOnOne,
    /// A command on all agents, until the last result is there.
    RunOnAll,
}

impl Task {
    /// As a person would type it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::List => "`plexctl exec-log list`",
            Self::Get => "`plexctl exec-log get`",
            Self::RunOnOne => "`plexctl action dispatch --node`, then `exec-log get` until it has ended",
            Self::RunOnAll => {
                "`plexctl action dispatch --selector`, then `exec-log get` until all have ended"
            }
        }
    }
}

/// The installation. Dropping it stops it.
pub(super) struct Ours {
    // Dropped in this order: the agents before their server.
    agents: Vec<Process>,
    control_plane: ControlPlane,
    plexctl: Plexctl,
    list: Recipe,
    get: Recipe,
    node: String,
}

impl Ours {
    /// Makes it in `root`, which does not exist, and waits until all agents have said what they can run.
    ///
    /// # Errors
    /// When something does not start, or a signal comes.
    pub(super) fn start(programs: &Programs, root: &Path, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let installation = Installation::create(programs, root, None)?;
        write_history(&installation, programs)?;
        let control_plane = installation.serve(programs)?;
        let plexctl = Plexctl::new(programs, &installation, &control_plane.endpoint.url)?;
        say(&format!("starting {AGENTS} agents"));
        let mut agents = start_agents(&installation, &control_plane, programs)?;
        let listing = plexctl.command(&["node", "list", "--selector", &selector(), "--output", "json"]);
        let listing = Recipe::new(listing)?;
        let node = interrupt.wait_for("the agents' manifests", PATIENCE, || {
            for agent in &mut agents {
                agent.expect_running()?;
            }
            first_of_all_ready(&json(&listing)?)
        })?;
        let page = json(&Recipe::new(
            plexctl.command(&["exec-log", "list", "--output", "json"]),
        )?)?;
        let execution = page["items"][PAGE - 1]["id"]
            .as_str()
            .context("the page is not full")?;
        Ok(Self {
            list: Recipe::new(plexctl.command(&["exec-log", "list"]))?,
            get: Recipe::new(plexctl.command(&["exec-log", "get", "--id", execution]))?,
            agents,
            control_plane,
            plexctl,
            node,
        })
    }

    /// Does that once.
    ///
    /// # Errors
    /// When it is not done.
    pub(super) fn perform(&self, task: Task) -> anyhow::Result<()> {
        match task {
            Task::List => self.list.run(),
            Task::Get => self.get.run(),
            Task::RunOnOne | Task::RunOnAll => {
                let get = self.dispatch(task)?;
                let mut looked = 0;
                while !is_over(&json(&get)?, targets(task))? {
                    looked += 1;
                    if looked > PATIENCE.as_millis() / PACE.as_millis() {
                        bail!("an execution did not end");
                    }
                    thread::sleep(PACE);
                }
                Ok(())
            }
        }
    }

    /// The most memory, in KiB, that one of the task's programs takes.
    ///
    /// # Errors
    /// When it is not done.
    pub(super) fn peak(&self, task: Task) -> anyhow::Result<u64> {
        match task {
            Task::List => self.list.peak(),
            Task::Get => self.get.peak(),
            Task::RunOnOne | Task::RunOnAll => {
                let get = self.dispatch(task)?;
                Ok(self.dispatching(task)?.peak()?.max(get.peak()?))
            }
        }
    }

    /// Stops the agents, then the server.
    ///
    /// # Errors
    /// When one does not end well.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        for agent in &mut self.agents {
            agent.stop()?;
        }
        self.control_plane.stop()
    }

    /// Dispatches, and returns how to see what came of it.
    fn dispatch(&self, task: Task) -> anyhow::Result<Recipe> {
        let made = json(&self.dispatching(task)?)?;
        let id = made["id"].as_str().context("no execution was made")?;
        Recipe::new(
            self.plexctl
                .command(&["exec-log", "get", "--id", id, "--output", "json"]),
        )
    }

    fn dispatching(&self, task: Task) -> anyhow::Result<Recipe> {
        let selector = selector();
        let place = if task == Task::RunOnAll {
            ["--selector", &selector]
        } else {
            ["--node", &self.node]
        };
        let what = [
            "action", "dispatch", "--type", "hook", "--action", HOOK.0, "--output", "json",
        ];
        Recipe::new(self.plexctl.command(&[&what[..], &place].concat()))
    }
}

fn targets(task: Task) -> usize {
    if task == Task::RunOnAll {
        AGENTS as usize
    } else {
        1
    }
}

fn selector() -> String {
    format!("{}={}", LABEL.0, LABEL.1)
}

fn json(recipe: &Recipe) -> anyhow::Result<Value> {
    serde_json::from_slice(&recipe.output()?).with_context(|| format!("{} prints no JSON", recipe.line()))
}

/// Whether all targets have reported; all of them must have succeeded then.
fn is_over(execution: &Value, targets: usize) -> anyhow::Result<bool> {
    let status = execution["status"]
        .as_str()
        .context("an execution has no status")?;
    if ["pending", "ack", "started"].contains(&status) {
        return Ok(false);
    }
    let succeeded = execution["target_counts"]["succeeded"].as_u64();
    ensure!(
        succeeded == u64::try_from(targets).ok(),
        "of {targets} agents not all succeeded: {}",
        execution["target_counts"]
    );
    Ok(true)
}

/// The first agent's id, once all have sent their manifest.
fn first_of_all_ready(page: &Value) -> anyhow::Result<Option<String>> {
    let items = page["items"].as_array().context("node list has no items")?;
    let ready = items.iter().filter(|node| node["manifest_at"].is_string());
    let ids: Vec<&str> = ready.filter_map(|node| node["id"].as_str()).collect();
    let first = ids.first().filter(|_| ids.len() == AGENTS as usize);
    Ok(first.map(|id| (*id).to_owned()))
}

fn write_history(installation: &Installation, programs: &Programs) -> anyhow::Result<()> {
    say(&format!("writing {HISTORY} executions"));
    let mut random = Random::new(SEED);
    let control_plane = installation.serve(programs)?;
    let fleet = Fleet::register(&control_plane, installation.project_id, AGENTS, &mut random)?;
    control_plane.stop()?;
    History::new(installation, &fleet, HISTORY, &random).grow(installation, HISTORY)
}

fn start_agents(
    installation: &Installation,
    control_plane: &ControlPlane,
    programs: &Programs,
) -> anyhow::Result<Vec<Process>> {
    let wanted = BootstrapTokenIssueRequest {
        kind: NodeKind::Node,
        env_prefix: "bench".to_owned(),
        ttl_seconds: 3600,
        max_uses: Some(AGENTS),
        labels: [(LABEL.0.to_owned(), LABEL.1.to_owned())].into(),
    };
    let path = paths::bootstrap_tokens(installation.project_id);
    let issued: BootstrapTokenIssueResponse = control_plane.operator()?.post(&path, &wanted)?;
    let (program, token_file) = (programs.path("plexd"), installation.beside("bootstrap.token"));
    agent::write_token(&token_file, &issued.token)?;
    let settings = agent::Settings {
        program: &program,
        url: &control_plane.endpoint.url,
        ca_file: &installation.ca_file,
        token_file: &token_file,
    };
    let start = |number| {
        let name = format!("agent-{number:02}");
        let home = installation.beside(&name);
        agent::write_hooks(&home, &[HOOK])?;
        Process::start(&name, settings.command(&name, &home), &home.join("log"))
    };
    (0..AGENTS).map(start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_is_over_when_all_have_succeeded_and_no_measurement_when_one_has_not() {
        let execution = |status: &str, succeeded: u64| json!({"status": status, "target_counts": {"succeeded": succeeded}});
        for status in ["pending", "ack", "started"] {
            assert!(!is_over(&execution(status, 19), 20).unwrap(), "{status}");
        }
        assert!(is_over(&execution("succeeded", 20), 20).unwrap());
        is_over(&execution("failed", 19), 20).unwrap_err();
        // A selector that meets fewer agents than meant would be a smaller task.
        is_over(&execution("succeeded", 19), 20).unwrap_err();
    }

    #[test]
    fn agents_are_ready_when_all_have_a_manifest() {
        let node = |manifest: Value| json!({"id": "a", "manifest_at": manifest});
        let page = |last: Value| {
            let mut items = vec![node(json!("2026-01-01T00:00:00Z")); AGENTS as usize - 1];
            items.push(node(last));
            json!({ "items": items })
        };
        assert_eq!(first_of_all_ready(&page(Value::Null)).unwrap(), None);
        assert_eq!(
            first_of_all_ready(&page(json!("2026"))).unwrap().as_deref(),
            Some("a")
        );
    }
}
