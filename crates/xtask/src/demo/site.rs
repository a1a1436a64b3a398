//! A whole installation in a temporary directory: the control plane, its data, and three agents with their hooks.

use super::operator::{Access, Operator};
use crate::agent;
use crate::console;
use crate::interrupt::Interrupt;
use crate::process::Process;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tempfile::TempDir;

/// The nodes' names; the last one is the one that is switched off.
const NAMES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// For the start of a program and for what it does at first.
const PATIENCE: Duration = Duration::from_secs(30);

/// What hooks the nodes have: name and script.
const HOOKS: [(&str, &str); 3] = [
    ("inventory", include_str!("hooks/inventory")),
    ("check-disk", include_str!("hooks/check-disk")),
    ("rebuild-index", include_str!("hooks/rebuild-index")),
];

/// A node as `plexctl` names it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
}

/// The installation. Dropping it stops every process and removes the directory.
#[derive(Debug)]
pub(super) struct Site {
    // Dropped in this order: the agents before their server, the processes before their directory.
    agents: Vec<Process>,
    server: Process,
    operator: Operator,
    nodes: Vec<Node>,
    made: Made,
    url: String,
    programs: PathBuf,
    place: TempDir,
}

/// What `plexsphere init` says it made.
#[derive(Debug, Deserialize)]
struct Made {
    project_id: String,
    admin_token_file: PathBuf,
    ca_file: PathBuf,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
}

impl Site {
    /// Makes and starts everything, and waits until all nodes have said what they can run.
    ///
    /// # Errors
    /// When something does not start, or a signal comes.
    pub(super) fn build(programs: &Path, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let place = tempfile::Builder::new().prefix("plexsphere-demo-").tempdir()?;
        console::say(&format!(
            "\nEverything of this demonstration is in {}",
            place.path().display()
        ))?;
        let made = init(programs, &place.path().join("data"))?;
        let (server, url) = serve(programs, place.path(), interrupt)?;
        let token = fs::read_to_string(&made.admin_token_file).context("cannot read the admin's token")?;
        let access = Access {
            url: &url,
            ca_file: &made.ca_file,
            token: token.trim_end().to_owned(),
            project: made.project_id.clone(),
        };
        let operator = Operator::new(programs.join("plexctl"), place.path(), access);
        let (agents, nodes, programs) = (Vec::new(), Vec::new(), programs.to_owned());
        let mut site = Self {
            agents,
            server,
            operator,
            nodes,
            made,
            url,
            programs,
            place,
        };
        site.admit_agents(interrupt)?;
        Ok(site)
    }

    /// The operator of this installation.
    pub(super) fn operator(&self) -> &Operator {
        &self.operator
    }

    /// The nodes, in the order of their names.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Switches the last node's agent off.
    ///
    /// # Errors
    /// When it does not end well.
    pub(super) fn stop_the_last_agent(&mut self) -> anyhow::Result<()> {
        self.agents.last_mut().expect("there are agents").stop()
    }

    /// Switches it on again, as a node that is known by now.
    ///
    /// # Errors
    /// When it does not come back.
    pub(super) fn restart_the_last_agent(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let name = NAMES.last().expect("there are nodes");
        self.agents.pop();
        self.agents.push(self.start_agent(name)?);
        interrupt.check()
    }

    /// Stops the agents, then the server, and removes the directory.
    ///
    /// # Errors
    /// When a program does not end well.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        for agent in &mut self.agents {
            agent.stop()?;
        }
        self.server.stop()?;
        self.place.close().context("cannot remove the directory")
    }

    /// Leaves everything running and says how to go on, and how to end it.
    ///
    /// # Errors
    /// When something has ended by itself.
    pub(super) fn keep(mut self) -> anyhow::Result<String> {
        let mut ids = Vec::new();
        for process in self.agents.iter_mut().chain([&mut self.server]) {
            process.expect_running()?;
            ids.extend(process.id().map(|id| id.to_string()));
        }
        for process in self.agents.into_iter().chain([self.server]) {
            process.leave();
        }
        let (place, ids) = (self.place.keep(), ids.join(" "));
        Ok(format!(
            "\nIt goes on running. To use it by hand:\n\n\
             \x20 export PATH={}:\"$PATH\"\n\
             \x20 export PLEXSPHERE_URL={}\n\
             \x20 export PLEXSPHERE_CA_FILE={}\n\
             \x20 export PLEXSPHERE_TOKEN=\"$(cat {})\"\n\
             \x20 plexctl exec-log list --project {}\n\n\
             To end it:\n\n\
             \x20 kill {ids} && sleep 3 && rm -r {}",
            self.programs.display(),
            self.url,
            self.made.ca_file.display(),
            self.made.admin_token_file.display(),
            self.made.project_id,
            place.display(),
        ))
    }

    fn admit_agents(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let uses = NAMES.len().to_string();
        let issue = ["bootstrap-token", "issue", "--project", &self.made.project_id];
        let issued = self
            .operator
            .ask(&[&issue[..], &["--label", "role=web", "--max-uses", &uses]].concat())?;
        let token = issued["token"]
            .as_str()
            .context("no bootstrap token was issued")?;
        agent::write_token(&self.token_file(), token)?;
        for name in NAMES {
            agent::write_hooks(&self.place.path().join(name), &HOOKS)?;
            let agent = self.start_agent(name)?;
            self.agents.push(agent);
        }
        self.nodes = interrupt.wait_for("the nodes' manifests", PATIENCE, || {
            for agent in &mut self.agents {
                agent.expect_running()?;
            }
            self.server.expect_running()?;
            ready_nodes(&self.operator)
        })?;
        Ok(())
    }

    fn start_agent(&self, name: &str) -> anyhow::Result<Process> {
        let home = self.place.path().join(name);
        let settings = agent::Settings {
            program: &self.programs.join("plexd"),
            url: &self.url,
            ca_file: &self.made.ca_file,
            token_file: &self.token_file(),
        };
        let command = settings.command(name, &home);
        Process::start(&format!("the agent of {name}"), command, &home.join("log"))
    }

    fn token_file(&self) -> PathBuf {
        self.place.path().join("bootstrap.token")
    }
}

fn init(programs: &Path, data_dir: &Path) -> anyhow::Result<Made> {
    let mut command = Command::new(programs.join("plexsphere"));
    let output = command
        .args(["init", "--output", "json", "--data-dir"])
        .arg(data_dir)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "plexsphere init failed: {}",
        said.trim_end()
    );
    serde_json::from_slice(&output.stdout).context("plexsphere init does not say what it made")
}

fn serve(programs: &Path, place: &Path, interrupt: &Interrupt) -> anyhow::Result<(Process, String)> {
    let ready_file = place.join("ready.json");
    let mut command = Command::new(programs.join("plexsphere"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(place.join("data"));
    command.arg("--ready-file").arg(&ready_file);
    let mut server = Process::start("the control plane", command, &place.join("plexsphere.log"))?;
    let text = interrupt.wait_for("the control plane", PATIENCE, || {
        server.expect_running()?;
        Ok(fs::read(&ready_file).ok())
    })?;
    let ready: Ready = serde_json::from_slice(&text).context("the ready file is not what it should be")?;
    Ok((server, ready.url))
}

/// The nodes once all have sent their manifest.
fn ready_nodes(operator: &Operator) -> anyhow::Result<Option<Vec<Node>>> {
    let page = operator.ask(&["node", "list", "--project", operator.project()])?;
    let items = page["items"].as_array().context("node list has no items")?;
    let ready = items.iter().filter(|node| node["manifest_at"].is_string());
    let named = ready.filter_map(|node| Some((node["id"].as_str()?, node["name"].as_str()?)));
    let mut nodes: Vec<Node> = named
        .map(|(id, name)| Node {
            id: id.to_owned(),
            name: name.to_owned(),
        })
        .collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(nodes
        .iter()
        .map(|node| node.name.as_str())
        .eq(NAMES)
        .then_some(nodes))
}
