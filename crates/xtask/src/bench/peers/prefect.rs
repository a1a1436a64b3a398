//! Prefect: runs of flows, read by its command line from its server.

use super::ours::{HISTORY, PAGE, Task};
use super::place::{Place, free_port, seed};
use super::{AHEAD, Ready, Work};
use crate::tools;

/// A server with completed runs.
///
/// # Errors
/// When it cannot be made or does not start.
pub(super) fn prepare(place: &Place<'_>) -> anyhow::Result<Ready> {
    let port = free_port()?.to_string();
    let url = format!("http://127.0.0.1:{port}/api");
    let prefect = |arguments: &[&str]| {
        let mut command = place.command("prefect", arguments);
        command
            .env("PREFECT_HOME", &place.root)
            // It reports to nobody.
            .env("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
            .env("DO_NOT_TRACK", "1");
        command
    };
    let client = |arguments: &[&str]| {
        let mut command = prefect(arguments);
        command.env("PREFECT_API_URL", &url);
        command
    };
    place.run(prefect(&["server", "database", "upgrade", "-y"]))?;
    seed(&place.file("prefect.db"), include_str!("prefect.sql"), HISTORY)?;
    let start = [
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--no-services",
        "--no-ui",
    ];
    let server = place.serve("prefect", prefect(&start), port.parse()?)?;
    let page = PAGE.to_string();
    let one = format!("22222222-2222-4222-8222-{:012}", HISTORY - 50);
    Ok(Ready {
        version: format!("Prefect {}", tools::pinned("prefect", "prefect")?),
        method: format!(
            "A local server on SQLite with {HISTORY} flow runs; without its background services, TLS and\n\
             authentication."
        ),
        works: vec![
            Work {
                what: format!("`prefect flow-run ls --limit {PAGE}`"),
                command: client(&["flow-run", "ls", "--limit", &page]),
                shows: ("22222222-2222-4222-8222-", PAGE),
                ours: Task::List,
                budget: Some(AHEAD),
            },
            Work {
                what: "`prefect flow-run inspect`".to_owned(),
                command: client(&["flow-run", "inspect", &one, "--output", "json"]),
                shows: ("\"run-99950\"", 1),
                ours: Task::Get,
                budget: Some(AHEAD),
            },
        ],
        servers: vec![server],
    })
}
