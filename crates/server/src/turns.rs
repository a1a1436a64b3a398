//! One at a time for each key: who comes later waits.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Whose turn it is. A turn ends when what [`Turns::take`] gave is dropped.
pub struct Turns<K>(Mutex<HashMap<K, Arc<Turn<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits for the turn.
    pub async fn take(&self, key: K) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().expect("no holder of this lock panics");
            // Those that nobody has or waits for any more.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key).or_default())
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_at_a_time_has_its_turn_and_nothing_is_left_behind() {
        let turns = Turns::default();
        let first = turns.take(1).await;
        let mut second = Box::pin(turns.take(1));
        assert!(
            second.as_mut().now_or_never().is_none(),
            "it is the first one's turn"
        );
        drop(turns.take(2).await);
        drop(first);
        drop(second.await);
        drop(turns.take(3).await);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
