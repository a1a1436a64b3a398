//! Changing a node's key without ever locking it out.
//!
//! An operator asks; the node draws a key, writes it to its disk, and only then hands it in. Both keys hold until
//! the new one is first used, or until a time limit; so whichever step a crash interrupts, the node has a key that
//! holds, and the key before does not hold for ever.

use crate::db::{Error, Row, Tx};
use crate::values;
use jiff::Timestamp;
use plex_domain::credential;
use uuid::Uuid;

/// What a presented key is to its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The key in use.
    Current,
    /// The key that was handed in; to use it is to make it the only one.
    Next,
    /// None of its keys, or one whose time is over.
    Unknown,
}

/// The keys of a node.
#[derive(Clone)]
pub struct Keys {
    /// Keyed hash of the key in use.
    pub current: [u8; 32],
    /// When they were revoked.
    pub revoked_at: Option<Timestamp>,
    /// Keyed hash of the key that was handed in and has not been used yet.
    pub next: Option<[u8; 32]>,
    /// Until when the current key holds beside the next one.
    pub current_until: Option<Timestamp>,
}

impl Keys {
    /// From `key_hash`, `revoked_at`, `next_key_hash` and `previous_key_until`, which begin at `column`.
    pub(crate) fn read(row: &Row<'_>, column: usize) -> Result<Self, Error> {
        Ok(Self {
            current: row.get(column)?,
            revoked_at: row.get(column + 1)?,
            next: row.get(column + 2)?,
            current_until: row.get(column + 3)?,
        })
    }

    /// Whether somebody who comes with the key of that keyed hash is the node, at `now`.
    pub fn admit(&self, presented: &[u8; 32], now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.standing(presented, now) != Standing::Unknown
    }

    /// What the key of that keyed hash is to this node at `now`. Revocation is another matter.
    pub fn standing(&self, presented: &[u8; 32], now: Timestamp) -> Standing {
        let is_next = self.next.is_some_and(|next| credential::equal(&next, presented));
        let is_current = credential::equal(&self.current, presented);
        let is_over = self.next.is_some() && self.current_until.is_some_and(|until| until <= now);
        match (is_next, is_current && !is_over) {
            (true, _) => Standing::Next,
            (false, true) => Standing::Current,
            (false, false) => Standing::Unknown,
        }
    }
}

/// What became of asking a node for a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is asked now.
    Requested(Timestamp),
    /// It was asked before, and has not used a new key yet.
    Pending(Timestamp),
    /// Its key is revoked, so there is none to change.
    Revoked,
}

/// Asks a node for a new key; `None` when there is no such node.
pub async fn request_rotation(tx: &mut Tx, id: Uuid) -> Result<Option<Rotation>, Error> {
    let Some(node) = super::authenticate(tx, id).await? else {
        return Ok(None);
    };
    if node.keys.revoked_at.is_some() {
        return Ok(Some(Rotation::Revoked));
    }
    if let Some(since) = node.rotation_requested_at {
        return Ok(Some(Rotation::Pending(since)));
    }
    let now = tx.now();
    tx.execute(
        "update nodes
        set rotation_requested_at = $2, keys_changed_at = $2
        where id = $1",
        &values![id, now],
    )
    .await?;
    Ok(Some(Rotation::Requested(now)))
}

/// What became of a key that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It holds from now on, beside the one before until then.
    Kept {
        /// Until when the key before holds.
        previous_key_until: Timestamp,
        /// Whether it was handed in before.
        is_repeat: bool,
    },
    /// Nobody asked for one.
    NotRequested,
    /// It is the key in use.
    Same,
    /// The node's key was revoked meanwhile.
    Revoked,
}

/// Keeps the next key of a node that was asked for one. Another key that was handed in and never used gives way.
pub async fn offer_key(
    tx: &mut Tx,
    id: Uuid,
    hash: &[u8; 32],
    limit: std::time::Duration,
) -> Result<Offered, Error> {
    let node = super::authenticate(tx, id).await?;
    let Some(node) = node.filter(|node| node.keys.revoked_at.is_none()) else {
        return Ok(Offered::Revoked);
    };
    if credential::equal(&node.keys.current, hash) {
        return Ok(Offered::Same);
    }
    if node.rotation_requested_at.is_none() {
        return Ok(Offered::NotRequested);
    }
    if let (true, Some(until)) = (node.keys.next == Some(*hash), node.keys.current_until) {
        return Ok(Offered::Kept {
            previous_key_until: until,
            is_repeat: true,
        });
    }
    let now = tx.now();
    let until = now
        .checked_add(limit)
        .map_err(|_| Error::Corrupt("a time limit beyond the calendar".to_owned()))?;
    tx.execute(
        "update nodes
        set next_key_hash = $2, previous_key_until = $3
        where id = $1",
        &values![id, hash, until],
    )
    .await?;
    Ok(Offered::Kept {
        previous_key_until: until,
        is_repeat: false,
    })
}

/// Makes the next key the only one. Returns whether this call did; another request may have been faster.
pub async fn promote_key(tx: &mut Tx, id: Uuid, hash: &[u8; 32]) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update nodes
            set key_hash = next_key_hash, next_key_hash = null, previous_key_until = null,
                rotation_requested_at = null, key_rotated_at = $3, keys_changed_at = $3
            where id = $1 and next_key_hash = $2 and revoked_at is null",
            &values![id, hash, tx.now()],
        )
        .await?;
    Ok(changed > 0)
}

/// The nodes about whose keys something changed since then: asked for, used, revoked, or over by the clock.
pub async fn changed_keys(tx: &mut Tx, since: Timestamp) -> Result<Vec<Uuid>, Error> {
    tx.all(
        "select id
        from nodes
        where keys_changed_at > $1
        union
        select id
        from nodes
        where previous_key_until > $1 and previous_key_until <= $2",
        &values![since, tx.now()],
        |row| row.get(0),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;
    use crate::nodes::{authenticate, revoke};
    use crate::testing::{self, TestClock, db_at};
    use proptest::prelude::*;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(600);

    async fn a_node(tx: &mut Tx) -> Result<Uuid, Error> {
        let domain = testing::domain(tx, "acme").await?;
        let project = testing::project(tx, domain, "web").await?;
        testing::node(tx, project, "web-1").await
    }

    #[tokio::test]
    async fn both_keys_hold_until_the_new_one_is_used() {
        let (_dir, db) = db_at(TestClock::new());
        db.write(async |tx| {
            let id = a_node(tx).await?;
            let old = authenticate(tx, id).await?.unwrap().keys.current;
            assert_eq!(offer_key(tx, id, &[1; 32], LIMIT).await?, Offered::NotRequested);
            let asked = request_rotation(tx, id).await?;
            assert!(matches!(asked, Some(Rotation::Requested(_))));
            assert!(matches!(
                request_rotation(tx, id).await?,
                Some(Rotation::Pending(_))
            ));
            assert_eq!(offer_key(tx, id, &old, LIMIT).await?, Offered::Same);
            for (key, repeated) in [([1; 32], false), ([2; 32], false), ([2; 32], true)] {
                let kept = offer_key(tx, id, &key, LIMIT).await?;
                assert!(matches!(kept, Offered::Kept { is_repeat, .. } if is_repeat == repeated));
            }
            let node = authenticate(tx, id).await?.unwrap();
            let now = tx.now();
            assert_eq!(node.keys.standing(&old, now), Standing::Current);
            assert_eq!(node.keys.standing(&[2; 32], now), Standing::Next);
            assert_eq!(
                node.keys.standing(&[1; 32], now),
                Standing::Unknown,
                "it gave way"
            );
            assert!(!promote_key(tx, id, &[1; 32]).await?);
            assert!(promote_key(tx, id, &[2; 32]).await?);
            assert!(!promote_key(tx, id, &[2; 32]).await?);
            let node = authenticate(tx, id).await?.unwrap();
            assert_eq!(node.keys.standing(&old, now), Standing::Unknown);
            assert_eq!(node.keys.standing(&[2; 32], now), Standing::Current);
            assert_eq!(node.rotation_requested_at, None);
            assert_eq!(offer_key(tx, id, &[3; 32], LIMIT).await?, Offered::NotRequested);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn the_key_before_ends_by_the_clock_and_the_next_one_does_not() {
        let clock = TestClock::new();
        let (_dir, db) = db_at(clock.clone());
        let (id, old) = db
            .write(async |tx| {
                let id = a_node(tx).await?;
                request_rotation(tx, id).await?;
                offer_key(tx, id, &[1; 32], LIMIT).await?;
                Ok::<_, Error>((id, authenticate(tx, id).await?.unwrap().keys.current))
            })
            .await
            .unwrap();
        let begun = db.read(async |tx| Ok::<_, Error>(tx.now())).await.unwrap();
        clock.advance(LIMIT);
        db.write(async move |tx| {
            let node = authenticate(tx, id).await?.unwrap();
            assert_eq!(node.keys.standing(&old, tx.now()), Standing::Unknown);
            assert_eq!(node.keys.standing(&[1; 32], tx.now()), Standing::Next);
            assert_eq!(changed_keys(tx, begun).await?, [id]);
            assert!(promote_key(tx, id, &[1; 32]).await?);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_revoked_node_changes_no_key() {
        let clock = TestClock::new();
        let (_dir, db) = db_at(clock.clone());
        let id = db
            .write(async |tx| {
                let id = a_node(tx).await?;
                request_rotation(tx, id).await?;
                offer_key(tx, id, &[1; 32], LIMIT).await?;
                Ok::<_, Error>(id)
            })
            .await
            .unwrap();
        clock.advance(Duration::from_secs(1));
        db.write(async move |tx| {
            let before = tx.now().checked_sub(Duration::from_millis(1)).unwrap();
            assert!(changed_keys(tx, before).await?.is_empty());
            assert!(revoke(tx, id).await?);
            assert_eq!(changed_keys(tx, before).await?, [id]);
            assert_eq!(request_rotation(tx, id).await?, Some(Rotation::Revoked));
            assert_eq!(offer_key(tx, id, &[2; 32], LIMIT).await?, Offered::Revoked);
            assert!(!promote_key(tx, id, &[1; 32]).await?);
            assert_eq!(request_rotation(tx, Uuid::max()).await?, None);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Ask,
        HandIn,
        Use,
        /// A use whose answer is lost.
        UseUnseen,
        Wait,
        DrawAnew,
    }

    /// A call with that key. Returns whether it was let in.
    async fn try_key(db: &Db, id: Uuid, key: [u8; 32]) -> bool {
        db.write(async move |tx| {
            let node = authenticate(tx, id).await?.unwrap();
            let standing = node.keys.standing(&key, tx.now());
            if standing == Standing::Next {
                promote_key(tx, id, &key).await?;
            }
            Ok::<_, Error>(standing != Standing::Unknown)
        })
        .await
        .unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A node that keeps what it drew, and forgets its old key only once the new one was taken, always has a
        /// key that holds, whatever is asked, repeated, lost or waited for.
        #[test]
        fn nobody_is_ever_locked_out(
            steps in prop::collection::vec(
                prop_oneof![
                    Just(Step::Ask), Just(Step::HandIn), Just(Step::Use), Just(Step::UseUnseen), Just(Step::Wait),
                    Just(Step::DrawAnew)
                ],
                1..40,
            ),
        ) {
            let clock = TestClock::new();
            let (_dir, db) = db_at(clock.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let (id, first) = db
                    .write(async |tx| {
                        let id = a_node(tx).await?;
                        Ok::<_, Error>((id, authenticate(tx, id).await?.unwrap().keys.current))
                    })
                    .await
                    .unwrap();
                let (mut own, mut pending, mut drawn): ([u8; 32], Option<[u8; 32]>, u8) = (first, None, 0);
                for step in steps {
                    match step {
                        Step::Ask => {
                            db.write(async move |tx| request_rotation(tx, id).await).await.unwrap();
                        }
                        Step::HandIn => {
                            let key = *pending.get_or_insert_with(|| {
                                drawn += 1;
                                [drawn; 32]
                            });
                            let offered = db.write(async move |tx| offer_key(tx, id, &key, LIMIT).await).await.unwrap();
                            if !matches!(offered, Offered::Kept { .. }) {
                                // Only a call with it shows whether it is needed.
                                if try_key(&db, id, key).await {
                                    own = key;
                                }
                                pending = None;
                            }
                        }
                        Step::Use => {
                            if let Some(key) = pending
                                && try_key(&db, id, key).await
                            {
                                (own, pending) = (key, None);
                            }
                        }
                        Step::UseUnseen => {
                            if let Some(key) = pending {
                                try_key(&db, id, key).await;
                            }
                        }
                        Step::Wait => clock.advance(LIMIT / 2),
                        // A node whose disk lost the key that it had drawn but never handed in.
                        Step::DrawAnew => {
                            let node = db.read(async move |tx| authenticate(tx, id).await).await.unwrap().unwrap();
                            if node.keys.next.is_none() && pending != Some(node.keys.current) {
                                pending = None;
                            }
                        }
                    }
                    let (node, now) = db
                        .read(async move |tx| Ok::<_, Error>((authenticate(tx, id).await?.unwrap(), tx.now())))
                        .await
                        .unwrap();
                    let holds = |key: &[u8; 32]| node.keys.standing(key, now) != Standing::Unknown;
                    assert!(holds(&own) || pending.is_some_and(|key| holds(&key)), "locked out after {step:?}");
                }
            });
        }
    }
}
