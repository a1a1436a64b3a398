//! The last step of the schema, taken while a program serves on the schema before it. That program is this one, of which
//! nothing here uses what the step made.

use super::*;
use std::sync::atomic::AtomicBool;

/// What the last step made. Who undoes it has the schema of the version before.
const UNDO: &str = "
    drop table retention, removals;
    drop index execution_events_by_execution;
    delete from schema_steps where number = 7;
";

/// What is there of the last step.
const MADE: &str = "select (
        select count(*) from unnest(array['retention', 'removals', 'execution_events_by_execution']) as made (name)
        where to_regclass(name) is not null
    ) + (select max(number) from schema_steps)";

async fn made(client: &Client) -> i64 {
    client.query_one(MADE, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_step_is_taken_while_reports_and_dispatches_of_the_version_before_go_on() {
    let Some(place) = Place::new().await else { return };
    let (before, outsider) = (place.open(), place.outsider().await);
    let (execution_id, nodes) = dispatched(&before).await;
    outsider.batch_execute(UNDO).await.unwrap();
    assert_eq!(made(&outsider).await, 6);

    let stored = Arc::new(AtomicUsize::new(0));
    let reporting = tokio::spawn({
        let (db, stored, nodes) = (before.clone(), Arc::clone(&stored), nodes.clone());
        async move {
            for node in nodes {
                let reports = [report(execution_id, node, (ExecutionStatus::Ack, 1))];
                let events = db.report(async move |tx| {
                    let (_, events) = invocations::advance(tx, &reports).await?;
                    Ok::<_, Error>(events.len())
                });
                stored.fetch_add(events.await.unwrap(), Ordering::SeqCst);
            }
        }
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let dispatching = tokio::spawn({
        let (db, is_over) = (before.clone(), Arc::clone(&is_over));
        async move {
            let ids = db.write(async |tx| {
                let domain_id = domain(tx, "next").await?;
                let project_id = project(tx, domain_id, "next").await?;
                Ok::<_, Error>((domain_id, project_id, node(tx, project_id, "next").await?))
            });
            let (domain_id, project_id, node_id) = ids.await.unwrap();
            let mut count = 0;
            while !is_over.load(Ordering::SeqCst) {
                let new = new_execution(domain_id, project_id);
                db.write(async move |tx| executions::insert(tx, &new, &[node_id]).await)
                    .await
                    .unwrap();
                count += 1;
            }
            count
        }
    });
    soon(async {
        while stored.load(Ordering::SeqCst) < 100 {
            assert!(!reporting.is_finished(), "a report was not stored");
            tokio::task::yield_now().await;
        }
    })
    .await;
    let after = tokio::task::spawn_blocking({
        let settings = place.settings.clone();
        move || Db::open(settings).unwrap()
    });
    let after = after.await.unwrap();
    assert!(!reporting.is_finished(), "it was taken meanwhile");
    assert_eq!(made(&outsider).await, 3 + 7);
    reporting.await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let dispatched: u64 = dispatching.await.unwrap();
    assert_eq!(stored.load(Ordering::SeqCst), NODES);
    let counted = after.read(async |tx| {
        let sql = "select (select count(*) from execution_events), (select count(*) from executions)";
        tx.optional(sql, &[], |row| Ok([row.get::<u64>(0)?, row.get::<u64>(1)?]))
            .await
    });
    assert_eq!(counted.await.unwrap(), Some([NODES as u64, 1 + dispatched]));
}
