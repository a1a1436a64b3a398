//! The last step of the schema, taken while a program that does not know it serves.

use super::*;

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
    let dispatching = tokio::spawn({
        let db = before.clone();
        async move {
            let ids = db.write(async |tx| {
                let domain_id = domain(tx, "next").await?;
                let project_id = project(tx, domain_id, "next").await?;
                Ok::<_, Error>((domain_id, project_id, node(tx, project_id, "next").await?))
            });
            let (domain_id, project_id, node_id) = ids.await.unwrap();
            for _ in 0..NODES / 10 {
                let new = new_execution(domain_id, project_id);
                db.write(async move |tx| executions::insert(tx, &new, &[node_id]).await)
                    .await
                    .unwrap();
            }
        }
    });
    while stored.load(Ordering::SeqCst) < 100 {
        assert!(!reporting.is_finished(), "a report was not stored");
        tokio::task::yield_now().await;
    }
    let after = tokio::task::spawn_blocking({
        let settings = place.settings.clone();
        move || Db::open(settings).unwrap()
    });
    let after = after.await.unwrap();
    assert!(!reporting.is_finished(), "it was taken meanwhile");
    assert_eq!(made(&outsider).await, 3 + 7);
    reporting.await.unwrap();
    dispatching.await.unwrap();
    assert_eq!(stored.load(Ordering::SeqCst), NODES);
    let counted = after.read(async |tx| {
        let sql = "select (select count(*) from execution_events), (select count(*) from executions)";
        tx.optional(sql, &[], |row| Ok([row.get::<u64>(0)?, row.get::<u64>(1)?]))
            .await
    });
    let all = NODES as u64;
    assert_eq!(counted.await.unwrap(), Some([all, 1 + all / 10]));
}
