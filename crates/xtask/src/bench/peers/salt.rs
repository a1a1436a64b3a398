//! Salt: a master and its minions, all of them processes of this machine and of this user.

use super::ours::{AGENTS, Task};
use super::place::{PATIENCE, Place, free_port};
use super::{AHEAD, Ready, Work};
use crate::process::Process;
use crate::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// Jobs in the caches that are listed.
const JOBS: [u32; 2] = [1000, 10_000];
const WRITE_JOBS: &str = include_str!("salt_jobs.py");

/// A master that knows its minions, and caches of jobs.
///
/// # Errors
/// When something does not start.
pub(super) fn prepare(place: &Place<'_>) -> anyhow::Result<Ready> {
    let site = Site {
        place,
        publish_port: free_port()?,
        return_port: free_port()?,
    };
    let mut servers = vec![site.start_master()?];
    for number in 0..AGENTS {
        servers.push(site.start_minion(number)?);
    }
    let run = |target: &str, shows: usize, ours: Task, budget: Option<f64>| Work {
        what: format!("`salt '{target}' cmd.run 'echo hi'`, {shows} minions"),
        command: site.salt("salt", "master", &[target, "cmd.run", "echo hi"]),
        shows: ("    hi\n", shows),
        ours,
        budget,
    };
    let mut works = vec![
        run("*", AGENTS as usize, Task::RunOnAll, Some(AHEAD)),
        run("node-00", 1, Task::RunOnOne, None),
    ];
    for jobs in JOBS {
        works.extend(site.reading(jobs)?);
    }
    site.wait_for_minions(&mut servers)?;
    Ok(Ready {
        version: format!("Salt {}", tools::pinned("salt", "salt")?),
        method: format!(
            "A master and {AGENTS} minions on this machine. Its jobs are listed from the master's cache, ours from a\n\
             history of {} executions.",
            super::ours::HISTORY
        ),
        works,
        servers,
    })
}

struct Site<'a> {
    place: &'a Place<'a>,
    publish_port: u16,
    return_port: u16,
}

impl Site<'_> {
    fn salt(&self, program: &str, configuration: &str, arguments: &[&str]) -> Command {
        let mut command = self.place.command(program, &["--config-dir"]);
        command.arg(self.place.file(configuration));
        command.args(["--log-level", "error"]).args(arguments);
        command
    }

    /// A master's configuration whose cache is its own. Returns its directory.
    fn configure(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.place.file(name);
        fs::create_dir(&directory)?;
        let text = self.settings(&directory, &self.place.file("m"))
            + &format!(
                "interface: 127.0.0.1\nret_port: {}\nauto_accept: true\n",
                self.return_port
            );
        fs::write(directory.join("master"), text)?;
        Ok(directory)
    }

    /// What masters and minions have in common. The paths of sockets are short, because the kernel bounds them.
    fn settings(&self, root: &Path, sockets: &Path) -> String {
        format!(
            "root_dir: {}\nsock_dir: {}\npublish_port: {}\nuser: {}\n",
            root.display(),
            sockets.display(),
            self.publish_port,
            user()
        )
    }

    fn start_master(&self) -> anyhow::Result<Process> {
        self.configure("master")?;
        self.place.serve(
            "master",
            self.salt("salt-master", "master", &[]),
            self.return_port,
        )
    }

    fn start_minion(&self, number: u32) -> anyhow::Result<Process> {
        let name = format!("node-{number:02}");
        let directory = self.place.file(&name);
        fs::create_dir(&directory)?;
        let text = self.settings(&directory, &self.place.file(&format!("{number}")))
            + &format!(
                "id: {name}\nmaster: 127.0.0.1\nmaster_port: {}\nenable_fqdns_grains: false\n",
                self.return_port
            );
        fs::write(directory.join("minion"), text)?;
        let command = self.salt("salt-minion", &name, &[]);
        Process::start(&name, command, &directory.join("log"))
    }

    /// Fills a cache, and says what is read from it.
    fn reading(&self, jobs: u32) -> anyhow::Result<[Work; 2]> {
        let cache = format!("jobs-{jobs}");
        let last = self.write_jobs(&cache, jobs)?;
        let work = |what: &str, arguments: &[&str], shows, ours| Work {
            what: format!("`salt-run {what}`, {jobs} cached jobs"),
            command: self.salt("salt-run", &cache, arguments),
            shows,
            ours,
            budget: Some(AHEAD),
        };
        Ok([
            // Runs of this leave jobs of their own behind, so it comes first.
            work(
                "jobs.list_jobs",
                &["jobs.list_jobs"],
                ("Function:", jobs as usize),
                Task::List,
            ),
            work(
                "jobs.lookup_jid",
                &["jobs.lookup_jid", &last],
                ("    hi\n", AGENTS as usize),
                Task::Get,
            ),
        ])
    }

    /// Fills the cache of a master that does not run. Returns the last job's id.
    fn write_jobs(&self, name: &str, jobs: u32) -> anyhow::Result<String> {
        self.place.interrupt.check()?;
        let file = self.configure(name)?.join("master");
        let mut command = self.place.command("python", &["-c", WRITE_JOBS]);
        command.arg(file).arg(jobs.to_string());
        let said = crate::workspace::output_of(command).context("cannot write a cache of jobs")?;
        Ok(said.trim().to_owned())
    }

    fn wait_for_minions(&self, servers: &mut [Process]) -> anyhow::Result<()> {
        let mut ping = self.salt("salt", "master", &["--static", "--out", "txt", "*", "test.ping"]);
        self.place.interrupt.wait_for("all minions", PATIENCE, || {
            for server in &mut *servers {
                server.expect_running()?;
            }
            // Without a minion it fails.
            let said = ping.output().context("cannot run salt")?;
            let answers = String::from_utf8_lossy(&said.stdout).matches(": True").count();
            Ok((answers == AGENTS as usize).then_some(()))
        })
    }
}

/// The name of whom we are; Salt runs as root unless it is told otherwise.
fn user() -> String {
    let id = rustix::process::geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut entries = users.lines().map(|line| line.split(':'));
    let entry = entries.find(|entry| entry.clone().nth(2) == Some(&id));
    entry
        .and_then(|mut entry| entry.next())
        .unwrap_or("root")
        .to_owned()
}
