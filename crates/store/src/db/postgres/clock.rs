//! The server's time, which all replicas share.

use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// Goes on by our monotonic clock from what the server last said.
pub(super) struct Clock {
    began: Instant,
    /// The server's time when we began, in microseconds since 1970.
    began_at: AtomicI64,
}

impl Clock {
    /// Before the server has said anything, the time is our own.
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            began_at: AtomicI64::new(Timestamp::now().as_microsecond()),
        }
    }

    /// Takes over what the server says now.
    pub(super) fn set(&self, now: Timestamp) {
        let began_at = now.as_microsecond().saturating_sub(self.passed());
        self.began_at.store(began_at, Ordering::Relaxed);
    }

    fn passed(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl plex_domain::env::Clock for Clock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::from_micros(self.passed());
        Timestamp::from_microsecond(self.began_at.load(Ordering::Relaxed))
            .and_then(|began_at| began_at.checked_add(passed))
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plex_domain::env::Clock as _;

    #[test]
    fn it_goes_on_from_what_the_server_said() {
        let clock = Clock::new();
        let said = Timestamp::from_second(4_000_000_000).unwrap();
        clock.set(said);
        let (first, second) = (clock.now(), clock.now());
        assert!(said <= first && first <= second);
        assert!(second.duration_since(said) < SignedDuration::from_mins(1));
    }
}
