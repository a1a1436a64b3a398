//! A NATS server on loopback.

use crate::process::Process;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Deserialize;

/// For its start.
const PATIENCE: Duration = Duration::from_secs(30);

/// `nats-server`.
pub(super) struct Nats {
    url: String,
    /// It ends with this.
    _process: Process,
}

impl Nats {
    /// Starts one that picks a port; `place` does not exist.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(super) fn start(program: &Path, place: &Path) -> anyhow::Result<Self> {
        fs::create_dir(place)?;
        let mut command = Command::new(program);
        command.args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"]);
        command.arg(place);
        let mut process = Process::start("nats-server", command, &place.join("log"))?;
        let id = process.id().context("it was just started")?;
        let ports = place.join(format!("nats-server_{id}.ports"));
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            process.expect_running()?;
            // It may not be whole yet.
            if let Some(url) = fs::read(&ports).ok().and_then(|said| said_url(&said)) {
                return Ok(Self {
                    url,
                    _process: process,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("nats-server did not say its port")
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// What the server wrote of where it listens.
fn said_url(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Ports {
        nats: Vec<String>,
    }
    serde_json::from_slice::<Ports>(text)
        .ok()?
        .nats
        .into_iter()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_where_it_listens() {
        let said = br#"{"nats":["nats://127.0.0.1:4222"],"monitoring":[]}"#;
        assert_eq!(said_url(said).as_deref(), Some("nats://127.0.0.1:4222"));
        assert_eq!(said_url(b"{\"nats\":["), None);
    }
}
