//! `plexctl` as a whole process, beside `curl` and beside a process that does nothing.

use super::control_plane::{ControlPlane, Installation, Programs};
use super::fleet::Fleet;
use super::latencies::{Latencies, milliseconds, shown};
use super::report::{Row, Section, Verdict};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
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
    let listing = by_turns([&list.text(), &list.json(), &list.curl()], rounds)?;
    let [text, json, curl] = &listing;
    let mut help = list.plexctl();
    help.arg("--help");
    let [help, empty] = &by_turns([&Recipe(help), &Recipe(Command::new("/bin/true"))], rounds)?;
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

/// A command that can be run again and again.
struct Recipe(Command);

impl Recipe {
    fn command(&self) -> Command {
        let mut command = Command::new(self.0.get_program());
        command.args(self.0.get_args());
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn output(&self) -> anyhow::Result<Vec<u8>> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run a program")?;
        anyhow::ensure!(
            output.status.success(),
            "{:?} failed: {}",
            self.0.get_program(),
            output.status
        );
        Ok(output.stdout)
    }
}

/// Runs the commands in turn, so that what else happens on the machine falls on all alike.
fn by_turns<const N: usize>(recipes: [&Recipe; N], rounds: usize) -> anyhow::Result<[Latencies; N]> {
    let sink = tempfile::tempfile()?;
    let mut all = [const { Vec::new() }; N].map(|_: Vec<()>| Latencies::default());
    for _ in 0..rounds {
        for (recipe, latencies) in recipes.iter().zip(&mut all) {
            let mut command = recipe.command();
            command.stdout(sink.try_clone()?);
            let began = Instant::now();
            let status = command.status().context("cannot run a program")?;
            latencies.push(began.elapsed());
            anyhow::ensure!(status.success(), "{:?} failed: {status}", recipe.0.get_program());
            sink.set_len(0)?;
        }
    }
    Ok(all)
}

/// The same list in each program's words.
struct Invocations {
    plexctl: PathBuf,
    /// A home without a profile of somebody else.
    home: PathBuf,
    url: String,
    project: String,
    path: String,
    token_file: PathBuf,
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
        let home = installation.beside("home");
        fs::create_dir_all(&home)?;
        let header_file = installation.beside("header");
        // The token must not be seen in curl's arguments.
        writeln!(
            private_file(&header_file)?,
            "Authorization: Bearer {}",
            control_plane.token()
        )?;
        Ok(Self {
            plexctl: programs.path("plexctl"),
            home,
            url: control_plane.endpoint.url.clone(),
            project: fleet.project_id.to_string(),
            path: paths::executions(fleet.project_id),
            token_file: installation.admin_token_file.clone(),
            ca_file: installation.ca_file.clone(),
            header_file,
        })
    }

    fn plexctl(&self) -> Command {
        let mut command = Command::new(&self.plexctl);
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        for name in ["PLEXSPHERE_URL", "PLEXSPHERE_TOKEN", "PLEXSPHERE_CA_FILE"] {
            command.env_remove(name);
        }
        command
    }

    fn list(&self) -> Command {
        let mut command = self.plexctl();
        command.args([
            "exec-log",
            "list",
            "--server",
            &self.url,
            "--project",
            &self.project,
        ]);
        command
            .arg("--token-file")
            .arg(&self.token_file)
            .arg("--ca-file")
            .arg(&self.ca_file);
        command
    }

    fn text(&self) -> Recipe {
        Recipe(self.list())
    }

    fn json(&self) -> Recipe {
        let mut command = self.list();
        command.args(["--output", "json"]);
        Recipe(command)
    }

    fn curl(&self) -> Recipe {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--cacert"])
            .arg(&self.ca_file);
        command
            .arg("--header")
            .arg(format!("@{}", self.header_file.display()));
        command.arg(format!("{}{}", self.url, self.path));
        Recipe(command)
    }

    /// Both programs must bring the same page.
    fn check(&self) -> anyhow::Result<()> {
        let ours: serde_json::Value = serde_json::from_slice(&self.json().output()?)?;
        let theirs: serde_json::Value = serde_json::from_slice(&self.curl().output()?)?;
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
