//! Time and randomness as parameters.
//!
//! Rules that need either take it from the caller, who in production hands in the system's and in tests a
//! scripted one. What is stored has microseconds, because that is what both databases keep alike.

use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Gives randomness fit for secrets.
pub trait Rng: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A new UUIDv7 of that time, to a quarter of a microsecond (RFC 9562, section 6.2, method 3); a time before 1970 counts
/// as 1970.
pub fn uuid_v7(now: Timestamp, rng: &dyn Rng) -> Uuid {
    const PARTS: u64 = 1 << 12;
    let mut random = [0; 10];
    rng.fill(&mut random);
    let nanos = u64::try_from(now.as_nanosecond()).unwrap_or(0);
    let (millis, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    let part = u16::try_from(rest * PARTS / 1_000_000).expect("a part of a millisecond is less than 12 bits");
    random[..2].copy_from_slice(&part.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Not greater than any id of that time or a later one.
pub fn first_id(time: Timestamp) -> Uuid {
    Uuid::from_u128(millis(time) << 80)
}

/// Not less than any id of that time or an earlier one.
pub fn last_id(time: Timestamp) -> Uuid {
    Uuid::from_u128(((millis(time) + 1) << 80) - 1)
}

/// The 48 bits that an id of that time begins with; the calendar's end fits.
fn millis(time: Timestamp) -> u128 {
    u128::try_from(time.as_millisecond()).unwrap_or(0)
}

/// The time cut to whole microseconds, as databases keep it.
pub fn micros(t: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(t.as_microsecond()).expect("a cut time is in the range of times")
}

/// The first whole microsecond that is not before a time.
pub fn micros_from(t: Timestamp) -> Timestamp {
    let has_rest = t.as_nanosecond() % 1000 != 0;
    t.checked_add(Duration::from_micros(has_rest.into()))
        .map_or(t, micros)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Rng;
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Counts upwards: repeatable, and different at each call.
    #[derive(Default)]
    pub(crate) struct CountingRng(AtomicU8);

    impl Rng for CountingRng {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn the_ids_of_any_time_have_room() {
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert!(first_id(time) < last_id(time) && last_id(time) < Uuid::max());
        }
        assert_eq!(first_id(Timestamp::MIN), Uuid::nil());
    }

    #[test]
    fn ids_of_one_time_differ_and_later_ids_sort_later() {
        let rng = CountingRng::default();
        let early = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let late = Timestamp::from_microsecond(1_700_000_000_000_001).unwrap();
        let (a, b, c) = (uuid_v7(early, &rng), uuid_v7(early, &rng), uuid_v7(late, &rng));
        assert_ne!(a, b);
        assert!(c > a && c > b);
        assert_eq!(a.get_version_num(), 7);
        assert_eq!(a.get_timestamp().unwrap().to_unix().0, 1_700_000_000);
        assert_eq!(a.get_variant(), uuid::Variant::RFC4122);
    }

    proptest! {
        #[test]
        fn an_id_of_a_later_microsecond_is_greater(micros in 0_i64..4_000_000_000_000_000, more in 1_i64..3_000) {
            let [early, late] = [micros, micros + more].map(|t| Timestamp::from_microsecond(t).unwrap());
            let rng = CountingRng::default();
            prop_assert!(uuid_v7(early, &rng) < uuid_v7(late, &rng));
        }

        #[test]
        fn ids_lie_between_the_first_and_the_last_of_their_time(
            micros in 0_i64..4_000_000_000_000_000,
            more in 0_i64..3_000,
        ) {
            let [early, late] = [micros, micros + more].map(|t| Timestamp::from_microsecond(t).unwrap());
            let rng = CountingRng::default();
            prop_assert!(first_id(early) <= uuid_v7(late, &rng) && uuid_v7(early, &rng) <= last_id(late));
            let next = Timestamp::from_millisecond(micros / 1000 + 1).unwrap();
            prop_assert!(last_id(early) < first_id(next), "no more than a millisecond");
        }

        #[test]
        fn micros_from_adds_less_than_one_microsecond(nanos in 0_i128..4_000_000_000_000_000_000) {
            let t = Timestamp::from_nanosecond(nanos).unwrap();
            let next = micros_from(t);
            prop_assert_eq!(next.as_nanosecond() % 1000, 0);
            prop_assert!((0..1000).contains(&(next.as_nanosecond() - t.as_nanosecond())));
        }

        #[test]
        fn micros_cuts_less_than_one_microsecond(nanos in 0_i128..4_000_000_000_000_000_000) {
            let t = Timestamp::from_nanosecond(nanos).unwrap();
            let cut = micros(t);
            prop_assert_eq!(cut.as_nanosecond() % 1000, 0);
            prop_assert!((0..1000).contains(&(t.as_nanosecond() - cut.as_nanosecond())));
        }
    }
}
