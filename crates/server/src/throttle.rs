//! Limits on failed authentications (decision 30), and on what else somebody could try again and again.
//!
//! Each source address may fail [`BURST`] times at once and once a second after that; what fails beyond is told
//! to wait. A request whose credential holds never comes here, so nobody is locked out by another's failures
//! behind the same address. Of IPv6, a source is a /64: one host may take any address in it. Guesses at user codes
//! are counted by who makes them, and far fewer are allowed.

use crate::buckets::{Buckets, Rule, whole_seconds};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Failures in a row that a source is allowed: enough for a fleet behind one address to come back with keys
/// that were revoked, far too few to guess 32 random bytes.
pub const BURST: u32 = 200;
/// How long until a source that used them up is allowed one more.
pub const REFILL: Duration = Duration::from_secs(1);
/// Wrong user codes in a row that somebody is allowed, and how long until they are allowed one more: 70 in the ten
/// minutes that a code holds, out of 2⁴⁰.
const GUESSES: (u32, Duration) = (10, Duration::from_secs(10));

/// What is left of each source's allowance.
pub struct Throttle {
    buckets: Mutex<Buckets<Source>>,
    rule: Rule,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(BURST, REFILL)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Address(IpAddr),
    Principal(Uuid),
}

impl Throttle {
    fn new(burst: u32, refill: Duration) -> Self {
        Self {
            buckets: Mutex::default(),
            rule: Rule { burst, refill },
        }
    }

    /// The limit on guesses at user codes.
    pub fn of_guesses() -> Self {
        let (burst, refill) = GUESSES;
        Self::new(burst, refill)
    }

    /// Counts a failed authentication. `Err` says how long its source is to wait, in seconds, when it has failed
    /// too often.
    pub fn fail(&self, source: Option<IpAddr>, now: Instant) -> Result<(), u32> {
        self.count(source.map(|ip| Source::Address(network(ip))), now)
    }

    /// The same for somebody known.
    pub fn fail_as(&self, principal: Uuid, now: Instant) -> Result<(), u32> {
        self.count(Some(Source::Principal(principal)), now)
    }

    /// How long somebody is to wait, in seconds, before they may fail again.
    pub fn wait(&self, principal: Uuid, now: Instant) -> Result<(), u32> {
        let buckets = self.buckets.lock().expect("no holder of this lock panics");
        buckets
            .wait(Source::Principal(principal), now, self.rule)
            .map_err(whole_seconds)
    }

    fn count(&self, source: Option<Source>, now: Instant) -> Result<(), u32> {
        let mut buckets = self.buckets.lock().expect("no holder of this lock panics");
        buckets.take(source, now, self.rule).map_err(whole_seconds)
    }
}

/// The address, or the /64 it lies in; an IPv4 address in IPv6 clothes is what it is.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buckets::KEPT;
    use proptest::prelude::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn exhausted(source: Option<IpAddr>, now: Instant) -> Throttle {
        let throttle = Throttle::default();
        for nth in 0..BURST {
            assert_eq!(throttle.fail(source, now), Ok(()), "{nth}");
        }
        throttle
    }

    #[test]
    fn a_source_waits_when_its_burst_is_used_up_and_others_do_not() {
        let now = Instant::now();
        let throttle = exhausted(ip("192.0.2.1"), now);
        assert_eq!(throttle.fail(ip("192.0.2.1"), now), Err(1));
        assert_eq!(
            throttle.fail(ip("::ffff:192.0.2.1"), now),
            Err(1),
            "the same host"
        );
        assert_eq!(throttle.fail(ip("192.0.2.2"), now), Ok(()));
        assert_eq!(throttle.fail(None, now), Ok(()));
    }

    #[test]
    fn refused_failures_do_not_make_the_wait_longer() {
        let now = Instant::now();
        let throttle = exhausted(ip("192.0.2.1"), now);
        for _ in 0..10 {
            assert_eq!(throttle.fail(ip("192.0.2.1"), now), Err(1));
        }
        assert_eq!(throttle.fail(ip("192.0.2.1"), now + REFILL), Ok(()));
        assert_eq!(throttle.fail(ip("192.0.2.1"), now + REFILL), Err(1));
    }

    #[test]
    fn an_ipv6_source_is_a_64() {
        let now = Instant::now();
        let throttle = exhausted(ip("2001:db8::1"), now);
        assert_eq!(throttle.fail(ip("2001:db8::ffff:0:0:2"), now), Err(1));
        assert_eq!(throttle.fail(ip("2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn guesses_are_counted_by_who_makes_them() {
        let now = Instant::now();
        let throttle = Throttle::of_guesses();
        let (anna, bert) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for _ in 0..10 {
            assert_eq!(throttle.wait(anna, now), Ok(()));
            assert_eq!(throttle.fail_as(anna, now), Ok(()));
        }
        assert_eq!(throttle.wait(anna, now), Err(10));
        assert_eq!(throttle.fail_as(anna, now), Err(10));
        assert_eq!(throttle.wait(bert, now), Ok(()));
        assert_eq!(throttle.wait(anna, now + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_what_has_recovered_makes_room() {
        let now = Instant::now();
        let throttle = Throttle::default();
        let many = u32::try_from(KEPT).unwrap() + 50;
        let address = |nth: u32| Some(IpAddr::from(nth.to_be_bytes()));
        let kept = || throttle.buckets.lock().unwrap().kept();
        for nth in 0..many {
            throttle.fail(address(nth), now).unwrap();
        }
        assert_eq!(kept(), KEPT + 1, "all others are one");
        throttle.fail(address(many), now + REFILL * 2).unwrap();
        assert!(kept() <= 2, "{} kept", kept());
        assert!(
            throttle
                .buckets
                .lock()
                .unwrap()
                .contains(Source::Address(address(many).unwrap()))
        );
    }

    proptest! {
        /// However failures are spread, a source gets no more than its burst and one a second.
        #[test]
        fn no_spread_of_failures_gets_more(pauses in prop::collection::vec(0_u64..3000, 1..600)) {
            let (throttle, start) = (Throttle::default(), Instant::now());
            let (mut now, mut allowed) = (start, 0);
            for pause in pauses {
                now += Duration::from_millis(pause);
                allowed += u64::from(throttle.fail(ip("192.0.2.1"), now).is_ok());
                prop_assert!(allowed <= u64::from(BURST) + (now - start).as_secs());
            }
        }
    }
}
