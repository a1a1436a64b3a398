//! Serialization failures, on a server that makes transactions serializable by default.

use super::*;
use crate::db::Tx;

/// Makes the transactions of a lane serializable from the next on.
async fn serializable(db: &Db, way: lane::Name) {
    let set = "set default_transaction_isolation = 'serializable'";
    by(db, way, async move |tx| tx.execute(set, &[]).await)
        .await
        .unwrap();
}

/// Sets the first counter to what follows the second.
async fn follow(tx: &mut Tx) -> Result<(), Error> {
    let follow = "update counters set n = (select n + 1 from counters where id = 2) where id = 1";
    tx.execute(follow, &[]).await.map(drop)
}

/// What the counters come to, and how often it ran, where somebody else does this at the end of the first run.
async fn disturbed(
    way: lane::Name,
    disturb: &'static str,
    work: impl AsyncFn(&mut Tx) -> Result<(), Error> + Copy + Send + 'static,
    rest: impl AsyncFn(&mut Tx) -> Result<(), Error> + Copy + Send + 'static,
) -> Option<(Vec<i64>, usize)> {
    let place = Place::new().await?;
    let (db, outsider) = (place.open(), Arc::new(place.outsider().await));
    serializable(&db, way).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&runs);
    let done = by(&db, way, async move |tx| {
        work(tx).await?;
        if told.fetch_add(1, Ordering::SeqCst) == 0 {
            outsider.batch_execute(disturb).await.unwrap();
        }
        rest(tx).await
    });
    done.await.unwrap();
    Some((counted(&db).await, runs.load(Ordering::SeqCst)))
}

#[tokio::test]
async fn a_row_that_somebody_else_changed_meanwhile_is_read_and_changed_again() {
    for way in WAYS {
        let disturb = "update counters set n = n + 10 where id = 2";
        let found = disturbed(
            way,
            disturb,
            async |tx| count(tx, 1).await,
            async |tx| count(tx, 2).await,
        );
        let Some(found) = found.await else { return };
        assert_eq!(found, (vec![1, 11], 2), "{way:?}");
    }
}

/// Each read what the other changed: in no order would both have seen what they saw.
#[tokio::test]
async fn what_turns_out_at_its_end_to_fit_no_order_is_run_again() {
    for way in WAYS {
        let disturb = "begin isolation level serializable;
            update counters set n = (select n + 10 from counters where id = 1) where id = 2;
            commit";
        let found = disturbed(way, disturb, follow, async |_| Ok(()));
        let Some(found) = found.await else { return };
        assert_eq!(found, (vec![11, 10], 2), "{way:?}");
    }
}

#[tokio::test]
async fn what_shares_a_transaction_with_a_conflict_is_done_once_as_well() {
    const OTHERS: i64 = 5;
    let Some(place) = Place::new().await else { return };
    let (db, outsider) = (place.open(), Arc::new(place.outsider().await));
    serializable(&db, lane::Name::Writers).await;
    let held = testing::hold(&db).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let writes = (0..OTHERS).map(|nth| {
        let (db, outsider, told) = (db.clone(), Arc::clone(&outsider), Arc::clone(&runs));
        tokio::spawn(async move {
            let write = db.write(async move |tx| {
                count(tx, 1).await?;
                if nth == OTHERS / 2 {
                    if told.fetch_add(1, Ordering::SeqCst) == 0 {
                        let disturb = "update counters set n = n + 10 where id = 2";
                        outsider.batch_execute(disturb).await.unwrap();
                    }
                    count(tx, 2).await?;
                }
                Ok::<_, Error>(())
            });
            write.await
        })
    });
    let writes: Vec<_> = writes.collect();
    soon(async {
        while db.waiting()[0].1 < writes.len() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(held);
    for written in join_all(writes).await {
        written.unwrap().unwrap();
    }
    let found = (counted(&db).await, runs.load(Ordering::SeqCst));
    assert_eq!(found, (vec![OTHERS, 11], 2));
}

/// How many wait for a lane's lock.
async fn lane_waits(outsider: &Client) -> i64 {
    let waiting = "select count(*) from pg_locks
        where locktype = 'advisory' and not granted and objid = hashtext(current_schema())::oid";
    outsider.query_one(waiting, &[]).await.unwrap().get(0)
}

/// In a snapshot from before it had the lock, it would not see what the one before it wrote.
#[tokio::test]
async fn a_writer_sees_what_was_committed_before_its_turn_whatever_the_servers_default_is() {
    for way in WAYS {
        let Some(place) = Place::new().await else { return };
        let (db, other, outsider) = (place.open(), place.open_repeatable(), place.outsider().await);
        let (began, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (told, awaited) = (Arc::clone(&began), Arc::clone(&may_end));
        let first = tokio::spawn(async move {
            let insert = async move |tx: &mut Tx| {
                tx.execute("insert into counters values (3, 0)", &[]).await?;
                told.add_permits(1);
                drop(awaited.acquire().await);
                Ok(())
            };
            by(&db, way, insert).await
        });
        drop(soon(began.acquire()).await);
        let second = tokio::spawn(async move {
            let rows = "select count(*) from counters";
            let look = async move |tx: &mut Tx| tx.optional(rows, &[], |row| row.get::<i64>(0)).await;
            by(&other, way, look).await
        });
        // It has begun by then, and waits for the lock.
        soon(async { while lane_waits(&outsider).await == 0 {} }).await;
        may_end.add_permits(1);
        first.await.unwrap().unwrap();
        assert_eq!(second.await.unwrap().unwrap(), Some(3), "{way:?}");
    }
}
