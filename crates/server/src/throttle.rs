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

/// Logins and sign-ins that a host may begin at once, and how long until it may begin one more: each takes up room
/// here for ten minutes, and people begin few.
const BEGINNINGS: (u32, Duration) = (10, Duration::from_secs(3));
/// The same for a site of IPv6, a /48, which has 65,536 networks to come from.
const BEGINNINGS_OF_A_SITE: (u32, Duration) = (100, Duration::from_millis(300));

/// The limit on logins and sign-ins that anybody may begin.
pub struct Beginnings {
    hosts: Throttle,
    sites: Throttle,
}

impl Default for Beginnings {
    fn default() -> Self {
        let ((burst, refill), (site_burst, site_refill)) = (BEGINNINGS, BEGINNINGS_OF_A_SITE);
        Self {
            hosts: Throttle::new(burst, refill),
            sites: Throttle::new(site_burst, site_refill),
        }
    }
}

impl Beginnings {
    /// Counts something that is begun. `Err` says how long its source is to wait, in seconds.
    pub fn count(&self, source: Option<IpAddr>, now: Instant) -> Result<(), u32> {
        self.hosts.fail(source, now)?;
        match source.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V6(ip)) => self.sites.count(Some(Source::Address(prefix(ip, 3))), now),
            Some(IpAddr::V4(_)) | None => Ok(()),
        }
    }
}

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

    /// Counts a guess of somebody known, before it is known whether it hits: of many at once, no more are looked at
    /// than are allowed.
    pub fn guess(&self, principal: Uuid, now: Instant) -> Result<(), u32> {
        self.count(Some(Source::Principal(principal)), now)
    }

    /// Takes back that a guess was counted: it hit.
    pub fn forgive(&self, principal: Uuid) {
        let mut buckets = self.buckets.lock().expect("no holder of this lock panics");
        buckets.give_back(Source::Principal(principal), self.rule);
    }

    fn count(&self, source: Option<Source>, now: Instant) -> Result<(), u32> {
        let mut buckets = self.buckets.lock().expect("no holder of this lock panics");
        buckets.take(source, now, self.rule).map_err(whole_seconds)
    }
}

/// The address, or the /64 it lies in; an IPv4 address in IPv6 clothes is what it is.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => prefix(ip, 4),
        ip @ IpAddr::V4(_) => ip,
    }
}

/// The network of the first so many segments.
fn prefix(ip: Ipv6Addr, segments: usize) -> IpAddr {
    let mut kept = ip.segments();
    kept[segments..].fill(0);
    Ipv6Addr::from(kept).into()
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
            assert_eq!(throttle.guess(anna, now), Ok(()));
        }
        assert_eq!(throttle.guess(anna, now), Err(10));
        assert_eq!(throttle.guess(bert, now), Ok(()));
        throttle.forgive(anna);
        assert_eq!(throttle.guess(anna, now), Ok(()), "one of them had hit");
        assert_eq!(throttle.guess(anna, now), Err(10));
        assert_eq!(throttle.guess(anna, now + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn a_host_begins_few_logins_and_a_site_not_many_more() {
        let now = Instant::now();
        let beginnings = Beginnings::default();
        for _ in 0..10 {
            assert_eq!(beginnings.count(ip("192.0.2.1"), now), Ok(()));
        }
        assert_eq!(beginnings.count(ip("192.0.2.1"), now), Err(3));
        assert_eq!(beginnings.count(ip("192.0.2.2"), now), Ok(()));
        let site = |network: u16| ip(&format!("2001:db8:7:{network:x}::1"));
        for network in 0..100 {
            assert_eq!(beginnings.count(site(network), now), Ok(()), "{network}");
        }
        assert_eq!(beginnings.count(site(100), now), Err(1), "the whole /48");
        assert_eq!(beginnings.count(ip("2001:db8:8::1"), now), Ok(()));
        assert_eq!(
            beginnings.count(site(101), now + Duration::from_millis(300)),
            Ok(())
        );
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
