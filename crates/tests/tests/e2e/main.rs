//! The whole product from outside: real binaries, real sockets, real files.
//!
//! Each module is one theme. Every test starts what it needs on a port of its own, so that they run in any
//! order and at once.

mod audit;
mod audit_proof;
mod authority;
mod backup;
mod builtins;
mod choke_point;
mod commands;
mod cursors;
mod denial;
mod dispatching;
mod exit_codes;
mod exports;
mod hooks;
mod identity;
mod labels;
mod layout;
mod listing;
mod manual;
mod nodes;
mod observability;
mod outputs;
mod parameters;
mod problems;
mod replays;
mod requests;
mod roles;
mod selectors;
mod serving;
mod snapshots;
mod stats;
mod tenancy;
mod terminal;
mod transitions;
mod uploads;
mod wide;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The ids of a page's items, in its order.
fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a page has items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an item has an id").to_owned())
        .collect()
}

#[test]
fn no_module_is_forgotten() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let files: BTreeSet<String> = std::fs::read_dir(directory)
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
    assert!(files.len() > 10);
}
