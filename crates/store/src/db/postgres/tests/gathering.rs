//! What waits together commits together, and what fails in it fails alone.

use super::*;
use crate::audit;
use crate::executions::{Filter, Order};
use jiff::Timestamp;

async fn commits(db: &Db) -> i64 {
    let read = db.read(async |tx| {
        tx.optional(
            "select cast(coalesce(sum(commits), 0) as bigint) from writer_marks",
            &[],
            |row| row.get::<i64>(0),
        )
        .await
    });
    read.await.unwrap().unwrap()
}

/// What these come to, which wait together for a writer that is busy until all of them do.
async fn together(db: &Db, jobs: usize, work: impl Fn(usize) -> Work) -> Vec<Result<(), Error>> {
    let held = testing::hold(db).await;
    let waiting: Vec<_> = (0..jobs)
        .map(|nth| {
            let (db, work) = (db.clone(), work(nth));
            tokio::spawn(async move { db.write(async move |tx| work.run(tx).await).await })
        })
        .collect();
    while db.waiting()[0].1 < jobs {
        tokio::task::yield_now().await;
    }
    drop(held);
    join_all(waiting).await.into_iter().map(Result::unwrap).collect()
}

#[derive(Debug, Clone, Copy)]
enum Work {
    /// Counts, and tells the platform's chain.
    Audited,
    /// Makes a counter with a number that is taken, and does not wait to hear of it.
    Taken,
    /// The same in an attempt, after which it goes on.
    Attempted,
}

impl Work {
    async fn run(self, tx: &mut crate::db::Tx) -> Result<(), Error> {
        count(tx, 1).await?;
        match self {
            Self::Audited => audit::append(tx, &[7; 32], record()).await,
            Self::Taken => taken(tx).await,
            Self::Attempted => {
                let attempted = tx.attempt(taken).await;
                assert!(attempted.is_err_and(|error| error.is_constraint()));
                count(tx, 2).await
            }
        }
    }
}

async fn taken(tx: &mut crate::db::Tx) -> Result<(), Error> {
    tx.execute_each("insert into counters (id, n) values ($1, 0)", [values![2_i64]])
        .await
}

fn record() -> audit::Record {
    audit::Record {
        domain_id: None,
        reason: plex_api::audit::AuditReason::Granted,
        identity: "system".to_owned(),
        relation: "dispatch".to_owned(),
        object_type: "project".to_owned(),
        object_id: String::new(),
        correlation_id: String::new(),
        ip: None,
        user_agent: None,
        caveats: std::collections::BTreeMap::new(),
        count: 1,
        details: None,
    }
}

#[tokio::test]
async fn what_is_audited_shares_a_commit() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let before = commits(&db).await;
    let came_to = together(&db, 50, |_| Work::Audited).await;
    assert!(came_to.iter().all(Result::is_ok), "{came_to:?}");
    assert_eq!(counted(&db).await, [50, 0]);
    let entries = db.read(async |tx| audit::last_seq(tx, None).await);
    assert_eq!(entries.await.unwrap(), 50);
    // How many come together is for the clock to say: a transaction gathers for a few milliseconds.
    let made = commits(&db).await - before;
    assert!(made < 50, "{made} commits");
}

#[tokio::test]
async fn a_statement_that_fails_unheard_fails_its_job_and_no_other() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let work = |nth| if nth == 1 { Work::Taken } else { Work::Audited };
    let came_to = together(&db, 3, work).await;
    assert!(
        matches!(&came_to[..], [Ok(()), Err(error), Ok(())] if error.is_constraint()),
        "{came_to:?}"
    );
    assert_eq!(counted(&db).await, [2, 0]);
}

#[tokio::test]
async fn a_report_that_fails_unheard_or_panics_is_undone_and_the_next_is_not() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let failed = db.report(async |tx| Work::Taken.run(tx).await).await;
    assert!(failed.is_err_and(|error| error.is_constraint()));
    let panicked = db.report(async |tx| {
        Work::Audited.run(tx).await?;
        assert!(tx.records.is_empty(), "it has recorded something");
        Ok::<_, Error>(())
    });
    assert!(matches!(panicked.await, Err(Error::Panicked)));
    db.report(async |tx| Work::Audited.run(tx).await).await.unwrap();
    assert_eq!(counted(&db).await, [1, 0]);
    let entries = db.read(async |tx| audit::last_seq(tx, None).await);
    assert_eq!(entries.await.unwrap(), 1);
}

#[tokio::test]
async fn an_attempt_hears_of_what_failed_in_it() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let came_to = together(&db, 2, |_| Work::Attempted).await;
    assert!(came_to.iter().all(Result::is_ok), "{came_to:?}");
    assert_eq!(counted(&db).await, [2, 2]);
}

#[tokio::test]
async fn no_statement_is_planned_for_its_values() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let read = db.read(async |tx| {
        for id in 1..=4_i64 {
            tx.optional("select n from counters where id = $1", &values![id], |_| Ok(()))
                .await?;
        }
        tx.optional(
            "select cast(sum(generic_plans) as bigint), cast(sum(custom_plans) as bigint)
            from pg_prepared_statements
            where statement like '%from counters%'",
            &[],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
        )
        .await
    });
    // The four, and the question itself.
    assert_eq!(read.await.unwrap(), Some((5, 0)));
}

/// Plans outlive the moment at which they were made: in an empty table any index looks as good as the right one, and
/// reading everything is the cheapest.
#[tokio::test]
async fn what_is_looked_for_by_its_key_is_found_by_it_though_tables_were_empty() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let (execution_id, nodes) = dispatched(&db).await;
    let reported = db.report(async move |tx| {
        for step in [(ExecutionStatus::Ack, 1), (ExecutionStatus::Failed, 2)] {
            let reports = [report(execution_id, nodes[0], step)];
            assert_eq!(invocations::advance(tx, &reports).await?.1.len(), 1);
        }
        executions::find(tx, Uuid::max(), execution_id).await?;
        invocations::waiting(tx, Timestamp::UNIX_EPOCH).await?;
        audit::append(tx, &[7; 32], record()).await
    });
    reported.await.unwrap();
    // On the same connection, and so with the same plans.
    let plans = db.report(async |tx| plans(tx, "unnest\\(|is true|order by seq desc|distinct").await);
    let plans = plans.await.unwrap().join("\n");
    for index in ["executions_other_pkey", "invocations_other_pkey"] {
        assert!(plans.contains(&format!("Index Scan using {index}")), "{plans}");
    }
    assert!(
        plans.contains("Index Scan Backward using audit_entries_pkey"),
        "{plans}"
    );
    for wrong in ["Seq Scan", "_project_id_", "_node_id_"] {
        assert!(!plans.contains(wrong), "{plans}");
    }
}

#[tokio::test]
async fn writes_together_are_one_statement_and_all_done_or_none() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let done = db.report(async |tx| {
        let given_up: Result<(), Error> = tx
            .together(async |tx| {
                let first = [values![1_i64]];
                tx.execute_each("update counters set n = 5 where id = $1", first)
                    .await?;
                Err(Error::Busy)
            })
            .await;
        assert!(given_up.is_err());
        let second = [values![2_i64, 7_i64]];
        tx.execute_each("update counters set n = $2 where id = $1", second)
            .await
    });
    done.await.unwrap();
    assert_eq!(counted(&db).await, [0, 7], "what comes after them is sent");
    let done = db.report(async |tx| {
        tx.together(async |tx| {
            for id in [1_i64, 2] {
                let set = [values![id, 10 + id]];
                tx.execute_each("update counters set n = $2 where id = $1", set)
                    .await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
        let known =
            "select count(*) from pg_prepared_statements where statement like 'with w0 as (update counters%'";
        tx.optional(known, &[], |row| row.get::<i64>(0)).await
    });
    assert_eq!(done.await.unwrap(), Some(1));
    assert_eq!(counted(&db).await, [11, 12]);
}

/// How the statements of this connection whose texts are like that are planned.
async fn plans(tx: &mut crate::db::Tx, like: &str) -> Result<Vec<String>, Error> {
    let known = tx
        .all(
            "select name, cast(cardinality(parameter_types) as bigint)
            from pg_prepared_statements
            where statement ~ $1 and cardinality(parameter_types) > 0 and statement !~ 'pg_prepared_statements'",
            &values![like],
            |row| Ok((row.get::<String>(0)?, row.get::<u32>(1)?)),
        )
        .await?;
    let mut plans = Vec::new();
    for (name, values) in known {
        let nulls = vec!["null"; values as usize].join(", ");
        let sql = format!("explain execute {name} ({nulls})");
        plans.extend(tx.all(&*sql.leak(), &[], |row| row.get::<String>(0)).await?);
    }
    Ok(plans)
}

/// A look-up for each execution would be planned by the index of all that is live, which it walks whole: while thousands
/// were dispatched within seconds, to one node each, the look for what is pending took a core for half a minute.
#[tokio::test]
async fn what_is_pending_is_looked_for_once_however_much_was_dispatched() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let (execution_id, nodes) = dispatched(&db).await;
    let node_id = nodes[0];
    let looked = db.report(async move |tx| {
        copy_execution(tx, execution_id, 1000).await?;
        tx.execute(
            "insert into invocations (execution_id, node_id, status, updated_at)
            select
                cast(substr(cast(execution_id as text), 1, 24) || lpad(to_hex(g), 12, '0') as uuid), node_id, status,
                updated_at
            from invocations, generate_series(1, 1000) g
            where execution_id = $1 and node_id = $2",
            &values![execution_id, node_id],
        )
        .await?;
        let before = walks_of_invocations(tx).await?;
        let mut waiting = invocations::waiting(tx, Timestamp::UNIX_EPOCH).await?;
        waiting.sort_unstable();
        Ok::<_, Error>((waiting, walks_of_invocations(tx).await? - before))
    });
    let (mut expected, (waiting, walks)) = (nodes, looked.await.unwrap());
    expected.sort_unstable();
    assert_eq!(waiting, expected);
    assert!(
        (1..100).contains(&walks),
        "{walks}: no more than there are months"
    );
}

/// Stores an execution as often again, each a microsecond later, of seven actions by turns.
async fn copy_execution(tx: &mut crate::db::Tx, execution_id: Uuid, times: u32) -> Result<usize, Error> {
    tx.execute(
        "insert into executions (
            id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at,
            timeout_seconds, dispatched_by, pending
        )
        select
            cast(substr(cast(e.id as text), 1, 24) || lpad(to_hex(g), 12, '0') as uuid), project_id, domain_id,
            'a' || g % 7, kind, status, created_at + g, updated_at, expires_at, timeout_seconds,
            dispatched_by, 1
        from executions e, generate_series(1, cast($2 as bigint)) g
        where e.id = $1",
        &values![execution_id, times],
    )
    .await
}

/// How often the transaction went to an index of the invocations.
async fn walks_of_invocations(tx: &mut crate::db::Tx) -> Result<i64, Error> {
    let walks = tx
        .optional(
            "select cast(sum(idx_scan) as bigint) from pg_stat_xact_all_tables where relname like 'invocations%'",
            &[],
            |row| row.get(0),
        )
        .await?;
    Ok(walks.unwrap_or(0))
}

/// By PostgreSQL's own settings, which take a page read by an index for dear: a month must never be read whole to be
/// sorted for one page of it.
#[tokio::test]
async fn a_page_is_walked_in_its_order_however_much_there_is() {
    for stored in [0, 100, 20_000] {
        let Some(place) = Place::new().await else { return };
        let db = place.open();
        let (execution_id, _) = dispatched(&db).await;
        let grown = db.report(async move |tx| {
            copy_execution(tx, execution_id, stored).await?;
            tx.execute("analyze executions", &[]).await
        });
        grown.await.unwrap();
        let walked = db.report(async |tx| {
            for status in [None, Some(ExecutionStatus::Pending)] {
                for action in [None, Some("a1".to_owned())] {
                    for order in [Order::Ascending, Order::Descending] {
                        let action = action.clone();
                        let filter = Filter {
                            status,
                            action,
                            ..Filter::default()
                        };
                        executions::page(tx, Uuid::nil(), &filter, (order, None), 51).await?;
                    }
                }
            }
            plans(tx, "id <= any").await
        });
        let plans = walked.await.unwrap();
        let walks = plans.iter().filter(|line| line.contains("Merge Append")).count();
        let sorts = plans
            .iter()
            .any(|line| line.contains("Sort  (") || line.contains("Seq Scan"));
        assert!(walks == 16 && !sorts, "{stored}: {}", plans.join("\n"));
    }
}
