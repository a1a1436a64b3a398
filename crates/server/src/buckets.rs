//! Buckets that leak: how much each of many callers may do at once and over time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;
use tokio::time::Instant;

/// Most callers kept apart; more share one bucket.
pub const KEPT: usize = 10_000;
/// Looking through all buckets once in this time costs nothing; at each overflow it would.
const SWEEP: Duration = Duration::from_secs(1);

/// How much fits into a bucket, and how fast it leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How often at once.
    pub burst: u32,
    /// How long until a full bucket has room for one more.
    pub refill: Duration,
}

/// One bucket for each caller, each kept as the moment at which it will be empty, which needs no upkeep as time goes
/// by.
pub struct Buckets<K> {
    empty_at: HashMap<Option<K>, Instant>,
    swept_at: Option<Instant>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            empty_at: HashMap::new(),
            swept_at: None,
        }
    }
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    /// Counts one act of a caller; `None` is everybody who cannot be told apart. `Err` says how long to wait, and
    /// then nothing was counted.
    pub fn take(&mut self, caller: Option<K>, now: Instant, rule: Rule) -> Result<(), Duration> {
        let caller = self.room_for(caller, now);
        let empty_at = self.empty_at.entry(caller).or_insert(now);
        *empty_at = filled(*empty_at, now, rule)?;
        Ok(())
    }

    /// Takes back one act of a caller that was counted.
    pub fn give_back(&mut self, caller: K, rule: Rule) {
        let own = Some(caller).filter(|_| self.empty_at.contains_key(&Some(caller)));
        if let Some(empty_at) = self.empty_at.get_mut(&own) {
            *empty_at = empty_at.checked_sub(rule.refill).unwrap_or(*empty_at);
        }
    }

    /// The caller itself, or all others when there are too many to keep apart.
    fn room_for(&mut self, caller: Option<K>, now: Instant) -> Option<K> {
        if self.empty_at.len() < KEPT || self.empty_at.contains_key(&caller) {
            return caller;
        }
        if self
            .swept_at
            .is_none_or(|at| now.saturating_duration_since(at) >= SWEEP)
        {
            self.swept_at = Some(now);
            self.empty_at.retain(|_, empty_at| *empty_at > now);
        }
        caller.filter(|_| self.empty_at.len() < KEPT)
    }

    /// How many callers are kept apart now.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.empty_at.len()
    }

    /// Whether that caller has a bucket of its own.
    #[cfg(test)]
    pub fn contains(&self, caller: K) -> bool {
        self.empty_at.contains_key(&Some(caller))
    }
}

/// When a bucket will be empty after one more act; `Err` says how much too early that act is.
fn filled(empty_at: Instant, now: Instant, rule: Rule) -> Result<Instant, Duration> {
    let filled = empty_at.max(now) + rule.refill;
    let overflow = filled
        .saturating_duration_since(now)
        .saturating_sub(rule.refill * rule.burst);
    if overflow.is_zero() {
        return Ok(filled);
    }
    Err(overflow)
}

/// A wait as `Retry-After` says it: whole seconds, not too few.
pub fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
