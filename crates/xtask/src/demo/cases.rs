//! The five executions: how each is dispatched, what is shown of it, and what must be true of it.

use super::operator::Operator;
use super::site::Node;
use crate::console;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Everything that all nodes have in common.
const ALL: [&str; 2] = ["--selector", "role=web"];
/// What the overrunning hook is granted, in seconds.
const OVERRUN: &str = "3";
/// What a node that is off is granted, in seconds.
const ABSENCE: &str = "15";

/// One of the five, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    /// A built-in on all nodes.
    Everywhere,
    /// A hook that writes more than travels inline.
    LargeOutput,
    /// A hook that fails.
    Failure,
    /// A hook that overruns its deadline.
    Overrun,
    /// A built-in on all nodes while one of them is off.
    OneIsOff,
}

/// A case that is under way.
#[derive(Debug)]
pub(super) struct Dispatched {
    /// Which one.
    pub(super) case: Case,
    /// The execution's id.
    pub(super) id: String,
}

impl Case {
    /// What it is about.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "(a) system.info on every node with the label role=web",
            Self::LargeOutput => "(b) a hook whose output is too large to travel inside its report",
            Self::Failure => "(c) a hook that fails",
            Self::Overrun => "(d) a hook that overruns its deadline of 3 s",
            Self::OneIsOff => "(e) system.info on every node, with 15 s to do it, while node-3 is off",
        }
    }

    /// How it ends.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Everywhere | Self::LargeOutput => "succeeded",
            Self::Failure | Self::Overrun => "failed",
            Self::OneIsOff => "timeout",
        }
    }

    /// Dispatches it in front of whoever watches.
    ///
    /// # Errors
    /// When `plexctl` fails.
    pub(super) fn dispatch(self, operator: &Operator, nodes: &[Node]) -> anyhow::Result<Dispatched> {
        let (first, second) = (["--node", &nodes[0].id], ["--node", &nodes[1].id]);
        let builtin = ["--action", "system.info", "--type", "builtin"];
        let what: Vec<&str> = match self {
            Self::Everywhere => [&builtin[..], &ALL].concat(),
            Self::LargeOutput => [&hook("inventory")[..], &first].concat(),
            Self::Failure => [&hook("check-disk")[..], &second].concat(),
            Self::Overrun => [
                &hook("rebuild-index")[..],
                &second,
                &["--timeout-seconds", OVERRUN],
            ]
            .concat(),
            Self::OneIsOff => [&builtin[..], &ALL, &["--timeout-seconds", ABSENCE]].concat(),
        };
        let dispatch = ["action", "dispatch", "--project", operator.project()];
        let text = operator.show(&[&dispatch[..], &what].concat())?;
        let id = text.lines().find_map(|line| line.strip_prefix("id:"));
        let id = id.context("the dispatch prints no id")?.trim().to_owned();
        Ok(Dispatched { case: self, id })
    }
}

impl Dispatched {
    /// Shows what the log says, and checks that it is the truth.
    ///
    /// # Errors
    /// When `plexctl` fails, or when the log says something else than what happened.
    pub(super) fn show(&self, operator: &Operator, nodes: &[Node]) -> anyhow::Result<()> {
        let which = ["--project", operator.project(), "--id", &self.id];
        let text = operator.show(&[&["exec-log", "get"], &which[..]].concat())?;
        let execution = operator.execution(&self.id)?;
        self.check(operator, &execution, &text)
            .with_context(|| format!("what the log says of {} is not what happened", self.id))?;
        for target in targets(&execution)? {
            let (id, status) = (text_of(target, "node_id"), text_of(target, "status"));
            let name = nodes
                .iter()
                .find(|node| node.id == id)
                .map_or(id, |node| &node.name);
            let error = target["error"]
                .as_str()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            console::say(&format!("-- {name} {status}{error}"))?;
        }
        Ok(())
    }

    fn check(&self, operator: &Operator, execution: &Value, text: &str) -> anyhow::Result<()> {
        expect(execution, "status", self.case.status())?;
        let targets = targets(execution)?;
        match self.case {
            Case::Everywhere => check_info(targets, &["succeeded"; 3])?,
            Case::OneIsOff => check_info(targets, &["succeeded", "succeeded", "timeout"])?,
            Case::LargeOutput => check_inventory(operator, &self.id, sole(targets)?)?,
            Case::Failure => check_failure(sole(targets)?, text)?,
            Case::Overrun => check_overrun(sole(targets)?, text)?,
        }
        for target in targets {
            let header = format!(
                "==> {} {} ",
                text_of(target, "node_id"),
                text_of(target, "status")
            );
            ensure!(
                text.lines().any(|line| line.starts_with(&header)),
                "no section begins with {header:?}"
            );
        }
        Ok(())
    }
}

fn hook(name: &str) -> [&str; 4] {
    ["--action", name, "--type", "hook"]
}

/// The statuses in any order, and an output wherever one succeeded.
fn check_info(targets: &[Value], statuses: &[&str]) -> anyhow::Result<()> {
    let mut found: Vec<&str> = targets.iter().map(|target| text_of(target, "status")).collect();
    found.sort_unstable();
    ensure!(
        found == statuses,
        "the targets are {found:?} and not {statuses:?}"
    );
    for target in targets {
        let is_collected = target["output_bytes"].as_u64().is_some_and(|bytes| bytes > 0);
        let has_ended = text_of(target, "status") == "succeeded";
        ensure!(
            is_collected == has_ended,
            "output and status do not fit: {target}"
        );
    }
    Ok(())
}

/// The archived bytes are the ones that the hook writes.
fn check_inventory(operator: &Operator, id: &str, target: &Value) -> anyhow::Result<()> {
    let written: String = (0..2000).map(|i| format!("package-{i} 1.0.{i}\n")).collect();
    expect(&target["output_ref"], "kind", "object_store")?;
    let place = tempfile::tempdir()?;
    let file = place.path().join("inventory");
    let path = file
        .to_str()
        .context("the temporary directory's name is not text")?;
    let which = [
        "--project",
        operator.project(),
        "--id",
        id,
        "--node",
        text_of(target, "node_id"),
    ];
    operator.show(&[&["action", "output"], &which[..], &["--file", path]].concat())?;
    ensure!(
        std::fs::read(&file)? == written.as_bytes(),
        "the archived output is not what the hook wrote"
    );
    Ok(console::say(&format!(
        "-- the very {} bytes that the hook wrote",
        written.len()
    ))?)
}

fn check_failure(target: &Value, text: &str) -> anyhow::Result<()> {
    expect(target, "error", "exit code 3")?;
    ensure!(
        target["exit_code"] == 3,
        "the exit code is {}",
        target["exit_code"]
    );
    ensure!(
        text.contains("checking /var\n/var is 97 % full\n"),
        "the output is not shown as it was written"
    );
    Ok(())
}

fn check_overrun(target: &Value, text: &str) -> anyhow::Result<()> {
    expect(target, "error", &format!("timed out after {OVERRUN} s"))?;
    ensure!(target["exit_code"].is_null(), "what was killed has no exit code");
    ensure!(
        text.contains("rebuilding\n") && !text.contains("done\n"),
        "the output so far is not shown"
    );
    Ok(())
}

fn targets(execution: &Value) -> anyhow::Result<&Vec<Value>> {
    execution["targets"]
        .as_array()
        .context("an execution has targets")
}

fn sole(targets: &[Value]) -> anyhow::Result<&Value> {
    match targets {
        [target] => Ok(target),
        _ => bail!("there are {} targets where one was addressed", targets.len()),
    }
}

fn expect(object: &Value, member: &str, expected: &str) -> anyhow::Result<()> {
    let found = text_of(object, member);
    ensure!(found == expected, "{member} is {found:?} and not {expected:?}");
    Ok(())
}

fn text_of<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_did_not_happen_is_not_believed() {
        let target = |status: &str, bytes: u64| json!({"status": status, "output_bytes": bytes});
        let two = [target("timeout", 0), target("succeeded", 9)];
        check_info(&two, &["succeeded", "timeout"]).unwrap();
        check_info(&two, &["succeeded"; 2]).unwrap_err();
        check_info(&[target("succeeded", 0)], &["succeeded"]).unwrap_err();
        check_info(&[target("timeout", 9)], &["timeout"]).unwrap_err();
    }

    #[test]
    fn an_overrun_has_no_exit_code_and_only_the_output_so_far() {
        let killed = json!({"error": "timed out after 3 s"});
        check_overrun(&killed, "rebuilding\n").unwrap();
        check_overrun(&killed, "rebuilding\ndone\n").unwrap_err();
        check_overrun(&killed, "").unwrap_err();
        check_overrun(&json!({"error": "timed out after 4 s"}), "rebuilding\n").unwrap_err();
        let odd = json!({"error": "timed out after 3 s", "exit_code": 137});
        check_overrun(&odd, "rebuilding\n").unwrap_err();
    }

    #[test]
    fn a_failure_keeps_both_streams_in_order() {
        let failed = json!({"error": "exit code 3", "exit_code": 3});
        check_failure(&failed, "x\nchecking /var\n/var is 97 % full\n").unwrap();
        check_failure(&failed, "/var is 97 % full\nchecking /var\n").unwrap_err();
    }
}
