//! Tells the program which source it was built from, where that source is a git checkout.

use std::process::Command;

/// Grows with every commit and checkout.
const HEAD_LOG: &str = "../../.git/logs/HEAD";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A missing file would count as changed every time.
    if std::path::Path::new(HEAD_LOG).exists() {
        println!("cargo::rerun-if-changed={HEAD_LOG}");
    }
    // The commit's own date, so that the same source gives the same program.
    if let Some((commit, date)) = git(&["log", "-1", "--format=%H %cI"])
        .as_deref()
        .and_then(|line| line.split_once(' '))
    {
        println!("cargo::rustc-env=PLEX_COMMIT={commit}");
        println!("cargo::rustc-env=PLEX_BUILD_DATE={date}");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
