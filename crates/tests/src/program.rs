//! The programs under test, and where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One of the three programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The operator's tool.
    Plexctl,
    /// The node agent.
    Plexd,
    /// The control plane.
    Plexsphere,
}

impl Program {
    /// A command with a bare environment.
    pub fn command(self) -> Command {
        bare(&self.path())
    }

    /// The executable: in `PLEX_BIN_DIR` where that is set, else where cargo put it beside this test.
    pub fn path(self) -> PathBuf {
        let name = match self {
            Self::Plexctl => "plexctl",
            Self::Plexd => "plexd",
            Self::Plexsphere => "plexsphere",
        };
        let path = directory().join(name);
        assert!(
            path.is_file(),
            "{} is missing; run `cargo build --bins` first",
            path.display()
        );
        path
    }
}

/// A command with an empty environment but for `PATH`, so that nothing of the developer's own leaks in.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test binary has no command line of its own"
)]
fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("PLEX_BIN_DIR") {
        return PathBuf::from(directory);
    }
    let own = std::env::current_exe().expect("a process knows its executable");
    // target/<profile>/deps/<test>
    own.parent()
        .and_then(|deps| deps.parent())
        .expect("cargo puts tests into deps")
        .to_owned()
}
