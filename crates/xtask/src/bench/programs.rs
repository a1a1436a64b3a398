//! `plexctl` as a whole process, beside `curl` and beside a process that does nothing.

use super::control_plane::{ControlPlane, Installation, Programs};
use super::fleet::Fleet;
use super::latencies::{Latencies, milliseconds, shown};
use super::plexctl::Plexctl;
use super::recipe::{Recipe, by_turns};
use super::report::{Row, Section, Verdict};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plex_api::paths;

/// Of the time that an empty process takes.
const HELP: f64 = 3.0;

/// Measures, and makes the report's section.
///
/// # Errors
/// When a program is missing or fails.
pub(super) fn section(
    programs: &Programs,
    installation: &Installation,
    (control_plane, fleet): (&ControlPlane, &Fleet),
    rounds: usize,
) -> anyhow::Result<Section> {
    let list = Invocations::new(programs, installation, control_plane, fleet)?;
    list.check()?;
    let (text, json, curl) = (list.text()?, list.json()?, list.curl()?);
    let listing = by_turns(
        [&mut || text.run(), &mut || json.run(), &mut || curl.run()],
        rounds,
    )?;
    let [text, json, curl] = &listing;
    let mut help = list.plexctl.bare();
    help.arg("--help");
    let (help, empty) = (Recipe::new(help)?, Recipe::new(Command::new("/bin/true"))?);
    let [help, empty] = &by_turns([&mut || help.run(), &mut || empty.run()], rounds)?;
    let against_curl =
        |what: &str, ours: &Latencies| against(what, ours, (curl, "curl"), (1.0, "no slower than curl"));
    Ok(Section {
        title: format!("Programs, {} behind them", installation.engine().name()),
        method: format!(
            "Whole processes from start to exit, {rounds} of each by turns, medians; stdout goes to a file. `plexctl\n\
             exec-log list` prints the first page of {} from the same server over the same TLS, and `curl` fetches the\n\
             very same bytes with the same token and CA.",
            plex_api::limits::DEFAULT_PAGE
        ),
        rows: vec![
            against_curl("plexctl exec-log list", text),
            against_curl("plexctl exec-log list --output json", json),
            against(
                "plexctl --help",
                help,
                (empty, "/bin/true"),
                (HELP, "≤ 3 × an empty process"),
            ),
        ],
        ..Section::default()
    })
}

fn against(
    what: &str,
    ours: &Latencies,
    (theirs, name): (&Latencies, &str),
    (most, budget): (f64, &str),
) -> Row {
    let ratio = milliseconds(ours.median()) / milliseconds(theirs.median());
    Row {
        what: what.to_owned(),
        figure: format!("p50 {}, p99 {}", shown(ours.median()), shown(ours.percentile(99))),
        beside: format!("p50 {} for {name}", shown(theirs.median())),
        ratio: format!("{ratio:.2} ×"),
        budget: budget.to_owned(),
        verdict: Verdict::of(ratio <= most),
    }
}

/// The same list in each program's words.
struct Invocations {
    plexctl: Plexctl,
    url: String,
    ca_file: PathBuf,
    header_file: PathBuf,
}

impl Invocations {
    fn new(
        programs: &Programs,
        installation: &Installation,
        control_plane: &ControlPlane,
        fleet: &Fleet,
    ) -> anyhow::Result<Self> {
        let header_file = installation.beside("header");
        // The token must not be seen in curl's arguments.
        writeln!(
            private_file(&header_file)?,
            "Authorization: Bearer {}",
            control_plane.token()
        )?;
        let url = &control_plane.endpoint.url;
        Ok(Self {
            plexctl: Plexctl::new(programs, installation, url)?,
            url: format!("{url}{}", paths::executions(fleet.project_id)),
            ca_file: installation.ca_file.clone(),
            header_file,
        })
    }

    fn text(&self) -> anyhow::Result<Recipe> {
        Recipe::new(self.plexctl.command(&["exec-log", "list"]))
    }

    fn json(&self) -> anyhow::Result<Recipe> {
        Recipe::new(self.plexctl.command(&["exec-log", "list", "--output", "json"]))
    }

    fn curl(&self) -> anyhow::Result<Recipe> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--cacert"])
            .arg(&self.ca_file);
        command
            .arg("--header")
            .arg(format!("@{}", self.header_file.display()));
        command.arg(&self.url);
        Recipe::new(command)
    }

    /// Both programs must bring the same page.
    fn check(&self) -> anyhow::Result<()> {
        let ours: serde_json::Value = serde_json::from_slice(&self.json()?.output()?)?;
        let theirs: serde_json::Value = serde_json::from_slice(&self.curl()?.output()?)?;
        // A cursor is sealed anew for each answer.
        anyhow::ensure!(
            ours["items"] == theirs["items"],
            "plexctl and curl brought different pages"
        );
        Ok(())
    }
}

fn private_file(path: &Path) -> anyhow::Result<File> {
    Ok(OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?)
}
