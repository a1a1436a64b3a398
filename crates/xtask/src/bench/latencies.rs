//! Durations of many like things, and what stands in a table about them.

use std::time::Duration;

/// Measured durations.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// One more.
    pub(super) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// All of others.
    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest duration that at least `percent` of all do not exceed; zero when there are none.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (percent * sorted.len()).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// The median.
    pub(super) fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// A duration in milliseconds.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A duration for a table: three digits that count.
pub(super) fn shown(duration: Duration) -> String {
    let milliseconds = milliseconds(duration);
    if milliseconds < 1.0 {
        format!("{milliseconds:.3} ms")
    } else if milliseconds < 10.0 {
        format!("{milliseconds:.2} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

#[cfg(test)]
impl Latencies {
    /// Of one request.
    pub(super) fn of(milliseconds: u64) -> Self {
        let mut latencies = Self::default();
        latencies.push(Duration::from_millis(milliseconds));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(microseconds: &[u64]) -> Latencies {
        Latencies(
            microseconds
                .iter()
                .map(|value| Duration::from_micros(*value))
                .collect(),
        )
    }

    proptest! {
        #[test]
        fn a_percentile_has_that_share_at_or_below_it(
            values in prop::collection::vec(0..1000u64, 1..300),
            percent in 1..100usize,
        ) {
            let latencies = of(&values);
            let bound = latencies.percentile(percent);
            let count = |keep: &dyn Fn(Duration) -> bool| {
                values.iter().filter(|value| keep(Duration::from_micros(**value))).count()
            };
            let share = percent * values.len();
            prop_assert!(count(&|value| value <= bound) * 100 >= share);
            prop_assert!(count(&|value| value < bound) * 100 < share);
        }
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Latencies::default().median(), Duration::ZERO);
    }

    #[test]
    fn durations_are_shown_with_three_digits() {
        assert_eq!(shown(Duration::from_micros(154)), "0.154 ms");
        assert_eq!(shown(Duration::from_micros(4321)), "4.32 ms");
        assert_eq!(shown(Duration::from_millis(481)), "481 ms");
    }
}
