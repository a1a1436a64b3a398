//! How long, from which seed, and where the report goes.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Long enough for every kind of fault.
const SHORT: Duration = Duration::from_secs(60);
/// As long as one is that is reported.
const LONG: Duration = Duration::from_secs(3600);

/// What one run is.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) length: Duration,
    report: Option<PathBuf>,
}

impl Setting {
    /// What the environment says.
    pub(crate) fn read() -> Self {
        let report = variable("PLEX_SOAK_REPORT").map(PathBuf::from);
        let number = |name| variable(name).map(|text| text.parse().expect("a number"));
        let usual = if report.is_some() { LONG } else { SHORT };
        Self {
            seed: number("PLEX_SOAK_SEED").unwrap_or_else(any_seed),
            length: number("PLEX_SOAK_SECONDS").map_or(usual, Duration::from_secs),
            report,
        }
    }

    /// Nothing stays broken for longer.
    pub(crate) fn longest_fault(&self) -> Duration {
        self.length / 8
    }

    /// How long everything is well between two storms.
    pub(crate) fn calm(&self) -> Duration {
        (self.length / 15).clamp(Duration::from_secs(4), Duration::from_secs(12))
    }

    /// What a process uses in the beginning says nothing.
    pub(crate) fn warm_up(&self) -> Duration {
        (self.length / 20).max(Duration::from_secs(10))
    }

    /// Writes the report to where one is wanted.
    pub(crate) fn write(&self, report: &str) {
        if let Some(path) = &self.report {
            std::fs::write(path, report).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, seconds) = (self.seed, self.length.as_secs());
        write!(f, "PLEX_SOAK_SEED={seed} PLEX_SOAK_SECONDS={seconds}")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test binary has no command line of its own"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(since.expect("it is later than 1970").subsec_nanos())
}

/// Tells whoever watches; an hour without a word is long.
pub(crate) fn say(what: &str) {
    // Nobody is left to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "{what}");
}
