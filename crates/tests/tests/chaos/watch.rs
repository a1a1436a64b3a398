//! The memory and the open files of each process, while it all goes on.

use crate::agents::Fleet;
use plex_tests::{ControlPlane, Load};
use std::fs;
use std::time::{Duration, Instant};

/// After a storm, what was in progress ends first.
const SETTLE: Duration = Duration::from_secs(2);
/// How far apart quiet looks are.
const LOOK: Duration = Duration::from_millis(500);
/// Fewer quiet looks at one life say nothing.
const ENOUGH: usize = 20;
/// Open files that come and go with idle connections: every caller keeps one to each replica. One lost with each job or
/// each fault is far more.
const FEW_FILES: u64 = 24;
/// Memory that comes and goes, and the share of it.
const FEW_KIB: u64 = 8 * 1024;
const SMALL_SHARE: u64 = 10;

/// What one process used at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) is_quiet: bool,
    pub(crate) rss_kib: u64,
    pub(crate) files: u64,
}

/// One process from its start to its end.
#[derive(Debug)]
pub(crate) struct Life {
    /// What it is, and how often that was started before.
    pub(crate) name: String,
    pub(crate) began: Duration,
    pub(crate) samples: Vec<Sample>,
    pid: u32,
    /// When that began, by the kernel's count: once it has ended, another may get the same number.
    started: Option<u64>,
}

/// What a process used in the first and in the last fifth of its life's quiet moments.
#[derive(Debug)]
pub(crate) struct Growth<'a> {
    pub(crate) life: &'a Life,
    pub(crate) rss_kib: [u64; 2],
    pub(crate) files: [u64; 2],
}

/// What happened when.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) at: Duration,
    pub(crate) jobs: usize,
    pub(crate) unanswered: usize,
}

/// Everything that was seen.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Instant,
    pub(crate) lives: Vec<Life>,
    pub(crate) storms: Vec<(Duration, String)>,
    pub(crate) moments: Vec<Moment>,
}

impl Watch {
    pub(crate) fn begin(replicas: &[ControlPlane], fleet: &Fleet) -> Self {
        let mut watch = Self {
            began: Instant::now(),
            lives: Vec::new(),
            storms: Vec::new(),
            moments: Vec::new(),
        };
        watch.meet(replicas);
        for (number, pid) in fleet.pids().enumerate() {
            watch
                .lives
                .push(Life::new(&format!("agent {number}"), pid, Duration::ZERO));
        }
        watch
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn note_storm(&mut self, storm: &str) {
        self.storms.push((self.elapsed(), storm.to_owned()));
    }

    /// Looks at every process, once. Those that were started since are new lives.
    pub(crate) fn look(&mut self, replicas: &[ControlPlane], is_quiet: bool) {
        self.meet(replicas);
        self.look_again(is_quiet);
    }

    fn look_again(&mut self, is_quiet: bool) {
        let at = self.elapsed();
        for life in &mut self.lives {
            // One that was killed has no files, and may have a successor by its number.
            if started(life.pid) == life.started
                && let Some((rss_kib, files)) = usage(life.pid)
            {
                let sample = Sample {
                    at,
                    is_quiet,
                    rss_kib,
                    files,
                };
                life.samples.push(sample);
            }
        }
    }

    fn meet(&mut self, replicas: &[ControlPlane]) {
        for (number, replica) in replicas.iter().enumerate() {
            let pid = replica.pid();
            let is_known = |life: &Life| life.pid == pid && life.started == started(pid);
            if self.lives.iter().any(is_known) {
                continue;
            }
            let name = format!("replica {number}");
            self.lives.push(Life::new(&name, pid, self.began.elapsed()));
        }
    }

    /// Looks while everything is well.
    pub(crate) fn calm(&mut self, load: &Load, lasts: Duration) {
        std::thread::sleep(SETTLE);
        let began = Instant::now();
        while began.elapsed() < lasts {
            self.look_again(true);
            std::thread::sleep(LOOK);
        }
        self.moments.push(Moment {
            at: self.elapsed(),
            jobs: load.jobs(),
            unanswered: load.unanswered(),
        });
    }

    /// One line of how it goes.
    pub(crate) fn progress(&self, load: &Load) -> String {
        let storm = self.storms.last().map_or("", |(_, storm)| storm.as_str());
        let used = self
            .latest("replica")
            .map(|sample| format!("{} MiB/{}", sample.rss_kib / 1024, sample.files));
        let used: Vec<String> = used.collect();
        format!(
            "{:>5} s, {} jobs, {} unanswered, {}: {storm}",
            self.elapsed().as_secs(),
            load.jobs(),
            load.unanswered(),
            used.join(" ")
        )
    }

    fn latest(&self, kind: &str) -> impl Iterator<Item = Sample> {
        let now = self.lives.iter().filter_map(|life| life.samples.last());
        let latest = now.clone().map(|sample| sample.at).max();
        let lives = self.lives.iter().filter(move |life| life.name.starts_with(kind));
        lives
            .filter_map(|life| life.samples.last().copied())
            .filter(move |sample| Some(sample.at) == latest)
    }

    /// How those lives went that were long enough to tell.
    pub(crate) fn growths(&self, warm_up: Duration) -> impl Iterator<Item = Growth<'_>> {
        self.lives.iter().filter_map(move |life| life.growth(warm_up))
    }

    /// Whether the replica that is never killed was seen for long enough.
    pub(crate) fn can_tell(&self, warm_up: Duration) -> bool {
        self.growths(warm_up)
            .any(|growth| growth.life.name == "replica 0")
    }

    /// Those that grew.
    pub(crate) fn grown(&self, warm_up: Duration) -> Vec<String> {
        self.growths(warm_up)
            .filter(|growth| !growth.is_flat())
            .map(|growth| format!("it grows: {growth:?}"))
            .collect()
    }
}

impl Life {
    fn new(name: &str, pid: u32, began: Duration) -> Self {
        Self {
            name: name.to_owned(),
            began,
            samples: Vec::new(),
            pid,
            started: started(pid),
        }
    }

    fn growth(&self, warm_up: Duration) -> Option<Growth<'_>> {
        let counts = |sample: &&Sample| sample.is_quiet && sample.at >= self.began + warm_up;
        let samples: Vec<&Sample> = self.samples.iter().filter(counts).collect();
        if samples.len() < ENOUGH {
            return None;
        }
        let fifth = samples.len() / 5;
        let parts = [&samples[..fifth], &samples[samples.len() - fifth..]];
        Some(Growth {
            life: self,
            rss_kib: parts.map(|part| median(part.iter().map(|sample| sample.rss_kib))),
            files: parts.map(|part| median(part.iter().map(|sample| sample.files))),
        })
    }
}

impl Growth<'_> {
    pub(crate) fn is_flat(&self) -> bool {
        let ([first, last], [few, many]) = (self.rss_kib, self.files);
        last <= first + first / SMALL_SHARE + FEW_KIB && many <= few + FEW_FILES
    }
}

/// The one in the middle.
pub(crate) fn median(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}

/// The 22nd field of what the kernel says of a process; the second, its name, may hold anything but ends with the last
/// parenthesis.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// Resident memory in KiB, and open files.
fn usage(pid: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let rss = rss.split_whitespace().next()?.parse().ok()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some((rss, u64::try_from(files).ok()?))
}

#[test]
fn a_life_ends_with_its_process_though_another_gets_the_number() {
    let mut watch = Watch {
        began: Instant::now(),
        lives: vec![Life::new("replica 0", std::process::id(), Duration::ZERO)],
        storms: Vec::new(),
        moments: Vec::new(),
    };
    watch.look_again(true);
    assert_eq!(watch.lives[0].samples.len(), 1);
    watch.lives[0].started = watch.lives[0].started.map(|ticks| ticks - 1);
    watch.look_again(true);
    assert_eq!(watch.lives[0].samples.len(), 1);
}
