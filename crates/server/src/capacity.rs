//! How full domains are: what a loop measured last, and the events that streams send meanwhile (`api.md` §11).

use plex_api::capacity::{CapacityDimension, DomainCapacityDimensionReading, DomainCapacitySnapshot};
use plex_store::capacity::Usage;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use uuid::Uuid;

/// From here on an axis is nearly full, which is said once.
const NEARLY_FULL: f64 = 0.8;

/// Events sent to open streams, by domain, since this process began.
#[derive(Default)]
pub struct Fanout(Mutex<HashMap<Uuid, u64>>);

impl Fanout {
    /// Counts events.
    pub fn note(&self, domain_id: Uuid, events: u64) {
        let mut counts = self.0.lock().expect("no holder of this lock panics");
        *counts.entry(domain_id).or_default() += events;
    }

    /// All counts as they are now.
    pub fn counts(&self) -> HashMap<Uuid, u64> {
        self.0.lock().expect("no holder of this lock panics").clone()
    }
}

/// The last sample; none before the first.
#[derive(Default)]
pub struct Capacity(Mutex<Sample>);

#[derive(Default)]
struct Sample {
    domains: Arc<HashMap<Uuid, DomainCapacitySnapshot>>,
    nearly_full: HashSet<(Uuid, CapacityDimension)>,
}

impl Capacity {
    /// A domain's axes; `None` when it was not sampled yet.
    pub fn of(&self, domain_id: Uuid) -> Option<DomainCapacitySnapshot> {
        let domains = Arc::clone(&self.sample().domains);
        domains.get(&domain_id).cloned()
    }

    /// Puts a sample in the place of the one before. Returns the axes that have become nearly full since.
    pub fn replace(
        &self,
        domains: HashMap<Uuid, DomainCapacitySnapshot>,
    ) -> Vec<(Uuid, DomainCapacityDimensionReading)> {
        let mut sample = self.sample();
        let over: Vec<(Uuid, DomainCapacityDimensionReading)> = domains
            .iter()
            .flat_map(|(id, snapshot)| snapshot.dimensions.iter().map(|reading| (*id, reading.clone())))
            .filter(|(_, reading)| reading.ratio >= NEARLY_FULL)
            .collect();
        let now = over
            .iter()
            .map(|(id, reading)| (*id, reading.dimension))
            .collect();
        let before = std::mem::replace(&mut sample.nearly_full, now);
        sample.domains = Arc::new(domains);
        over.into_iter()
            .filter(|(id, reading)| !before.contains(&(*id, reading.dimension)))
            .collect()
    }

    fn sample(&self) -> MutexGuard<'_, Sample> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// The six readings of a domain. What this product does not have is used by nobody, and has no limit.
pub fn readings(usage: &Usage, events_per_second: f64, max_live: u64) -> Vec<DomainCapacityDimensionReading> {
    let reading = |dimension: CapacityDimension| {
        let (used, target) = match dimension {
            CapacityDimension::Nodes => (as_number(usage.nodes.into()), as_number(usage.addresses)),
            CapacityDimension::SseFanout => (events_per_second, 0.0),
            CapacityDimension::SecretReads
            | CapacityDimension::MediatedSessions
            | CapacityDimension::ObservabilityIngest => (0.0, 0.0),
            CapacityDimension::ActionExecutions => (
                as_number(usage.live_executions.into()),
                as_number(max_live.into()),
            ),
        };
        DomainCapacityDimensionReading {
            dimension,
            unit: dimension.unit(),
            used,
            target,
            ratio: if target > 0.0 { used / target } else { 0.0 },
        }
    };
    CapacityDimension::ALL.into_iter().map(reading).collect()
}

/// Exact up to 2^53, which is beyond what anything here is counted to; an IPv6 pool's size is rounded.
#[expect(clippy::cast_precision_loss, reason = "a figure for people and graphs")]
fn as_number(count: u128) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn snapshot(live: u64) -> HashMap<Uuid, DomainCapacitySnapshot> {
        let usage = Usage {
            domain_id: Uuid::max(),
            nodes: 1,
            addresses: 254,
            live_executions: live,
        };
        let snapshot = DomainCapacitySnapshot {
            sampled_at: Timestamp::UNIX_EPOCH,
            dimensions: readings(&usage, 2.5, 10),
        };
        HashMap::from([(Uuid::max(), snapshot)])
    }

    #[test]
    fn an_axis_is_reported_once_each_time_it_fills_up() {
        let capacity = Capacity::default();
        assert_eq!(capacity.of(Uuid::max()), None);
        for (live, reported) in [(7, 0), (8, 1), (9, 0), (10, 0), (2, 0), (8, 1)] {
            let over = capacity.replace(snapshot(live));
            assert_eq!(over.len(), reported, "{live}");
            assert!(
                over.iter()
                    .all(|(_, reading)| reading.dimension == CapacityDimension::ActionExecutions)
            );
        }
    }

    #[test]
    fn all_six_axes_stand_in_their_order_and_without_a_target_the_ratio_is_0() {
        let found = snapshot(5)[&Uuid::max()].dimensions.clone();
        let order: Vec<_> = found.iter().map(|reading| reading.dimension).collect();
        assert_eq!(order, CapacityDimension::ALL);
        let figures: Vec<_> = found.iter().map(|r| (r.used, r.target, r.ratio)).collect();
        assert_eq!(figures[0], (1.0, 254.0, 1.0 / 254.0));
        assert_eq!(figures[1], (2.5, 0.0, 0.0));
        assert_eq!(figures[5], (5.0, 10.0, 0.5));
        assert!(figures[2..5].iter().all(|figures| *figures == (0.0, 0.0, 0.0)));
    }
}
