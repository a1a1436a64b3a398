//! Wake-ups on their way to other replicas.
//!
//! Whoever wakes waits for nobody, so the outbox is bounded and the oldest give way: while NATS does not take them
//! they are worth little anyway, because the other replicas find the work by looking.

use super::Wake;
use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

/// Most wake-ups that wait: ten dispatches to ten thousand nodes, in less than 2 MB.
const MOST: usize = 100_000;
/// Nodes in one message, which is 64 KiB then.
pub(super) const NODES: usize = 4096;
/// What a node's id takes in a message.
pub(super) const ID_BYTES: usize = 16;

/// What waits to be published.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<VecDeque<(Wake, Uuid)>>,
    filled: Notify,
}

impl Outbox {
    /// Adds wake-ups; the oldest give way when there are too many.
    pub(super) fn put(&self, wake: Wake, nodes: &[Uuid]) {
        let mut waiting = self.waiting.lock().expect("no holder of this lock panics");
        waiting.extend(nodes.iter().map(|node| (wake, *node)));
        let over = waiting.len().saturating_sub(MOST);
        waiting.drain(..over);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Waits until there is something.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes all that waits, as few messages, each the ids of its nodes one after the other.
    pub(super) fn take(&self) -> Vec<(Wake, Bytes)> {
        let waiting = std::mem::take(&mut *self.waiting.lock().expect("no holder of this lock panics"));
        let sorted: Vec<_> = waiting.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        sorted
            .chunk_by(|(one, _), (next, _)| one == next)
            .flat_map(|of_one_kind| of_one_kind.chunks(NODES))
            .map(|chunk| (chunk[0].0, message(chunk)))
            .collect()
    }
}

fn message(wakes: &[(Wake, Uuid)]) -> Bytes {
    wakes.iter().flat_map(|(_, node)| node.into_bytes()).collect()
}

/// The nodes of a message; `None` when it is none.
pub(super) fn nodes_of(message: &[u8]) -> Option<Vec<Uuid>> {
    let (ids, rest) = message.as_chunks::<ID_BYTES>();
    let is_one = (1..=NODES).contains(&ids.len()) && rest.is_empty();
    is_one.then(|| ids.iter().copied().map(Uuid::from_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u128>) -> Vec<Uuid> {
        range.map(Uuid::from_u128).collect()
    }

    #[test]
    fn ten_thousand_nodes_are_three_messages_and_each_node_is_in_one() {
        let outbox = Outbox::default();
        outbox.put(Wake::Pending, &ids(0..10_000));
        outbox.put(Wake::Pending, &ids(5_000..10_000));
        outbox.put(Wake::Keys, &ids(7..8));
        let messages = outbox.take();
        let sizes: Vec<_> = messages
            .iter()
            .map(|(wake, bytes)| (*wake, bytes.len()))
            .collect();
        let expected = [
            (Wake::Pending, 65_536),
            (Wake::Pending, 65_536),
            (Wake::Pending, 28_928),
            (Wake::Keys, 16),
        ];
        assert_eq!(sizes, expected);
        let read: Vec<Uuid> = messages[..3]
            .iter()
            .flat_map(|(_, bytes)| nodes_of(bytes).unwrap())
            .collect();
        assert_eq!(read, ids(0..10_000));
        assert_eq!(nodes_of(&messages[3].1).unwrap(), ids(7..8));
        assert!(outbox.take().is_empty());
    }

    #[test]
    fn the_oldest_give_way() {
        let outbox = Outbox::default();
        let (first, most) = (ids(0..1), MOST as u128);
        outbox.put(Wake::Pending, &first);
        outbox.put(Wake::Pending, &ids(1..most));
        outbox.put(Wake::Keys, &ids(most..most + 1));
        let left: usize = outbox
            .take()
            .iter()
            .map(|(_, bytes)| bytes.len() / ID_BYTES)
            .sum();
        assert_eq!(left, MOST);
        outbox.put(Wake::Pending, &first);
        outbox.put(Wake::Pending, &ids(1..most + 1));
        assert_eq!(nodes_of(&outbox.take()[0].1).unwrap()[0], Uuid::from_u128(1));
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for bytes in [0, 1, 15, 17, (NODES + 1) * ID_BYTES] {
            assert_eq!(nodes_of(&vec![1; bytes]), None, "{bytes}");
        }
        assert!(nodes_of(&vec![1; NODES * ID_BYTES]).is_some());
    }
}
