//! A limit on how much one principal asks for (decision 30): none unless `--rate-limit-per-principal` sets it.
//!
//! So many requests a second, and five seconds' worth at once. It is counted in each process, after the credential
//! was found to hold.

use crate::buckets::{Buckets, Rule, whole_seconds};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How many seconds' worth may come at once.
const BURST_SECONDS: u32 = 5;

/// What each principal has left.
pub struct Rates {
    rule: Option<Rule>,
    buckets: Mutex<Buckets<Uuid>>,
}

impl Rates {
    /// A limit in requests a second, or none.
    pub fn new(per_second: Option<NonZeroU32>) -> Self {
        let rule = per_second.map(|per_second| Rule {
            burst: per_second.get().saturating_mul(BURST_SECONDS),
            refill: Duration::from_secs(1) / per_second.get(),
        });
        Self {
            rule,
            buckets: Mutex::default(),
        }
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.rule.is_some()
    }

    /// Counts a request. `Err` says how long the principal is to wait, in seconds, when it asks for too much.
    pub fn take(&self, principal: Uuid, now: Instant) -> Result<(), u32> {
        let Some(rule) = self.rule else { return Ok(()) };
        let mut buckets = self.buckets.lock().expect("no holder of this lock panics");
        buckets.take(Some(principal), now, rule).map_err(whole_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_limit_there_is_none() {
        let (rates, now) = (Rates::new(None), Instant::now());
        assert!((0..10_000).all(|_| rates.take(Uuid::max(), now).is_ok()));
    }

    #[test]
    fn one_principal_never_takes_from_another() {
        let (rates, now) = (Rates::new(NonZeroU32::new(2)), Instant::now());
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!((0..10).all(|_| rates.take(a, now).is_ok()));
        assert_eq!(rates.take(a, now), Err(1));
        assert_eq!(rates.take(b, now), Ok(()));
        assert_eq!(rates.take(a, now + Duration::from_millis(500)), Ok(()));
    }

    proptest! {
        /// However requests are spread, there are no more than the burst and so many a second.
        #[test]
        fn no_spread_of_requests_gets_more(
            per_second in 1_u32..50,
            pauses in prop::collection::vec(0_u64..400, 1..400),
        ) {
            let rates = Rates::new(NonZeroU32::new(per_second));
            let start = Instant::now();
            let (mut now, mut allowed) = (start, 0_u128);
            for pause in pauses {
                now += Duration::from_millis(pause);
                allowed += u128::from(rates.take(Uuid::max(), now).is_ok());
                // A nanosecond's rounding of the refill gives at most one more.
                let most = u128::from(per_second * BURST_SECONDS)
                    + (now - start).as_millis() * u128::from(per_second) / 1000
                    + 1;
                prop_assert!(allowed <= most);
            }
        }
    }
}
