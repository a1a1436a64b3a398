//! What must not happen to `Cargo.lock` unnoticed.

use crate::workspace;
use std::fs;

use anyhow::{Context as _, ensure};

/// The most packages; whoever needs more raises this, in a change that says what for.
const MOST_PACKAGES: usize = 380;
/// Packages that must not come in by anybody's default features: `ring` is the one crypto provider, and rustls the
/// one TLS.
const BANNED: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "aws-lc-fips-sys",
    "openssl-sys",
    "native-tls",
];

/// Reads the lock file of this workspace.
///
/// # Errors
/// When it holds what it must not hold, or too much.
pub(super) fn check() -> anyhow::Result<()> {
    judge(&fs::read_to_string(workspace::root().join("Cargo.lock")).context("cannot read Cargo.lock")?)
}

fn judge(text: &str) -> anyhow::Result<()> {
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("name = "))
        .collect();
    ensure!(!names.is_empty(), "Cargo.lock names no package");
    for banned in BANNED {
        let quoted = format!("\"{banned}\"");
        ensure!(!names.contains(&quoted.as_str()), "Cargo.lock holds {banned}");
    }
    ensure!(
        names.len() <= MOST_PACKAGES,
        "Cargo.lock holds {} packages, over {MOST_PACKAGES}",
        names.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(names: impl IntoIterator<Item = String>) -> String {
        names
            .into_iter()
            .map(|name| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n\n"))
            .collect()
    }

    #[test]
    fn a_second_crypto_provider_is_found() {
        judge(&lock(["ring".to_owned()])).unwrap();
        for banned in BANNED {
            let error = judge(&lock(["ring".to_owned(), banned.to_owned()])).unwrap_err();
            assert!(error.to_string().contains(banned));
        }
    }

    #[test]
    fn a_swollen_file_is_found_and_an_empty_one_too() {
        judge(&lock((0..MOST_PACKAGES).map(|i| format!("p{i}")))).unwrap();
        judge(&lock((0..=MOST_PACKAGES).map(|i| format!("p{i}")))).unwrap_err();
        judge("").unwrap_err();
    }
}
