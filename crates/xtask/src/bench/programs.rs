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

use anyhow::Context as _;
use plex_api::paths;
use serde_json::Value;

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
    let caller = Invocations::new(programs, installation, control_plane)?;
    let list = Question {
        ours: &["exec-log", "list"],
        path: paths::executions(fleet.project_id),
    };
    let page = caller.agreed(&list, "items")?;
    let id = page[0]["id"].as_str().context("a page has executions with ids")?;
    let get = Question {
        ours: &["exec-log", "get", "--id", id],
        path: paths::execution(fleet.project_id, id.parse()?),
    };
    caller.agreed(&get, "targets")?;
    let mut rows = Vec::new();
    for question in [list, get] {
        rows.extend(caller.against_curl(&question, rounds)?);
    }
    rows.extend(local(&caller.plexctl, rounds)?);
    Ok(Section {
        title: format!("Programs, {} behind them", installation.engine().name()),
        method: format!(
            "Whole processes from start to exit, {rounds} of each by turns, medians; stdout goes to a file. `plexctl\n\
             exec-log list` prints the first page of {} from the same server over the same TLS, `get` its newest execution, and\n\
             `curl` fetches the very same bytes with the same token and CA.",
            plex_api::limits::DEFAULT_PAGE
        ),
        rows,
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

/// What needs no server, beside an empty process.
fn local(plexctl: &Plexctl, rounds: usize) -> anyhow::Result<[Row; 2]> {
    let recipe = |arguments: &[&str]| {
        let mut command = plexctl.bare();
        command.args(arguments);
        Recipe::new(command)
    };
    let (help, completion) = (recipe(&["--help"])?, recipe(&["completion", "bash"])?);
    let empty = Recipe::new(Command::new("/bin/true"))?;
    let [help, completion, empty] = by_turns(
        [&mut || help.run(), &mut || completion.run(), &mut || empty.run()],
        rounds,
    )?;
    let beside = |what: &str, ours| {
        against(
            what,
            ours,
            (&empty, "/bin/true"),
            (HELP, "≤ 3 × an empty process"),
        )
    };
    Ok([
        beside("plexctl --help", &help),
        beside("plexctl completion bash", &completion),
    ])
}

/// What is asked, in each program's words.
struct Question<'a> {
    ours: &'a [&'a str],
    path: String,
}

/// The programs, and all they need to ask the server.
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
            url: url.clone(),
            ca_file: installation.ca_file.clone(),
            header_file,
        })
    }

    fn text(&self, question: &Question<'_>) -> anyhow::Result<Recipe> {
        Recipe::new(self.plexctl.command(question.ours))
    }

    fn json(&self, question: &Question<'_>) -> anyhow::Result<Recipe> {
        let arguments = [question.ours, &["--output", "json"]].concat();
        Recipe::new(self.plexctl.command(&arguments))
    }

    fn curl(&self, question: &Question<'_>) -> anyhow::Result<Recipe> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--cacert"])
            .arg(&self.ca_file);
        command
            .arg("--header")
            .arg(format!("@{}", self.header_file.display()));
        command.arg(format!("{}{}", self.url, question.path));
        Recipe::new(command)
    }

    /// That member of the answer, of which both programs must bring the same. Not all of it can be: a page's cursor is
    /// sealed anew each time.
    fn agreed(&self, question: &Question<'_>, member: &str) -> anyhow::Result<Value> {
        let mut ours: Value = serde_json::from_slice(&self.json(question)?.output()?)?;
        let theirs: Value = serde_json::from_slice(&self.curl(question)?.output()?)?;
        anyhow::ensure!(
            !ours[member].is_null() && ours[member] == theirs[member],
            "plexctl and curl brought different {member}"
        );
        Ok(ours[member].take())
    }

    fn against_curl(&self, question: &Question<'_>, rounds: usize) -> anyhow::Result<[Row; 2]> {
        let (text, json, curl) = (self.text(question)?, self.json(question)?, self.curl(question)?);
        let [text, json, curl] = by_turns(
            [&mut || text.run(), &mut || json.run(), &mut || curl.run()],
            rounds,
        )?;
        let what = format!("plexctl {}", question.ours[..2].join(" "));
        let beside = |what: &str, ours| against(what, ours, (&curl, "curl"), (1.0, "no slower than curl"));
        Ok([
            beside(&what, &text),
            beside(&format!("{what} --output json"), &json),
        ])
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
