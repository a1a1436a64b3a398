//! Salt: a master and its minions, all of them processes of this machine and of this user.

use super::ours::{AGENTS, Task};
use super::place::{Place, free_port};
use super::{AHEAD, Ready, Work};
use crate::process::Process;
use crate::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

/// For all minions to start and to answer. Where they do not, the machine has too little left for them.
const FIRST_ANSWERS: Duration = Duration::from_secs(180);
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
    site.wait_for_minions(&mut servers, FIRST_ANSWERS)?;
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
        let text = self.settings(&directory)
            + &format!(
                "interface: 127.0.0.1\nret_port: {}\nauto_accept: true\n",
                self.return_port
            );
        fs::write(directory.join("master"), text)?;
        Ok(directory)
    }

    /// What masters and minions have in common. Paths are below the root; that of sockets is short, because the kernel
    /// bounds it, and Salt takes a longer one than its cache's for one that is too long.
    fn settings(&self, root: &Path) -> String {
        format!(
            "root_dir: {}\nsock_dir: /s\npublish_port: {}\nuser: {}\n",
            root.display(),
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
        let text = self.settings(&directory)
            + &format!(
                "id: {name}\nmaster: 127.0.0.1\nmaster_port: {}\nenable_fqdns_grains: false\n",
                self.return_port
            );
        fs::write(directory.join("minion"), text)?;
        let command = self.salt("salt-minion", &name, &[]);
        Ok(Process::start(&name, command, &directory.join("log"))?.expendable())
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

    /// Pings all of them, again and again while some do not answer.
    fn wait_for_minions(&self, servers: &mut [Process], patience: Duration) -> anyhow::Result<()> {
        let answers = self.place.file("answers");
        let mut ping = self.ping(&answers)?;
        let mut answered = 0;
        let waited = self.place.interrupt.wait_for("all minions", patience, || {
            for server in &mut *servers {
                server.expect_running()?;
            }
            if ping.is_running()? {
                return Ok(None);
            }
            answered = fs::read_to_string(&answers)?.matches(": True").count();
            if answered == AGENTS as usize {
                return Ok(Some(()));
            }
            ping = self.ping(&answers)?;
            Ok(None)
        });
        waited.with_context(|| format!("{answered} of {AGENTS} minions answered the last ping"))
    }

    /// A ping of its own process, so that nobody has to wait for it. Without a minion it fails.
    fn ping(&self, answers: &Path) -> anyhow::Result<Process> {
        fs::write(answers, "")?;
        let ping = self.salt("salt", "master", &["--static", "--out", "txt", "*", "test.ping"]);
        Ok(Process::start("salt", ping, answers)?.expendable())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    /// Waits for minions that a script speaks for.
    fn wait(script: &str, interrupt: &Interrupt, patience: Duration) -> anyhow::Result<()> {
        let programs = tempfile::tempdir()?;
        let salt = programs.path().join("salt");
        fs::write(&salt, format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(&salt, fs::Permissions::from_mode(0o755))?;
        let place = Place::new(
            programs.path().join("place"),
            programs.path().to_owned(),
            interrupt,
        )?;
        let site = Site {
            place: &place,
            publish_port: 0,
            return_port: 0,
        };
        site.wait_for_minions(&mut [], patience)
    }

    #[test]
    fn minions_that_answer_late_are_waited_for() {
        let script = "echo node: True; test -e ../again || { touch ../again; exit 1; }
            for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do echo node: True; done";
        wait(script, &Interrupt::quiet(), FIRST_ANSWERS).unwrap();
    }

    #[test]
    fn a_ping_that_hangs_is_not_waited_for_longer_than_the_limit() {
        let began = Instant::now();
        let waited = wait("sleep 600", &Interrupt::quiet(), Duration::from_millis(300));
        let error = format!("{:#}", waited.unwrap_err());
        assert!(
            error.starts_with("0 of 20 minions answered the last ping: waited"),
            "{error}"
        );
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_signal_ends_the_wait_and_the_ping() {
        let (began, interrupt) = (Instant::now(), Interrupt::quiet());
        interrupt.come();
        let waited = wait("sleep 600", &interrupt, FIRST_ANSWERS);
        assert!(format!("{:#}", waited.unwrap_err()).contains("interrupted while waiting for all minions"));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
