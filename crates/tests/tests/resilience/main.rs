//! What happens when something goes wrong: processes die, the line is cut, somebody else is on it, time runs out.
//!
//! Each module is one kind of trouble. The programs are the real ones; a test looks at what they say and at
//! what they left on disk, never at how long the test itself took.

mod agent_death;
mod canary;
mod canary_misplaced;
mod deadlines;
mod delivery;
mod doors;
mod first_steps;
mod interceptor;
mod keys;
mod record;
mod refusals;
mod server_death;
mod stopping;

use plex_tests::{Agent, Operator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A hook that leaves a line in `scratch/count`, waits while `scratch/hold` is there, and prints its execution.
const JOB: &str = r#"#!/bin/sh
echo "$PLEXD_EXECUTION_ID" >> "$HOME/scratch/count"
while [ -e "$HOME/scratch/hold" ]; do sleep 0.05; done
printf 'done %s' "$PLEXD_EXECUTION_ID"
"#;

/// Dispatches a hook to one node.
fn dispatch_hook(operator: &Operator, node: Uuid, hook: &str) -> Uuid {
    operator.dispatched(&json!({"action": hook, "type": "hook", "node_id": node}))
}

/// The one target of an execution that has ended.
fn ended_target(operator: &Operator, execution: Uuid) -> Value {
    operator.ended(execution)["targets"][0].clone()
}

/// How often [`JOB`] began on that agent.
fn runs(agent: &Agent) -> usize {
    fs::read_to_string(agent.scratch().join("count")).map_or(0, |text| text.lines().count())
}

/// The bytes that a target's inline output carries.
fn inline_output(target: &Value) -> Vec<u8> {
    let bytes = target["output_ref"]["inline_bytes"].as_str();
    plex_tests::from_base64(bytes.unwrap_or_else(|| panic!("no inline output: {target}")))
}

/// Every file below a directory, and what it holds.
fn files_below(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory that can be read") {
        let path = entry.expect("a directory that can be read").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            let content = fs::read(&path).expect("a file that can be read");
            found.insert(path, content);
        }
    }
    found
}

#[test]
fn no_module_is_forgotten() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resilience");
    let files: BTreeSet<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "main")
        .collect();
    let declared: BTreeSet<String> = include_str!("main.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert_eq!(files, declared, "a file that is no module is never run");
    assert!(!files.is_empty());
}
