//! A real OpenID provider, `crates/tests/browser/provider.mjs`.

use plex_tests::{ControlPlane, tools};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Stdio};
use tempfile::TempDir;

const CLIENT_ID: &str = "plexsphere";
const CLIENT_SECRET: &str = "known-to-nobody-but-the-tests";

/// The running provider; it ends with this value.
pub(crate) struct Provider {
    child: Child,
    issuer: String,
    place: TempDir,
}

impl Provider {
    fn start() -> Self {
        let mut command = tools::node("browser/provider.mjs");
        command.args([CLIENT_ID, CLIENT_SECRET]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("an installed program starts");
        let mut issuer = String::new();
        let stdout = child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(stdout)
            .read_line(&mut issuer)
            .expect("it says where it is");
        Self {
            child,
            issuer: issuer.trim_end().to_owned(),
            place: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// A provider, and a control plane at which people sign in by it.
    pub(crate) fn with_control_plane() -> (Self, ControlPlane) {
        let mut provider = Self::start();
        let secret = provider.place.path().join("secret");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&secret)
            .expect("a new file");
        writeln!(file, "{CLIENT_SECRET}").expect("a file can be written");
        let secret = secret.to_str().expect("a plain path");
        let control_plane = ControlPlane::start_with(&[
            "--oidc-issuer",
            &provider.issuer,
            "--oidc-client-id",
            CLIENT_ID,
            "--oidc-client-secret-file",
            secret,
            "--oidc-alias",
            "example",
        ]);
        let stdin = provider.child.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{}/v1/auth/callback", control_plane.url()).expect("it listens");
        (provider, control_plane)
    }

    /// Its URL.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // Nobody is left to tell when even this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
