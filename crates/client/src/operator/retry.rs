//! When a failed attempt is made again.
//!
//! The rules know no clock: they say how long to wait before the next attempt, or that there is none.

use std::time::Duration;

/// How a failed attempt may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail again, or might do a second time what was done already.
    Never,
    /// After a pause of our own choosing.
    Soon,
    /// After what the server asked for.
    After(Duration),
}

/// How often and how long one call is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Attempts in all.
    pub(super) attempts: u32,
    /// The pause after the first; each later one doubles it.
    pub(super) first_pause: Duration,
    /// No attempt starts, and no answer of a repeated write is awaited, after this.
    pub(super) budget: Duration,
}

impl Policy {
    /// Decision 9: retries end within 15 s in all.
    const BUDGET: Duration = Duration::from_secs(15);
    /// A read: enough for a connection that a restart cut. More would only make a person wait.
    pub(super) const READ: Self = Self {
        attempts: 3,
        first_pause: Duration::from_millis(100),
        budget: Self::BUDGET,
    };
    /// A write with an idempotency key: its fate matters, so it outlasts a restart of the server.
    pub(super) const KEYED_WRITE: Self = Self {
        attempts: 7,
        first_pause: Duration::from_millis(100),
        budget: Self::BUDGET,
    };
    /// A write without: the first word is the last.
    pub(super) const ONCE: Self = Self {
        attempts: 1,
        first_pause: Duration::ZERO,
        budget: Self::BUDGET,
    };

    /// How long to wait before attempt `made + 1`, when `made` attempts took `elapsed`.
    pub(super) fn pause(&self, made: u32, elapsed: Duration, again: Again) -> Option<Duration> {
        let pause = match again {
            Again::Never => return None,
            Again::Soon => self.first_pause * 2u32.saturating_pow(made.saturating_sub(1)),
            Again::After(asked) => asked,
        };
        (made < self.attempts && elapsed + pause < self.budget).then_some(pause)
    }
}

/// Whether an error status is worth another attempt, given its `Retry-After` in seconds.
pub(super) fn after_status(status: u16, retry_after: Option<u64>) -> Again {
    match (status, retry_after) {
        (429 | 503, Some(seconds)) => Again::After(Duration::from_secs(seconds)),
        (502..=504, _) => Again::Soon,
        _ => Again::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::{Again, Policy, after_status};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn a_capacity_refusal_is_final_unless_the_server_names_a_time() {
        assert_eq!(after_status(429, None), Again::Never);
        assert_eq!(after_status(429, Some(2)), Again::After(Duration::from_secs(2)));
        assert_eq!(after_status(503, None), Again::Soon);
        assert_eq!(after_status(500, None), Again::Never);
        assert_eq!(after_status(409, Some(1)), Again::Never);
    }

    proptest! {
        #[test]
        fn every_walk_ends_within_the_budget(slow in 0u64..20_000, asked in 0u64..30_000, n in 1u32..9) {
            let policy = Policy { attempts: n, ..Policy::KEYED_WRITE };
            let (mut elapsed, mut made) = (Duration::ZERO, 0);
            loop {
                elapsed += Duration::from_millis(slow);
                made += 1;
                let again =
                    if made % 2 == 0 { Again::Soon } else { Again::After(Duration::from_millis(asked)) };
                let Some(pause) = policy.pause(made, elapsed, again) else { break };
                elapsed += pause;
                prop_assert!(elapsed < policy.budget);
            }
            prop_assert!(made <= n);
            prop_assert!(policy.pause(1, Duration::ZERO, Again::Never).is_none());
        }
    }
}
