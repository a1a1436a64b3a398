//! Wake-ups: what tells the open streams of a node to look into the database.
//!
//! The streams of this process hear it at once; those of other replicas hear it over NATS, where there is one
//! ([`nats`]). The database is the queue, and a wake-up only says "look": one that is lost costs time, never an
//! invocation, because the loops look for themselves every 2 s (`loops::pending`, `loops::keys`).

pub mod nats;
mod outbox;
pub mod settings;

use outbox::Outbox;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use uuid::Uuid;

/// Looks at once. A dispatch to every node would otherwise fill the readers' queue by itself.
const LOOKS: usize = 64;

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

    /// The nodes with an open stream in this process.
    pub fn connected(&self) -> Vec<Uuid> {
        let streams = self.streams.lock().expect("no holder of this lock panics");
        streams.keys().copied().collect()
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
