//! What asks once, on the runtime of whoever asks.

use super::Place;
use super::proxy::Proxy;
use crate::db::handle::QUEUE;
use crate::db::postgres::place::PATIENCE;
use crate::db::postgres::{LOOK_UPS, QUESTIONS};
use crate::db::{Db, Error, Tx};
use crate::values;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Which of the server's processes answers.
fn process(tx: &mut Tx) -> BoxFuture<'_, Result<i64, Error>> {
    async {
        let found = tx
            .optional("select cast(pg_backend_pid() as bigint)", &[], |row| row.get(0))
            .await?;
        found.ok_or(Error::Unavailable(None))
    }
    .boxed()
}

/// The same after a while.
fn sleep(seconds: &'static str) -> impl Fn(&mut Tx) -> BoxFuture<'_, Result<i64, Error>> + Send + Clone {
    move |tx| {
        async move {
            let sleep = "select 1 from pg_sleep(cast(cast($1 as text) as double precision))";
            tx.optional(sleep, &values![seconds], |_| Ok(())).await?;
            process(tx).await
        }
        .boxed()
    }
}

/// Looks at what may be locked.
fn look(tx: &mut Tx) -> BoxFuture<'_, Result<Option<i64>, Error>> {
    async {
        tx.optional("select n from counters where id = 1", &[], |row| row.get(0))
            .await
    }
    .boxed()
}

/// Asks until somebody has been answered.
async fn ask_again(db: &Db) -> i64 {
    let began = Instant::now();
    loop {
        match db.look_up(process).await {
            Ok(process) => return process,
            Err(Error::Unavailable(_)) if began.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_ups_share_their_connections() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let answered = join_all((0..300).map(|_| db.look_up(process))).await;
    let processes: HashSet<i64> = answered.into_iter().map(Result::unwrap).collect();
    assert!(processes.len() <= LOOK_UPS.0, "{processes:?}");
}

/// With another connection idle nobody waits behind one who sleeps.
#[tokio::test]
async fn a_question_goes_where_least_is_under_way() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let sleeping = tokio::spawn({
        let db = db.clone();
        async move { db.read_committed(sleep("2")).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..20 {
        db.read_committed(process).await.unwrap();
    }
    assert!(!sleeping.is_finished(), "all of them were answered meanwhile");
    sleeping.await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_goes_away_takes_no_connection_along() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    for _ in 0..5 {
        let asking: Vec<_> = (0..100)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.read_committed(sleep("0.02")).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        asking.iter().for_each(|asking| asking.abort());
    }
    let answered = join_all((0..300).map(|_| db.read_committed(process))).await;
    let processes: HashSet<i64> = answered.into_iter().map(Result::unwrap).collect();
    assert!(processes.len() <= QUESTIONS.0, "{processes:?}");
    assert_eq!(db.waiting()[2], ("read", 0));
}

#[tokio::test]
async fn too_many_questions_are_told_to_come_again() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let ask = |seconds| {
        let db = db.clone();
        tokio::spawn(async move { db.read_committed(sleep(seconds)).await })
    };
    let places = QUESTIONS.0 * QUESTIONS.1;
    // Those at one connection sleep one after the other, together for four seconds.
    let mut asking: Vec<_> = (0..places).map(|_| ask("0.25")).collect();
    asking.extend((0..QUEUE + 300).map(|_| ask("0")));
    let last = asking.pop().expect("there are thousands");
    let refused = tokio::time::timeout(PATIENCE / 2, last).await;
    assert!(matches!(refused, Ok(Ok(Err(Error::Busy)))), "{refused:?}");
    for asked in asking {
        let answered = asked.await.unwrap();
        assert!(matches!(answered, Ok(_) | Err(Error::Busy)), "{answered:?}");
    }
}

/// Those who wait behind others for a locked table are told, and the connection goes on once they let go.
#[tokio::test]
async fn who_waits_for_an_answer_for_long_is_told_to_come_again() {
    let Some(place) = Place::new().await else { return };
    let (db, outsider) = (place.open(), place.outsider().await);
    outsider
        .batch_execute("begin; lock table counters in access exclusive mode")
        .await
        .unwrap();
    let answered = join_all((0..2 * LOOK_UPS.0).map(|_| db.look_up(look))).await;
    for answer in answered {
        assert!(matches!(answer, Err(Error::Busy)), "{answer:?}");
    }
    let waiting = "select count(*) from pg_locks where relation = 'counters'::regclass and not granted";
    let waiting: i64 = outsider.query_one(waiting, &[]).await.unwrap().get(0);
    assert!(waiting > 0, "they are told while what they asked still waits");
    outsider.batch_execute("rollback").await.unwrap();
    let answered = join_all((0..LOOK_UPS.0 * LOOK_UPS.1).map(|_| ask_again(&db))).await;
    let processes: HashSet<i64> = answered.into_iter().collect();
    assert!(processes.len() <= LOOK_UPS.0, "{processes:?}");
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let Some(place) = Place::new().await else { return };
    let (db, outsider) = (place.open(), place.outsider().await);
    let before = ask_again(&db).await;
    let ended = outsider
        .batch_execute(&format!("select pg_terminate_backend({before})"))
        .await;
    ended.unwrap();
    let after = join_all((0..50).map(|_| ask_again(&db))).await;
    assert!(!after.contains(&before));
}

/// Nobody waits behind all the others who try to connect one after the other, and when the server answers again, so do
/// we, although there is always somebody who has just given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_waited_for_once() {
    let Some(place) = Place::new().await else { return };
    let proxy = Proxy::before(&place.server_address());
    let (db, outsider) = (place.open_through(&proxy), place.outsider().await);
    let known = ask_again(&db).await;
    proxy.set_mute(true);
    let ended = format!("select pg_terminate_backend({known})");
    outsider.batch_execute(&ended).await.unwrap();
    let asking = tokio::time::timeout(3 * PATIENCE, join_all((0..100).map(|_| db.look_up(process))));
    let answered = asking.await.expect("all are answered meanwhile");
    let is_given_up =
        |answer: &Result<i64, Error>| matches!(answer, Err(Error::Busy | Error::Unavailable(_)));
    assert!(answered.iter().all(is_given_up));

    let crowd: Vec<_> = (0..200)
        .map(|nth| {
            let db = db.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(nth * 50)).await;
                db.look_up(process).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.set_mute(false);
    let last = crowd.into_iter().next_back().unwrap().await.unwrap();
    assert!(last.is_ok(), "{last:?}");
}

/// A connection that cannot be made answers nobody, and must not seem to be the one with least to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_after_a_failure_goes_to_a_connection_that_is_there() {
    let Some(place) = Place::new().await else { return };
    let proxy = Proxy::before(&place.server_address());
    let (db, outsider) = (place.open_through(&proxy), place.outsider().await);
    let both = join_all((0..2).map(|_| db.read_committed(sleep("0.2")))).await;
    let both: HashSet<i64> = both.into_iter().map(Result::unwrap).collect();
    assert_eq!(both.len(), 2);
    let first = db.read_committed(process).await.unwrap();
    proxy.set_mute(true);
    let ended = format!("select pg_terminate_backend({first})");
    outsider.batch_execute(&ended).await.unwrap();
    // One may still be sent to the connection that is gone, and the next finds that it cannot be made again.
    let mut failures = 0;
    while db.read_committed(process).await.is_err() {
        failures += 1;
        assert!(failures <= 2, "everybody goes where there is no connection");
    }
    assert!(failures > 0, "nobody went where there is no connection");
}
