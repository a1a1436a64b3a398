//! The pages that the control plane serves, in a real browser: Chromium, driven by the scripts in
//! `crates/tests/browser`.
//!
//! A script opens pages, does what a person would do, and prints what it saw as JSON; the test judges. With
//! `PLEX_SCREENSHOTS=<directory>` the scripts leave pictures there.

mod docs;
mod login;
mod provider;

use plex_tests::tools;
use serde_json::Value;

/// What a script of the browser saw.
fn browse(script: &str, arguments: &[&str]) -> Value {
    let mut command = tools::node(&format!("browser/{script}"));
    command.args(arguments).env("PLEX_CHROMIUM", tools::chromium());
    if let Some(directory) = screenshots() {
        command.env("PLEX_SCREENSHOTS", directory);
    }
    // The browser's profile, and whatever else it leaves.
    let home = tempfile::tempdir().expect("a temporary directory");
    command.env("HOME", home.path()).env("TMPDIR", home.path());
    let output = tools::succeed(&mut command);
    serde_json::from_slice(&output.stdout).expect("a script prints JSON")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test binary has no command line of its own"
)]
fn screenshots() -> Option<std::ffi::OsString> {
    std::env::var_os("PLEX_SCREENSHOTS")
}

/// What the page asked for elsewhere than at this server.
fn asked_elsewhere<'a>(seen: &'a Value, server: &str) -> Vec<&'a str> {
    let requests = seen["requests"].as_array().expect("the requests").iter();
    let urls = requests.map(|url| url.as_str().expect("a URL"));
    urls.filter(|url| !url.starts_with(&format!("{server}/")) && !url.starts_with("data:"))
        .collect()
}
