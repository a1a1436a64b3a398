//! ARA Records Ansible: results of Ansible's tasks, read by its command line straight from SQLite.

use super::ours::{HISTORY, PAGE, Task};
use super::place::{Place, seed};
use super::{AHEAD, Ready, Work};
use crate::tools;

/// A database with results.
///
/// # Errors
/// When it cannot be made.
pub(super) fn prepare(place: &Place<'_>) -> anyhow::Result<Ready> {
    let ara = |program: &str, arguments: &[&str]| {
        let mut command = place.command(program, arguments);
        command
            .env("ARA_BASE_DIR", &place.root)
            .env("ARA_API_CLIENT", "offline");
        command
    };
    place.run(ara("ara-manage", &["migrate"]))?;
    seed(&place.file("ansible.sqlite"), include_str!("ara.sql"), HISTORY)?;
    let page = PAGE.to_string();
    let one = (HISTORY - 50).to_string();
    Ok(Ready {
        version: format!("ARA {}", tools::pinned("ara", "ara")?),
        method: format!(
            "Offline on SQLite with {HISTORY} results; no network, no TLS and no authentication."
        ),
        works: vec![
            Work {
                what: format!("`ara result list --limit {PAGE}`"),
                command: ara("ara", &["result", "list", "--limit", &page]),
                shows: ("| changed |", PAGE),
                ours: Task::List,
                budget: Some(AHEAD),
            },
            Work {
                what: "`ara result show`".to_owned(),
                command: ara("ara", &["result", "show", &one]),
                shows: (" say hi ", 1),
                ours: Task::Get,
                budget: Some(AHEAD),
            },
        ],
        servers: Vec::new(),
    })
}
