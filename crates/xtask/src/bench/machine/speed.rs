//! How fast the machine is at a moment. A virtual one shares its caches, its memory and its turns with others, so it is
//! not the same machine from one hour to the next.

use crate::bench::SEED;
use crate::bench::latencies::Latencies;
use crate::bench::random::Random;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// More than the second cache of a core holds, and less than the third, which cores share.
const CACHE: usize = 8 << 20;
/// More than any cache holds that a machine of this size is given.
const MEMORY: usize = 128 << 20;
/// Steps from one line to the next of which the mean is taken, so often.
const STEPS: u32 = 40_000;
/// Of so many the fastest counts: servers of the run are there, though nobody asks them anything.
const TRIES: usize = 5;
/// Bytes sent to another thread and back.
const ERRANDS: usize = 1_000;

/// What things cost at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::bench) struct Speed {
    /// A multiplication and a rotation that need the result of the one before, in nanoseconds.
    pub(in crate::bench) arithmetic: f64,
    /// To read from somewhere in 8 MiB, in nanoseconds.
    pub(in crate::bench) cache: f64,
    /// To read from somewhere in 128 MiB, in nanoseconds.
    pub(in crate::bench) memory: f64,
    /// A byte to another thread, which sleeps, and back: the median.
    pub(in crate::bench) errand: Duration,
}

/// Measures it again and again.
#[derive(Debug)]
pub(in crate::bench) struct Probe {
    cache: Chain,
    memory: Chain,
    other: Other,
}

impl Probe {
    /// Gets ready.
    ///
    /// # Errors
    /// When the system has no socket or no thread left.
    pub(in crate::bench) fn new() -> anyhow::Result<Self> {
        let mut random = Random::new(SEED);
        Ok(Self {
            cache: Chain::new(CACHE, &mut random),
            memory: Chain::new(MEMORY, &mut random),
            other: Other::start()?,
        })
    }

    /// Looks, for about a quarter of a second.
    ///
    /// # Errors
    /// When the other thread is gone.
    pub(in crate::bench) fn look(&mut self) -> anyhow::Result<Speed> {
        // What was in the caches before is of no interest.
        self.cache.walk(self.cache.lines());
        Ok(Speed {
            arithmetic: fastest(arithmetic),
            cache: fastest(|| self.cache.walk(STEPS)),
            memory: fastest(|| self.memory.walk(STEPS)),
            errand: self.other.errands().context("cannot ask another thread")?,
        })
    }
}

fn fastest(once: impl FnMut() -> f64) -> f64 {
    std::iter::repeat_with(once)
        .take(TRIES)
        .fold(f64::INFINITY, f64::min)
}

fn arithmetic() -> f64 {
    let began = Instant::now();
    let mut value = black_box(SEED);
    for _ in 0..10 * STEPS {
        value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    black_box(value);
    nanoseconds(began, 10 * STEPS)
}

fn nanoseconds(began: Instant, each: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1e9 / f64::from(each)
}

/// A line of a cache, which names another.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line(u32);

/// Lines in an order that no prefetcher guesses, all of them in one circle.
#[derive(Debug)]
struct Chain {
    lines: Vec<Line>,
    at: u32,
}

impl Chain {
    fn new(bytes: usize, random: &mut Random) -> Self {
        let count = u32::try_from(bytes / size_of::<Line>()).expect("few lines");
        let mut lines: Vec<Line> = (0..count).map(Line).collect();
        // Sattolo's shuffle: a line is never left where it is, which makes a single circle.
        for last in (1..lines.len()).rev() {
            let other = random.below(last as u64) as usize;
            lines.swap(last, other);
        }
        Self { lines, at: 0 }
    }

    fn lines(&self) -> u32 {
        self.lines.len() as u32
    }

    /// Goes on from where it was; nanoseconds for each step.
    fn walk(&mut self, steps: u32) -> f64 {
        let began = Instant::now();
        for _ in 0..steps {
            self.at = self.lines[self.at as usize].0;
        }
        black_box(self.at);
        nanoseconds(began, steps)
    }
}

/// A thread that sends back what it is sent.
#[derive(Debug)]
struct Other {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Other {
    fn start() -> io::Result<Self> {
        let (socket, mut theirs) = UnixStream::pair()?;
        let thread = thread::Builder::new().name("errands".to_owned()).spawn(move || {
            let mut byte = [0];
            // It ends with the other side.
            while theirs.read_exact(&mut byte).is_ok() && theirs.write_all(&byte).is_ok() {}
        })?;
        Ok(Self {
            socket,
            thread: Some(thread),
        })
    }

    fn errands(&mut self) -> io::Result<Duration> {
        let mut latencies = Latencies::default();
        let mut byte = [0];
        for _ in 0..ERRANDS {
            let began = Instant::now();
            self.socket.write_all(&byte)?;
            self.socket.read_exact(&mut byte)?;
            latencies.push(began.elapsed());
        }
        Ok(latencies.median())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Nothing can be done where either fails, and the process is about to end.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_chain_comes_by_every_line_before_it_comes_by_one_again() {
        let mut chain = Chain::new(64 * 1000, &mut Random::new(7));
        let seen: HashSet<u32> = (0..1000)
            .map(|_| {
                chain.walk(1);
                chain.at
            })
            .collect();
        assert_eq!(seen.len(), 1000);
        assert_eq!(chain.at, 0, "and ends where it began");
    }

    #[test]
    fn a_probe_finds_that_everything_takes_time() {
        let speed = Probe::new().unwrap().look().unwrap();
        assert!(
            speed.arithmetic > 0.0 && speed.cache > 0.0 && speed.memory > 0.0,
            "{speed:?}"
        );
        assert!(speed.errand > Duration::ZERO, "{speed:?}");
    }
}
