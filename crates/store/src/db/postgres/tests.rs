//! What only PostgreSQL does: conflicts, lost connections, several replicas. Runs where the environment names a
//! server.

mod apart;
mod asking;
mod conflicts;
mod gathering;
mod proxy;
mod steps;

use super::lane;
use crate::db::handle::QUEUE;
use crate::db::{Db, Engine, Error, Settings};
use crate::executions;
use crate::invocations;
use crate::testing::{self, TestClock, domain, new_execution, node, project, report};
use crate::values;
use futures_util::future::join_all;
use plex_api::executions::ExecutionStatus;
use proxy::{Cut, Proxy};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Longer than anything takes; only for whoever waits in vain.
const IN_VAIN: Duration = Duration::from_secs(30);

/// What comes, unless it never does.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(IN_VAIN, what)
        .await
        .expect("nobody waits in vain")
}

/// A schema with a table of two counters.
struct Place {
    settings: Settings,
    url: String,
    dir: TempDir,
}

impl Place {
    async fn new() -> Option<Self> {
        let url = testing::server()?;
        let dir = tempfile::tempdir().unwrap();
        let settings = testing::settings(&dir, TestClock::new());
        let place = Self { settings, url, dir };
        let db = place.open();
        let prepared = db.write(async |tx| {
            tx.execute(
                "create table counters (id bigint primary key, n bigint not null)",
                &[],
            )
            .await?;
            tx.execute("insert into counters values (1, 0), (2, 0)", &[])
                .await
        });
        assert_eq!(prepared.await.unwrap(), 2);
        Some(place)
    }

    fn open(&self) -> Db {
        Db::open(self.settings.clone()).unwrap()
    }

    /// Opens it as on a server whose transactions are snapshots by default.
    fn open_repeatable(&self) -> Db {
        let mut settings = self.settings.clone();
        let Engine::Postgres(server) = &mut settings.engine else {
            unreachable!("the environment names a server")
        };
        let schema = server.config.get_options().unwrap();
        let options = format!("{schema} -cdefault_transaction_isolation=repeatable\\ read");
        server.config.options(options);
        Db::open(settings).unwrap()
    }

    /// Opens it through a proxy.
    fn open_through(&self, proxy: &Proxy) -> Db {
        let (_, address) = self.url.split_once('@').unwrap();
        let (_, name) = address.split_once('/').unwrap();
        let (start, _) = self.url.split_once('@').unwrap();
        let url = format!("{start}@{}/{name}", proxy.address());
        let engine = Engine::Postgres(Box::new(testing::in_schema(&url, &self.dir)));
        let settings = Settings {
            engine,
            ..self.settings.clone()
        };
        Db::open(settings).unwrap()
    }

    /// Somebody who is not one of us.
    async fn outsider(&self) -> Client {
        let Engine::Postgres(server) = &self.settings.engine else {
            unreachable!("the environment names a server")
        };
        let (client, connection) = server.config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn server_address(&self) -> String {
        let (_, address) = self.url.split_once('@').unwrap();
        address.split('/').next().unwrap().to_owned()
    }
}

/// Reads a counter and writes what follows it.
async fn count(tx: &mut crate::db::Tx, id: i64) -> Result<(), Error> {
    let n = tx
        .optional("select n from counters where id = $1", &values![id], |row| {
            row.get::<i64>(0)
        })
        .await?;
    let next = n.expect("there is a counter") + 1;
    tx.execute("update counters set n = $2 where id = $1", &values![id, next])
        .await?;
    Ok(())
}

async fn counted(db: &Db) -> Vec<i64> {
    let read = db.read(async |tx| {
        tx.all("select n from counters order by id", &[], |row| row.get(0))
            .await
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_deadlock_with_somebody_else_is_run_again() {
    let Some(place) = Place::new().await else { return };
    let (db, outsider) = (place.open(), place.outsider().await);
    // So that we are the one who notices.
    let holds = "set deadlock_timeout = '60s'; begin; update counters set n = n + 10 where id = 2";
    outsider.batch_execute(holds).await.unwrap();
    let (runs, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (told, over, writer) = (Arc::clone(&runs), Arc::clone(&is_over), db.clone());
    let ours = tokio::spawn(async move {
        let work = writer.write(async move |tx| {
            if told.load(Ordering::SeqCst) > 0 {
                // What the other wrote is committed soon, but not before we read it for sure.
                drop(over.acquire().await);
            }
            count(tx, 1).await?;
            told.fetch_add(1, Ordering::SeqCst);
            count(tx, 2).await
        });
        work.await
    });
    while runs.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let crosses = "update counters set n = n + 10 where id = 1; commit";
    outsider.batch_execute(crosses).await.unwrap();
    is_over.add_permits(1);
    ours.await.unwrap().unwrap();
    assert_eq!(
        (counted(&db).await, runs.load(Ordering::SeqCst)),
        (vec![11, 11], 2)
    );
}

/// Both ways to change something.
const WAYS: [lane::Name; 2] = [lane::Name::Writers, lane::Name::Reporters];

/// Changes something by one of them.
async fn by<T, W>(db: &Db, way: lane::Name, work: W) -> Result<T, Error>
where
    W: AsyncFnOnce(&mut crate::db::Tx) -> Result<T, Error> + Clone + Send + 'static,
    T: Send + 'static,
{
    match way {
        lane::Name::Writers => db.write(work).await,
        lane::Name::Reporters => db.report(work).await,
    }
}

/// Counts by either way, where the first run loses its connection: it is done once all the same.
async fn counts_once_though(
    lose: impl AsyncFn(&mut crate::db::Tx) -> Result<(), Error> + Copy + Send + 'static,
) {
    for way in WAYS {
        let Some(place) = Place::new().await else { return };
        let db = place.open();
        let runs = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&runs);
        let work = by(&db, way, async move |tx| {
            count(tx, 1).await?;
            if told.fetch_add(1, Ordering::SeqCst) == 0 {
                lose(tx).await?;
            }
            Ok(())
        });
        work.await.unwrap();
        let found = (counted(&db).await, runs.load(Ordering::SeqCst));
        assert_eq!(found, (vec![1, 0], 2), "{way:?}");
    }
}

#[tokio::test]
async fn a_connection_ended_before_the_commit_is_made_again_and_so_is_the_work() {
    counts_once_though(async |tx| {
        tx.execute("select pg_terminate_backend(pg_backend_pid())", &[])
            .await
            .map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_stood_still_for_too_long_is_run_again() {
    counts_once_though(async |tx| {
        tx.execute("set local idle_in_transaction_session_timeout = '50ms'", &[])
            .await?;
        // As a frozen process does: it hears of the end only when it goes on.
        std::thread::sleep(Duration::from_millis(500));
        count(tx, 1).await
    })
    .await;
}

#[tokio::test]
async fn a_read_that_stood_still_for_too_long_is_told_to_come_again() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let read = db.read(async |tx| {
        tx.execute("set local idle_in_transaction_session_timeout = '50ms'", &[])
            .await?;
        // The connection hears of the end while nothing is asked of it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        tx.optional("select 1::bigint", &[], |row| row.get::<i64>(0))
            .await
    });
    assert!(matches!(read.await, Err(Error::Unavailable(_))));
    let again = db.read(async |tx| {
        tx.optional("select 1::bigint", &[], |row| row.get::<i64>(0))
            .await
    });
    assert_eq!(again.await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_read_that_was_frozen_for_too_long_is_told_to_come_again() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let read = db.read(async |tx| {
        tx.execute("set local idle_in_transaction_session_timeout = '50ms'", &[])
            .await?;
        // It hears of the end only with its next question.
        std::thread::sleep(Duration::from_millis(300));
        tx.optional("select 1::bigint", &[], |row| row.get::<i64>(0))
            .await
    });
    assert!(matches!(read.await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_text_with_a_nul_is_no_fault() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let read = db.read(async |tx| {
        tx.optional("select cast($1 as text)", &values!["a\0b"], |row| {
            row.get::<String>(0)
        })
        .await
    });
    assert_eq!(read.await.unwrap().as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn a_connection_lost_at_the_commit_leaves_the_work_done_once() {
    for way in WAYS {
        let Some(place) = Place::new().await else { return };
        let proxy = Proxy::before(&place.server_address());
        let db = place.open_through(&proxy);
        // Lost with the question, the commit did not happen; lost with the answer, it did.
        for (cut, n, wanted_runs) in [(Cut::Question, 1, 2), (Cut::Answer, 2, 1)] {
            let runs = Arc::new(AtomicUsize::new(0));
            let told = Arc::clone(&runs);
            proxy.cut_at("commit\0", cut);
            let work = by(&db, way, async move |tx| {
                told.fetch_add(1, Ordering::SeqCst);
                count(tx, 1).await
            });
            work.await.unwrap();
            assert!(!proxy.is_armed(), "it was cut");
            let found = (counted(&db).await, runs.load(Ordering::SeqCst));
            assert_eq!(found, (vec![n, 0], wanted_runs), "{way:?} {cut:?}");
        }
    }
}

/// The next transaction has begun behind a commit when that is lost.
#[tokio::test]
async fn what_began_behind_a_lost_commit_is_done_once_as_well() {
    for way in WAYS {
        let Some(place) = Place::new().await else { return };
        let proxy = Proxy::before(&place.server_address());
        let db = place.open_through(&proxy);
        let mut n = 0;
        for cut in [Cut::Question, Cut::Answer, Cut::Question, Cut::Answer] {
            proxy.cut_at("commit\0", cut);
            let works = (0..20).map(|_| by(&db, way, async |tx| count(tx, 1).await));
            for done in join_all(works).await {
                done.unwrap();
            }
            n += 20;
            assert!(!proxy.is_armed(), "it was cut");
            assert_eq!(counted(&db).await, [n, 0], "{way:?} {cut:?}");
        }
    }
}

/// That one failed is heard when the next has begun already.
#[tokio::test]
async fn one_that_fails_at_its_end_takes_nobody_with_it() {
    for way in WAYS {
        let Some(place) = Place::new().await else { return };
        let db = place.open();
        let works = (0..20).map(|number| {
            by(&db, way, async move |tx| {
                count(tx, 1).await?;
                if number % 7 == 3 {
                    let taken = [values![1_i64]];
                    tx.execute_each("insert into counters values ($1, 0)", taken)
                        .await?;
                }
                Ok(())
            })
        });
        let done = join_all(works).await;
        for (number, done) in done.iter().enumerate() {
            let is_refused = done.as_ref().is_err_and(Error::is_constraint);
            assert_eq!(is_refused, number % 7 == 3, "{way:?} {number}: {done:?}");
        }
        assert_eq!(counted(&db).await, [17, 0], "{way:?}");
    }
}

/// A lane's lock that somebody else holds, as another replica does.
#[tokio::test]
async fn a_report_waits_for_its_turn() {
    let Some(place) = Place::new().await else { return };
    let (db, other) = (place.open(), place.open());
    let (execution_id, nodes) = dispatched(&db).await;
    let (began, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let holder = tokio::spawn({
        let (began, may_end) = (Arc::clone(&began), Arc::clone(&may_end));
        async move {
            let hold = other.report(async move |tx| {
                count(tx, 1).await?;
                began.add_permits(1);
                drop(may_end.acquire().await);
                Ok::<_, Error>(())
            });
            hold.await
        }
    });
    drop(began.acquire().await);
    let reported = tokio::spawn({
        let db = db.clone();
        async move {
            let reports = [report(execution_id, nodes[0], (ExecutionStatus::Ack, 1))];
            db.report(async move |tx| invocations::advance(tx, &reports).await)
                .await
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!reported.is_finished(), "the lock is another's");
    may_end.add_permits(1);
    holder.await.unwrap().unwrap();
    assert_eq!(reported.await.unwrap().unwrap().1.len(), 1);
}

#[tokio::test]
async fn a_full_queue_answers_that_it_is_busy() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let (began, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let write = |began: &Arc<Semaphore>| {
        let (db, began, may_end) = (db.clone(), Arc::clone(began), Arc::clone(&may_end));
        tokio::spawn(async move {
            let work = db.write(async move |_| {
                began.add_permits(1);
                drop(may_end.acquire().await);
                Ok::<_, Error>(())
            });
            work.await
        })
    };
    let mut waiting = vec![write(&began)];
    drop(began.acquire().await);
    waiting.extend((0..QUEUE).map(|_| write(&began)));
    tokio::task::yield_now().await;
    assert!(matches!(write(&began).await, Ok(Err(Error::Busy))));
    may_end.add_permits(1);
    for one in waiting {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn two_replicas_that_write_the_same_rows_lose_no_update() {
    let Some(place) = Place::new().await else { return };
    let replicas = [place.open(), place.open()];
    let writes = (0..1000).map(|number| {
        replicas[number % 2].write(async |tx| {
            count(tx, 1).await?;
            count(tx, 2).await
        })
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(counted(&replicas[0]).await, [1000, 1000]);
}

const NODES: usize = 3000;

async fn dispatched(db: &Db) -> (Uuid, Vec<Uuid>) {
    let work = db.write(async |tx| {
        let domain_id = domain(tx, "acme").await?;
        let project_id = project(tx, domain_id, "shop").await?;
        let mut nodes = Vec::new();
        for number in 0..NODES {
            nodes.push(node(tx, project_id, &format!("node-{number}")).await?);
        }
        let new = new_execution(domain_id, project_id);
        let execution_id = executions::insert(tx, &new, &nodes).await?;
        Ok::<_, Error>((execution_id, nodes))
    });
    work.await.unwrap()
}

#[tokio::test]
async fn thousands_of_reports_of_one_execution_through_two_replicas_are_all_counted() {
    let Some(place) = Place::new().await else { return };
    let replicas = [place.open(), place.open()];
    let (execution_id, nodes) = dispatched(&replicas[0]).await;
    let steps = [
        (ExecutionStatus::Ack, 1),
        (ExecutionStatus::Started, 2),
        (ExecutionStatus::Failed, 3),
        // The last again, to the other replica.
        (ExecutionStatus::Failed, 3),
    ];
    let began = Instant::now();
    for (number, step) in steps.into_iter().enumerate() {
        let batches = nodes.chunks(100).enumerate().map(|(batch, nodes)| {
            let reports: Vec<_> = nodes
                .iter()
                .map(|node| report(execution_id, *node, step))
                .collect();
            let replica = &replicas[(batch + number) % 2];
            replica.report(async move |tx| Ok::<_, Error>(invocations::advance(tx, &reports).await?.1.len()))
        });
        let stored: usize = join_all(batches).await.into_iter().map(Result::unwrap).sum();
        assert_eq!(stored, if number < 3 { NODES } else { 0 });
    }
    let rate = (4 * NODES) as f64 / began.elapsed().as_secs_f64();
    eprintln!("{rate:.0} reports a second");
    let counts = replicas[1].read(async move |tx| {
        let sql = "select pending, ack, started, failed,
            (select count(*) from execution_events where execution_id = $1) from executions where id = $1";
        tx.optional(sql, &values![execution_id], |row| {
            (0..5).map(|at| row.get::<i64>(at)).collect::<Result<Vec<_>, _>>()
        })
        .await
    });
    let nodes = i64::try_from(NODES).unwrap();
    assert_eq!(counts.await.unwrap(), Some(vec![0, 0, 0, nodes, 3 * nodes]));
}
