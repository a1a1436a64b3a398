//! Tools that some suites need and that cargo does not build: Python and Node packages in exactly the committed
//! versions (`crates/tests/tools`), in the target directory, and Chromium, PostgreSQL and HAProxy
//! from the distribution.
//!
//! Nothing is installed twice: what was installed is remembered beside it, and only another pin replaces it. Node
//! itself comes with the Python packages, so that its version is pinned too.

use crate::postgres::programs;
use crate::workspace::{self, Workspace, cargo, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// Where the pins are.
const PINS: &str = "crates/tests/tools";
/// What a finished installation leaves: the pins that it was made from.
const STAMP: &str = "installed-from";
/// Where the distributions put Chromium.
const CHROMIUM: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/// Where Debian puts the check of units.
const SYSTEMD_ANALYZE: &str = "/usr/bin/systemd-analyze";

/// Where Debian puts the proxy of the example deployment.
const HAPROXY: &str = "/usr/sbin/haproxy";

/// The version of the S3 server, s3s-fs.
const S3_SERVER: &str = "0.14.1";

/// Something a suite may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Python packages.
    Python,
    /// Node and its packages.
    Node,
    /// A browser.
    Chromium,
    /// An S3 server.
    S3Server,
    /// A PostgreSQL server.
    Postgres,
    /// What checks systemd's units.
    Systemd,
    /// A proxy, which checks its own configuration.
    Haproxy,
}

/// Installs what is missing. Returns the directory with everything but the browser.
///
/// # Errors
/// When something is neither here nor to be had.
pub(crate) fn provide(workspace: &Workspace, tools: &[Tool]) -> anyhow::Result<PathBuf> {
    let directory = workspace.target().join("tools");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for tool in tools {
        match tool {
            Tool::Python => python(&directory)?,
            Tool::Node => {
                python(&directory)?;
                node(&directory)?;
            }
            Tool::Chromium => chromium()?,
            Tool::S3Server => s3_server(&directory)?,
            Tool::Postgres => postgres()?,
            Tool::Systemd => program("systemd", SYSTEMD_ANALYZE)?,
            Tool::Haproxy => program("haproxy", HAPROXY)?,
        }
    }
    Ok(directory)
}

fn python(tools: &Path) -> anyhow::Result<()> {
    python_packages(
        &tools.join("python"),
        &workspace::root().join(PINS).join("requirements.txt"),
        &["--only-binary", ":all:"],
    )
}

/// The pinned packages of a peer of the bench, in an environment of its own: they do not agree about versions.
/// Returns the environment's programs.
///
/// # Errors
/// When they are neither here nor to be had.
pub(crate) fn provide_peer(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let place = workspace.target().join("tools/peers").join(name);
    // Some come as sources only.
    python_packages(&place, &peer_pins(name), &["--prefer-binary"])?;
    Ok(place.join("bin"))
}

/// The version of a peer's package that is pinned.
///
/// # Errors
/// When none is.
pub(crate) fn pinned(name: &str, package: &str) -> anyhow::Result<String> {
    let pins = peer_pins(name);
    let text = fs::read_to_string(&pins).with_context(|| format!("cannot read {}", pins.display()))?;
    let mut versions = text.lines().filter_map(|line| line.split_once("=="));
    let found = versions.find(|(pinned, _)| *pinned == package);
    let (_, version) = found.with_context(|| format!("{} does not pin {package}", pins.display()))?;
    Ok(version.to_owned())
}

fn peer_pins(name: &str) -> PathBuf {
    workspace::root()
        .join(PINS)
        .join("peers")
        .join(format!("{name}.txt"))
}

fn python_packages(place: &Path, pins: &Path, forms: &[&str]) -> anyhow::Result<()> {
    once(place, &[pins], || {
        make_environment(place)?;
        let mut pip = Command::new(place.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]);
        // Everything is pinned, so nothing may come in that is not.
        pip.arg("--no-deps").args(forms).arg("--requirement").arg(pins);
        run(pip).context("the Python packages cannot be installed")
    })
}

/// Debian's Python comes without the module that makes environments.
fn make_environment(place: &Path) -> anyhow::Result<()> {
    let make = || {
        let mut python = Command::new("python3");
        python.args(["-m", "venv", "--clear"]).arg(place);
        run(python)
    };
    if make().is_ok() {
        return Ok(());
    }
    apt_install(&["python3", "python3-venv"])?;
    make()
}

fn node(tools: &Path) -> anyhow::Result<()> {
    let pins = ["package.json", "package-lock.json"].map(|name| workspace::root().join(PINS).join(name));
    let place = tools.join("node");
    once(&place, &[&pins[0], &pins[1]], || {
        for pin in &pins {
            let name = pin.file_name().expect("a pin is a file");
            fs::copy(pin, place.join(name)).with_context(|| format!("cannot copy {}", pin.display()))?;
        }
        let mut npm = Command::new(tools.join("python/bin/npm"));
        npm.args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel",
            "error",
        ]);
        npm.current_dir(&place);
        run(npm).context("the Node packages cannot be installed")
    })
}

fn chromium() -> anyhow::Result<()> {
    let is_here = || CHROMIUM.iter().any(|path| Path::new(path).is_file());
    if !is_here() {
        apt_install(&["chromium"])?;
    }
    ensure!(is_here(), "the package chromium brought no {}", CHROMIUM[0]);
    Ok(())
}

fn postgres() -> anyhow::Result<()> {
    if programs().is_none() {
        apt_install(&["postgresql"])?;
    }
    ensure!(programs().is_some(), "the package postgresql brought no initdb");
    Ok(())
}

/// A program of one of the distribution's packages.
fn program(package: &str, path: &str) -> anyhow::Result<()> {
    let is_here = || Path::new(path).is_file();
    if !is_here() {
        apt_install(&[package])?;
    }
    ensure!(is_here(), "the package {package} brought no {path}");
    Ok(())
}

/// Built without optimisation: that is quicker, and the tests' objects are small.
fn s3_server(tools: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(tools.join("bin/s3s-fs"));
    let output = command.arg("--version").stderr(Stdio::null()).output();
    if output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .ends_with(S3_SERVER)
    }) {
        return Ok(());
    }
    let what = ["install", "s3s-fs", "--locked", "--debug", "--features", "binary"];
    let mut command = cargo(&[&what[..], &["--version", S3_SERVER, "--root"]].concat());
    command.arg(tools);
    run(command).context("the S3 server cannot be installed")
}

fn apt_install(packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("{names} is not here, and only root can install it");
    }
    for arguments in [
        &["update", "--quiet=2"][..],
        &[
            &["install", "--yes", "--quiet=2", "--no-install-recommends"],
            packages,
        ]
        .concat(),
    ] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        run(apt).with_context(|| format!("{names} cannot be installed"))?;
    }
    Ok(())
}

/// Fills `place` by `install`, unless that was done from the same pins already.
fn once(place: &Path, pins: &[&Path], install: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut wanted = String::new();
    for pin in pins {
        wanted += &fs::read_to_string(pin).with_context(|| format!("cannot read {}", pin.display()))?;
    }
    let stamp = place.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    // What is half there, or from other pins, goes.
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_is_pinned_is_installed_once_and_anew_when_the_pin_changes() {
        let directory = tempfile::tempdir().unwrap();
        let (pin, place) = (directory.path().join("pin"), directory.path().join("place"));
        let installed = Cell::new(0);
        let provide = |text: &str| {
            fs::write(&pin, text).unwrap();
            once(&place, &[&pin], || {
                assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
                installed.set(installed.get() + 1);
                Ok(fs::write(place.join("left"), "")?)
            })
            .unwrap();
            installed.get()
        };
        assert_eq!((provide("a==1"), provide("a==1"), provide("a==2")), (1, 1, 2));
    }

    #[test]
    fn what_failed_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let (pin, place) = (directory.path().join("pin"), directory.path().join("place"));
        fs::write(&pin, "a==1").unwrap();
        once(&place, &[&pin], || bail!("no network")).unwrap_err();
        once(&place, &[&pin], || Ok(())).unwrap();
    }

    #[test]
    fn every_python_package_is_pinned_and_the_lock_file_names_no_server() {
        let pins = workspace::root().join(PINS);
        let peers = fs::read_dir(pins.join("peers")).unwrap();
        let peers = peers.map(|peer| peer.unwrap().path());
        for file in peers.chain([pins.join("requirements.txt")]) {
            let requirements = fs::read_to_string(&file).unwrap();
            let is_pinned = |line: &str| line.split_once("==").is_some();
            assert!(requirements.lines().all(is_pinned), "{}", file.display());
        }
        let lock = fs::read_to_string(pins.join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
    }
}
