//! What is counted with: atomics and nothing else, so that whoever counts waits for nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// That many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that comes and goes.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    /// What it was last set to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a histogram's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Nanoseconds, shown as seconds.
    Time,
    /// Pieces of something.
    Pieces,
}

/// The bounds of short waits, from 100 µs to 10 s.
pub(super) const SHORT: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// The bounds of waits for somebody who may be away, from 1 ms to an hour.
pub(super) const LONG: &[u64] = &[
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
    300_000_000_000,
    3_600_000_000_000,
];
/// The bounds of how many there are, from 1 to 10,000.
pub(super) const COUNTS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// How often something was how large.
#[derive(Debug)]
pub struct Histogram {
    unit: Unit,
    bounds: &'static [u64],
    /// One for each bound, and one for what is above them all.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one, of waits.
    pub(super) fn of_time(bounds: &'static [u64]) -> Self {
        Self::new(Unit::Time, bounds)
    }

    /// An empty one, of how many there are.
    pub(super) fn of_pieces(bounds: &'static [u64]) -> Self {
        Self::new(Unit::Pieces, bounds)
    }

    fn new(unit: Unit, bounds: &'static [u64]) -> Self {
        Self {
            unit,
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a wait.
    pub fn observe_time(&self, took: Duration) {
        self.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a number of pieces, or of nanoseconds.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What it holds now, in the unit that is shown.
    pub(super) fn read(&self) -> Reading {
        let shown = |value: u64| match self.unit {
            Unit::Time => value as f64 / 1e9,
            Unit::Pieces => value as f64,
        };
        let mut count = 0;
        let mut cumulative = self.buckets.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = self.bounds.iter().map(|bound| shown(*bound)).zip(&mut cumulative);
        let buckets = buckets.collect();
        Reading {
            buckets,
            // The last bucket, so that the count is that of the buckets even while others count.
            count: cumulative.next().unwrap_or(0),
            sum: shown(self.sum.load(Ordering::Relaxed)),
        }
    }
}

/// A histogram at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Reading {
    /// Each bound, and how many were at most that large.
    pub(super) buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub(super) count: u64,
    /// What they come to together.
    pub(super) sum: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_from_its_own_bound_on() {
        let histogram = Histogram::of_pieces(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 100, 101] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        assert_eq!(reading.buckets, [(1.0, 2), (10.0, 4), (100.0, 5)]);
        assert_eq!((reading.count, reading.sum), (6, 214.0));
    }

    #[test]
    fn time_is_shown_in_seconds() {
        let histogram = Histogram::of_time(SHORT);
        histogram.observe_time(Duration::from_millis(1500));
        histogram.observe_time(Duration::from_micros(100));
        let reading = histogram.read();
        assert_eq!(reading.buckets[0], (0.0001, 1));
        assert_eq!(reading.buckets.last(), Some(&(10.0, 2)));
        assert_eq!((reading.count, reading.sum), (2, 1.5001));
    }

    #[test]
    fn bounds_rise() {
        for bounds in [SHORT, LONG, COUNTS] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let (histogram, counter) = (Histogram::of_pieces(COUNTS), Counter::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for value in 0..10_000 {
                        histogram.observe(value);
                        counter.increment();
                    }
                });
            }
        });
        assert_eq!((histogram.read().count, counter.get()), (40_000, 40_000));
    }

    /// `cargo test --release -p plex-server --lib cost -- --ignored --nocapture` says what counting costs.
    #[test]
    #[ignore = "a measurement"]
    fn cost() {
        let histogram = Histogram::of_time(SHORT);
        let began = std::time::Instant::now();
        for value in 0..10_000_000_u64 {
            histogram.observe(std::hint::black_box(value));
        }
        println!("{} ns an observation", began.elapsed().as_nanos() / 10_000_000);
    }
}
