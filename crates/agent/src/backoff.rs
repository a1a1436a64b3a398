//! How long to wait before the next attempt, so that a fleet does not come back all at once.

use crate::entropy;
use plex_domain::env::Rng;
use std::time::Duration;

/// Doubling waits up to a ceiling, each spread by a quarter to both sides.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    ceiling: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts at `base`.
    pub fn new(base: Duration, ceiling: Duration) -> Self {
        Self {
            base,
            ceiling,
            failures: 0,
        }
    }

    /// The wait after one more failure.
    pub fn next(&mut self, rng: &dyn Rng) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        spread(doubled.min(self.ceiling), rng)
    }

    /// Starts anew after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The duration, a quarter more or less.
pub fn spread(duration: Duration, rng: &dyn Rng) -> Duration {
    duration.mul_f64(0.75 + entropy::fraction(rng) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prop_assert, proptest};

    struct Fixed(u8);

    impl Rng for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    proptest! {
        #[test]
        fn waits_double_within_a_quarter_and_stay_below_the_ceiling(byte: u8, failures in 0_u32..80) {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
            for _ in 0..failures {
                backoff.next(&Fixed(byte));
            }
            let nominal = if failures < 6 { f64::from(1_u32 << failures) } else { 60.0 };
            let wait = backoff.next(&Fixed(byte)).as_secs_f64();
            prop_assert!(wait >= nominal * 0.75 - 1e-6 && wait <= nominal * 1.25 + 1e-6, "{wait} after {failures}");
            backoff.reset();
            prop_assert!(backoff.next(&Fixed(byte)).as_secs_f64() <= 1.25);
        }
    }
}
