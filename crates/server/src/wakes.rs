//! Wake-ups: what tells the open streams of a node to look into the database.
//!
//! The streams of this process hear it at once; those of other replicas hear it over NATS, where there is one
//! ([`nats`]). The database is the queue, and a wake-up only says "look": one that is lost costs time, never an
//! invocation, because the loops look for themselves every 2 s (`loops::pending`, `loops::keys`).

pub mod nats;
mod outbox;
pub mod settings;

use outbox::Outbox;
use plex_domain::env::Rng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use uuid::Uuid;

/// Looks at once. A dispatch to every node would otherwise fill the readers' queue by itself.
const LOOKS: usize = 64;

/// How long a stream stays away when the process ends it, were it the only one: about what a restart takes.
const AWAY: Duration = Duration::from_secs(1);
/// Streams that come back in a second, of all that a process ended: each costs a TLS handshake and a look at the
/// database, and whoever they come back to has reports to answer as well. 10,000 take 25 s.
const COMING_BACK: f64 = 400.0;
/// In which all are back, however many they are; agents wait no longer than a minute.
const AWAY_AT_MOST: Duration = Duration::from_secs(45);

/// What a stream is told to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// What is pending.
    Pending,
    /// Whether its credential still holds.
    Keys,
}

/// Tells the open streams of a node to look.
pub struct Wakes {
    streams: Arc<Mutex<HashMap<Uuid, watch::Sender<Signal>>>>,
    /// How many there were when the process began to end them.
    ended: OnceLock<usize>,
    looks: Semaphore,
    /// What other replicas are to be told; none where there are no others.
    outbox: Option<Outbox>,
}

/// How often a stream was told to look. What grew since the last look is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signal {
    /// At what is pending.
    pub pending: u64,
    /// At its credential.
    pub keys: u64,
}

/// An open stream's end of the wakes; dropping it signs off.
pub struct Subscription {
    node_id: Uuid,
    /// Changes when the stream should look or end.
    pub signal: watch::Receiver<Signal>,
    streams: Arc<Mutex<HashMap<Uuid, watch::Sender<Signal>>>>,
}

impl Wakes {
    /// Those of a process that is alone, or of one among several replicas.
    pub fn new(has_others: bool) -> Self {
        Self {
            streams: Arc::default(),
            ended: OnceLock::new(),
            looks: Semaphore::new(LOOKS),
            outbox: has_others.then(Outbox::default),
        }
    }

    /// Signs a stream on. Do it before the first look, so that nothing falls between.
    pub fn subscribe(&self, node_id: Uuid) -> Subscription {
        let mut streams = self.streams.lock().expect("no holder of this lock panics");
        let signal = streams
            .entry(node_id)
            .or_insert_with(|| watch::Sender::new(Signal::default()))
            .subscribe();
        Subscription {
            node_id,
            signal,
            streams: Arc::clone(&self.streams),
        }
    }

    /// How long a stream that ends because the process stops is to stay away, so that not all come back at once. An
    /// agent makes up to a quarter more or less of it.
    pub fn away(&self, rng: &dyn Rng) -> Duration {
        let streams = *self.ended.get_or_init(|| self.streams());
        let all_back = AWAY.mul_f64(streams as f64 / COMING_BACK).min(AWAY_AT_MOST);
        let mut chance = [0; 4];
        rng.fill(&mut chance);
        AWAY + all_back.mul_f64(f64::from(u32::from_ne_bytes(chance)) / f64::from(u32::MAX))
    }

    /// How many streams are open in this process.
    pub fn streams(&self) -> usize {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        streams.values().map(watch::Sender::receiver_count).sum()
    }

    /// Tells these nodes' streams, on every replica, to look. It waits for nothing.
    pub fn tell(&self, wake: Wake, nodes: &[Uuid]) {
        self.tell_here(wake, nodes);
        if let Some(outbox) = &self.outbox {
            outbox.put(wake, nodes);
        }
    }

    /// Tells these nodes' streams in this process to look.
    pub fn tell_here(&self, wake: Wake, nodes: &[Uuid]) {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        for stream in nodes.iter().filter_map(|node| streams.get(node)) {
            stream.send_modify(|signal| match wake {
                Wake::Pending => signal.pending += 1,
                Wake::Keys => signal.keys += 1,
            });
        }
    }

    /// Waits for a turn to look.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.looks.acquire().await.expect("nobody closes the semaphore")
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().expect("no holder of this lock panics");
        // This subscription's receiver still counts.
        if streams
            .get(&self.node_id)
            .is_some_and(|stream| stream.receiver_count() <= 1)
        {
            streams.remove(&self.node_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chance(u8);

    impl Rng for Chance {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn the_more_streams_end_the_longer_they_stay_away() {
        let away = |streams: usize, chance| {
            let wakes = Wakes::new(false);
            wakes.ended.set(streams).unwrap();
            wakes.away(&Chance(chance))
        };
        for streams in [0, 1, 10_000, 1_000_000] {
            assert_eq!(away(streams, 0), AWAY, "{streams}");
        }
        let longest = [0, 2, 400, 10_000, 1_000_000].map(|streams| away(streams, 0xff).as_millis());
        assert_eq!(longest, [1000, 1005, 2000, 26_000, 46_000]);
    }

    #[test]
    fn streams_are_counted_when_the_first_of_them_ends() {
        let wakes = Wakes::new(false);
        let streams: Vec<_> = (0..400).map(|_| wakes.subscribe(Uuid::nil())).collect();
        assert_eq!(wakes.away(&Chance(0xff)), 2 * AWAY);
        drop(streams);
        assert_eq!(wakes.away(&Chance(0xff)), 2 * AWAY);
    }
}
