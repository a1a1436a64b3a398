//! What the figures were measured on: without it they mean nothing.

mod speed;

pub(super) use speed::{Probe, Speed};

use super::latencies::{Latencies, shown};
use crate::workspace;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Appends of 4 KiB, each made durable.
const SYNCS: usize = 200;

/// The machine and the versions.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks around; `dir` is on the disk that the server will use.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub(super) fn look(dir: &Path) -> anyhow::Result<Self> {
        let processor = field("/proc/cpuinfo", "model name").unwrap_or_default();
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let (file_system, syncs) = (file_system(dir), durable_appends(dir)?);
        let facts = vec![
            (
                "date",
                jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            ),
            (
                "machine",
                format!("{cores} cores, {}, {} of memory", processor.trim(), memory.trim()),
            ),
            (
                "kernel",
                fs::read_to_string("/proc/sys/kernel/osrelease")
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
            ),
            ("versions", versions()),
            (
                "disk",
                format!(
                    "{file_system}; 4 KiB append + fdatasync p50 {}, p99 {}",
                    shown(syncs.median()),
                    shown(syncs.percentile(99))
                ),
            ),
            ("load generator", "on the same cores as the server".to_owned()),
            ("processors just before the run", other_work().unwrap_or_default()),
        ];
        Ok(Self { facts })
    }

    /// One more fact.
    pub(super) fn note(&mut self, name: &'static str, value: String) {
        self.facts.push((name, value));
    }

    /// Names and values, in the order to show them.
    pub(super) fn facts(&self) -> &[(&'static str, String)] {
        &self.facts
    }
}

/// The value of a `name : value` line.
pub(super) fn field(path: impl AsRef<Path>, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// A process's own processor time so far.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn processor_time(process: u32) -> anyhow::Result<Duration> {
    Ok(Ticks::of(process).context("an unreadable stat")?.own())
}

/// Processor time so far of a process and of its children, those that ended included.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn processor_time_of_family(parent: u32) -> anyhow::Result<Duration> {
    let first = Ticks::of(parent).context("an unreadable stat")?;
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children = processes
        .filter_map(Ticks::of)
        .filter(|ticks| ticks.parent == parent);
    Ok(children.map(|ticks| ticks.own()).sum::<Duration>() + first.own() + first.of_ended_children())
}

/// What `/proc/PID/stat` says of a process's time, in the kernel's ticks.
struct Ticks {
    parent: u32,
    /// User and system time of its own, then the same of children that ended.
    times: [u64; 4],
}

impl Ticks {
    fn of(process: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The second field is the program's name in parentheses; the parent is the fourth, the times begin at the 14th.
    fn parse(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let tick = |index: usize| words.get(index)?.parse().ok();
        Some(Self {
            parent: words.get(1)?.parse().ok()?,
            times: [tick(11)?, tick(12)?, tick(13)?, tick(14)?],
        })
    }

    fn own(&self) -> Duration {
        duration(self.times[0] + self.times[1])
    }

    fn of_ended_children(&self) -> Duration {
        duration(self.times[2] + self.times[3])
    }
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// How busy others keep the processors while this program does nothing.
fn other_work() -> Option<String> {
    let before = processor_ticks()?;
    std::thread::sleep(Duration::from_secs(2));
    let after = processor_ticks()?;
    let (idle, all) = (after.0.checked_sub(before.0)?, after.1.checked_sub(before.1)?);
    Some(format!(
        "{} % busy with other work",
        100 - (100 * idle).checked_div(all)?.min(100)
    ))
}

/// Idle ticks, and all ticks, of all processors since the machine started.
fn processor_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    // The fourth is idle and the fifth waits for a disk.
    Some((ticks.get(3)? + ticks.get(4)?, ticks.iter().take(8).sum()))
}

fn versions() -> String {
    let said = |program: &str| {
        let line = first_line(Command::new(program).arg("--version"))?;
        let version = line.split(['(', ';']).next().unwrap_or_default();
        Some(version.trim().to_owned())
    };
    let programs = [said("rustc"), said("curl")].into_iter().flatten();
    // An archive of the sources has no commit.
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(workspace::root());
    let commit = first_line(&mut git).map_or_else(String::new, |commit| format!(" (commit {commit})"));
    let mut all = vec![format!("plex {}{commit}", env!("CARGO_PKG_VERSION"))];
    all.extend(programs);
    all.push(format!("SQLite {} (bundled)", rusqlite::version()));
    all.join(", ")
}

/// The first line that a program says of its version; none when it cannot be run or has none.
pub(super) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

/// The type of the file system that `dir` is on: that of the longest mount point above it.
fn file_system(dir: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let above = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        dir.starts_with(point).then(|| (point.len(), kind.to_owned()))
    });
    above.max().map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}

fn durable_appends(dir: &Path) -> anyhow::Result<Latencies> {
    let mut file = File::create(dir.join("appends")).context("cannot write beside the server's data")?;
    let mut latencies = Latencies::default();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_that_looks_like_fields() {
        let stat = "7 (a) 9 (b) S 42 7 7 0 -1 0 1 2 3 4 100 20 3 1 20 0 1 0 5";
        let ticks = Ticks::parse(stat).unwrap();
        assert_eq!((ticks.parent, ticks.times), (42, [100, 20, 3, 1]));
    }

    #[test]
    fn a_family_counts_its_children() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let ticks = Ticks::of(child.id()).unwrap();
        assert_eq!(ticks.parent, std::process::id());
        assert!(processor_time_of_family(std::process::id()).unwrap() >= processor_time(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
