//! When what a job recorded gets into its chain, and when it does not.

use super::*;
use crate::db::Sql;
use futures_util::future::join_all;
use std::sync::Mutex;
use std::sync::mpsc::channel;

/// What a job does with the chain.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Job {
    /// Records, and is done.
    Record,
    /// Records, and is refused.
    Refused,
    /// Records in an attempt that fails, and goes on.
    Attempt,
    /// Records what the chain will not take.
    Unfit,
}

async fn run(tx: &mut Tx, job: Job, object: String) -> Result<(), Error> {
    let record = Record {
        object_id: object,
        relation: format!("{job:?}"),
        ..record(0)
    };
    match job {
        Job::Record | Job::Unfit => append(tx, &KEY, record).await,
        Job::Refused => {
            append(tx, &KEY, record).await?;
            Err(Error::Busy)
        }
        Job::Attempt => {
            let attempted = tx.attempt(async |tx| {
                append(tx, &KEY, record).await?;
                Err::<(), _>(Error::Busy)
            });
            assert!(attempted.await.is_err());
            Ok(())
        }
    }
}

/// What each of these jobs came to, which wait for a busy writer together. The nth is about the object n.
async fn together(db: &Db, jobs: &[Job]) -> Vec<Result<(), Error>> {
    let held = testing::hold(db).await;
    let waiting = jobs.iter().enumerate().map(|(nth, job)| {
        let job = *job;
        db.write(async move |tx| run(tx, job, nth.to_string()).await)
    });
    let release = async {
        tokio::task::yield_now().await;
        drop(held);
    };
    tokio::join!(join_all(waiting), release).0
}

async fn objects(db: &Db) -> Vec<String> {
    assert_eq!(verify(db, 1, None).await.divergence, None);
    db.read(async |tx| {
        tx.all(
            "select object_id from audit_entries where chain = $1 order by seq",
            &values![CHAIN.unwrap_or_default()],
            |row| row.get(0),
        )
        .await
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_undone_leaves_no_entry() {
    let (_dir, db) = testing::db();
    begin(&db).await;
    let jobs = [
        Job::Record,
        Job::Refused,
        Job::Record,
        Job::Attempt,
        Job::Refused,
        Job::Record,
    ];
    let came_to = together(&db, &jobs).await;
    for (job, came_to) in jobs.iter().zip(came_to) {
        assert_eq!(came_to.is_err(), *job == Job::Refused, "{job:?}: {came_to:?}");
    }
    assert_eq!(objects(&db).await, ["0", "2", "5"]);
}

#[tokio::test]
async fn what_the_chain_does_not_take_is_refused_alone() {
    let (_dir, db) = testing::db();
    begin(&db).await;
    let unfit = Sql::Each {
        sqlite: "create trigger unfit before insert on audit_entries when new.relation = 'Unfit'
            begin select raise(abort, 'unfit'); end",
        postgres: "create trigger unfit before insert on audit_entries
            for each row when (new.relation = 'Unfit') execute function refuse('unfit')",
    };
    db.write(async move |tx| tx.execute(unfit, &[]).await)
        .await
        .unwrap();
    let jobs = [Job::Record, Job::Unfit, Job::Record];
    let came_to = together(&db, &jobs).await;
    assert!(
        matches!(&came_to[..], [Ok(()), Err(error), Ok(())] if error.is_constraint()),
        "{came_to:?}"
    );
    assert_eq!(objects(&db).await, ["0", "2"]);
}

/// One that reports is not held up while somebody who has recorded something still works.
#[tokio::test]
async fn nobody_waits_for_the_chains_before_the_commit() {
    let (_dir, db) = testing::db();
    begin(&db).await;
    if testing::server().is_none() {
        return;
    }
    let (give_back, given_back) = channel::<()>();
    let given_back = Arc::new(Mutex::new(given_back));
    let writer = tokio::spawn({
        let db = db.clone();
        async move {
            let work = async move |tx: &mut Tx| {
                run(tx, Job::Record, "late".to_owned()).await?;
                let _ = given_back.lock().unwrap().recv();
                Ok::<_, Error>(())
            };
            db.write(work).await
        }
    });
    db.report(async |tx| run(tx, Job::Record, "early".to_owned()).await)
        .await
        .unwrap();
    drop(give_back);
    writer.await.unwrap().unwrap();
    assert_eq!(objects(&db).await, ["early", "late"]);
}
