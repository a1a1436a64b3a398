//! Who may know whom (ARCHITECTURE.md, "Crates"): between our own crates, and of certain others.
//!
//! The arrows between our crates are compared with what each `Cargo.toml` names. What a program must not contain is
//! looked up in its own dependency tree, because a tree of the whole workspace shows features that only others asked
//! for.

use crate::workspace::{cargo, output_of};
use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// Each crate of the product and the others that it may name.
const ARROWS: [(&str, &[&str]); 8] = [
    ("plex-api", &[]),
    ("plex-domain", &["plex-api"]),
    ("plex-store", &["plex-api", "plex-domain"]),
    ("plex-client", &["plex-api"]),
    ("plex-telemetry", &["plex-domain"]),
    (
        "plex-server",
        &["plex-api", "plex-domain", "plex-store", "plex-telemetry"],
    ),
    (
        "plex-agent",
        &["plex-api", "plex-client", "plex-domain", "plex-telemetry"],
    ),
    ("plex-cli", &["plex-api", "plex-client", "plex-domain"]),
];

/// What must not be in a crate's tree, however deep.
const NOT_IN: [(&str, &[&str]); 5] = [
    ("plex-api", &["tokio", "rusqlite", "rustls"]),
    ("plex-domain", &["tokio", "rusqlite", "rustls", "hyper"]),
    ("plex-agent", &["plex-store", "plex-server", "rusqlite", "axum"]),
    (
        "plex-cli",
        &["plex-store", "plex-server", "rusqlite", "axum", "tokio"],
    ),
    ("plex-server", &["plex-client", "ureq"]),
];

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Checks both rules.
///
/// # Errors
/// With the first crate that knows what it must not know.
pub(super) fn check() -> anyhow::Result<()> {
    let text = output_of(cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("cargo metadata is not what it should be")?;
    check_arrows(&metadata)?;
    for (crate_name, banned) in NOT_IN {
        let what = [
            "tree",
            "--locked",
            "--package",
            crate_name,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ];
        check_tree(crate_name, banned, &output_of(cargo(&what))?)?;
    }
    Ok(())
}

fn check_arrows(metadata: &Metadata) -> anyhow::Result<()> {
    for (crate_name, may_know) in ARROWS {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name == crate_name);
        let package = package.with_context(|| format!("there is no crate {crate_name}"))?;
        let ours = package
            .dependencies
            .iter()
            .filter(|one| one.path.is_some() && one.kind.is_none());
        for dependency in ours {
            let name = dependency.name.as_str();
            ensure!(may_know.contains(&name), "{crate_name} must not know {name}");
        }
    }
    Ok(())
}

fn check_tree(crate_name: &str, banned: &[&str], tree: &str) -> anyhow::Result<()> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    ensure!(
        names.contains(crate_name),
        "the tree of {crate_name} cannot be read"
    );
    for name in banned {
        ensure!(
            !names.contains(name),
            "{crate_name} must not contain {name}, not even through others"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata_with(extra: &str) -> Metadata {
        let packages = ARROWS.map(|(name, knows)| {
            let mut knows = knows.to_vec();
            if name == "plex-cli" && !extra.is_empty() {
                knows.push(extra);
            }
            let dependency = |name: &str| Dependency {
                name: name.to_owned(),
                kind: None,
                path: name.starts_with("plex-").then(|| "/somewhere".to_owned()),
            };
            Package {
                name: name.to_owned(),
                dependencies: knows.into_iter().map(dependency).collect(),
            }
        });
        Metadata {
            packages: packages.into(),
        }
    }

    #[test]
    fn an_arrow_too_many_is_found() {
        check_arrows(&metadata_with("")).unwrap();
        check_arrows(&metadata_with("serde")).unwrap();
        let error = check_arrows(&metadata_with("plex-store")).unwrap_err();
        assert_eq!(error.to_string(), "plex-cli must not know plex-store");
    }

    #[test]
    fn what_comes_through_others_is_found() {
        let tree = "plex-cli v0.1.0 (/somewhere)\nureq v3.5.2\nserde v1.0.0 (*)\n";
        check_tree("plex-cli", &["tokio"], tree).unwrap();
        check_tree("plex-cli", &["serde"], tree).unwrap_err();
        check_tree("plex-agent", &["tokio"], tree).unwrap_err();
    }
}
