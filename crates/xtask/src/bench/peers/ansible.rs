//! Ansible: an ad-hoc command on hosts that are this very machine.

use super::ours::{AGENTS, Task};
use super::place::Place;
use super::{Ready, Work};
use crate::tools;
use std::fmt::Write as _;
use std::fs;

/// An inventory of as many hosts as there are agents.
///
/// # Errors
/// When it cannot be written.
pub(super) fn prepare(place: &Place<'_>) -> anyhow::Result<Ready> {
    let mut inventory = String::new();
    for number in 0..AGENTS {
        let _ = writeln!(
            inventory,
            "node-{number:02} ansible_connection=local ansible_python_interpreter={{{{ansible_playbook_python}}}}"
        );
    }
    let file = place.file("inventory");
    fs::write(&file, inventory)?;
    let forks = AGENTS.to_string();
    let mut command = place.command("ansible", &["all", "--forks", &forks, "--args", "echo hi"]);
    command
        .arg("--inventory")
        .arg(file)
        .env("ANSIBLE_HOME", place.file("ansible"));
    Ok(Ready {
        version: format!("ansible-core {}", tools::pinned("ansible", "ansible-core")?),
        method: "Its hosts are this machine, without SSH.".to_owned(),
        works: vec![Work {
            what: format!("`ansible all --args 'echo hi'` on {AGENTS} local hosts, {AGENTS} forks"),
            command,
            shows: ("rc=0", AGENTS as usize),
            ours: Task::RunOnAll,
            budget: None,
        }],
        servers: Vec::new(),
    })
}
