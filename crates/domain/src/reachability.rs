//! How a node's silence is judged (`api.md` §5 and §7).
//!
//! The verdict is computed at each look from the last heartbeat, never stored: there is no loop that could
//! fall behind, and `changed_at` follows from the same two numbers.

use crate::duration;
use jiff::Timestamp;
use plex_api::domains::DomainReachabilityPolicy;
use plex_api::nodes::{Reachability, ReachabilityState};
use std::time::Duration;

const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// A domain's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often nodes report.
    pub heartbeat_interval: Duration,
    /// Silence after which a node is stale.
    pub stale_after: Duration,
    /// Silence after which it is unreachable.
    pub unreachable_after: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(30),
            stale_after: Duration::from_secs(90),
            unreachable_after: Duration::from_secs(300),
        }
    }
}

impl Policy {
    /// The policy of a request: all three values, or all three empty or zero for the default.
    ///
    /// # Errors
    /// What is wrong, for a problem's `detail`.
    pub fn parse(policy: &DomainReachabilityPolicy) -> Result<Self, String> {
        let heartbeat_interval = value("heartbeat_interval", &policy.heartbeat_interval)?;
        let stale_after = value("stale_after", &policy.stale_after)?;
        let unreachable_after = value("unreachable_after", &policy.unreachable_after)?;
        if [heartbeat_interval, stale_after, unreachable_after]
            .iter()
            .all(Duration::is_zero)
        {
            return Ok(Self::default());
        }
        if !(SHORTEST_INTERVAL..=LONGEST).contains(&heartbeat_interval) {
            return Err("heartbeat_interval must be between 10s and 1h".to_owned());
        }
        if !(heartbeat_interval * 3..=LONGEST).contains(&stale_after) {
            return Err("stale_after must be between three heartbeat intervals and 1h".to_owned());
        }
        if !(stale_after * 2..=LONGEST).contains(&unreachable_after) {
            return Err("unreachable_after must be between twice stale_after and 1h".to_owned());
        }
        Ok(Self {
            heartbeat_interval,
            stale_after,
            unreachable_after,
        })
    }

    /// The policy as the contract spells it.
    pub fn to_api(&self) -> DomainReachabilityPolicy {
        DomainReachabilityPolicy {
            heartbeat_interval: duration::format(self.heartbeat_interval),
            stale_after: duration::format(self.stale_after),
            unreachable_after: duration::format(self.unreachable_after),
        }
    }
}

/// The verdict on a node that registered at `created_at`.
///
/// `changed_at` is the moment of the last change that these facts prove: registration, the last heartbeat,
/// or the end of patience after it.
pub fn verdict(
    policy: &Policy,
    created_at: Timestamp,
    last_heartbeat: Option<Timestamp>,
    now: Timestamp,
) -> Reachability {
    let Some(last) = last_heartbeat else {
        let state = ReachabilityState::NeverReported;
        return Reachability {
            state,
            last_heartbeat_at: None,
            changed_at: created_at,
        };
    };
    let silence = Duration::try_from(now.duration_since(last)).unwrap_or(Duration::ZERO);
    let (state, after) = if silence >= policy.unreachable_after {
        (ReachabilityState::Unreachable, policy.unreachable_after)
    } else if silence >= policy.stale_after {
        (ReachabilityState::Stale, policy.stale_after)
    } else {
        (ReachabilityState::Healthy, Duration::ZERO)
    };
    let changed_at = last.checked_add(after).unwrap_or(now);
    Reachability {
        state,
        last_heartbeat_at: Some(last),
        changed_at,
    }
}

fn value(field: &str, text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let value =
        duration::parse(text).ok_or_else(|| format!("{field} is not a duration such as 30s or 5m"))?;
    // Policies are kept in whole seconds; a fraction would read back as another policy.
    if value.subsec_nanos() != 0 {
        return Err(format!("{field} must be a whole number of seconds"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(interval: &str, stale: &str, unreachable: &str) -> Result<Policy, String> {
        Policy::parse(&DomainReachabilityPolicy {
            heartbeat_interval: interval.into(),
            stale_after: stale.into(),
            unreachable_after: unreachable.into(),
        })
    }

    #[test]
    fn the_bounds() {
        assert_eq!(policy("30s", "90s", "300s"), Ok(Policy::default()));
        assert_eq!(policy("", "", ""), Ok(Policy::default()));
        assert_eq!(policy("0s", "0", ""), Ok(Policy::default()));
        for good in [("10s", "30s", "1m"), ("10s", "30m", "1h"), ("600s", "30m", "60m")] {
            assert!(policy(good.0, good.1, good.2).is_ok(), "{good:?}");
        }
        let bad = [
            ("9.9s", "90s", "300s"),
            ("10s", "29.9s", "1m"),
            ("10s", "30s", "59.9s"),
            ("10s", "30s", "60m1s"),
            ("21m", "1h", "1h"),
            ("10500ms", "90s", "300s"),
            ("30s", "90.5s", "300s"),
            ("30s", "90s", "300s1ns"),
            ("30s", "90s", ""),
            ("", "90s", "300s"),
            ("30s", "x", "300s"),
            ("2562047h", "2562047h", "2562047h"),
        ];
        for bad in bad {
            assert!(policy(bad.0, bad.1, bad.2).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let printed = Policy::default().to_api();
        assert_eq!(printed.stale_after, "1m30s");
        assert_eq!(printed.unreachable_after, "5m0s");
        assert_eq!(Policy::parse(&printed), Ok(Policy::default()));
    }

    #[test]
    fn silence_is_judged_at_its_very_bounds() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let judged = |now: i64| verdict(&Policy::default(), at(-500), Some(at(0)), at(now));
        let cases = [
            (-5, ReachabilityState::Healthy, 0),
            (0, ReachabilityState::Healthy, 0),
            (89, ReachabilityState::Healthy, 0),
            (90, ReachabilityState::Stale, 90),
            (299, ReachabilityState::Stale, 90),
            (300, ReachabilityState::Unreachable, 300),
            (9999, ReachabilityState::Unreachable, 300),
        ];
        for (now, state, changed) in cases {
            let expected = Reachability {
                state,
                last_heartbeat_at: Some(at(0)),
                changed_at: at(changed),
            };
            assert_eq!(judged(now), expected, "after {now} s");
        }
        let never = verdict(&Policy::default(), at(-500), None, at(0));
        assert_eq!(
            (never.state, never.changed_at),
            (ReachabilityState::NeverReported, at(-500))
        );
    }
}
