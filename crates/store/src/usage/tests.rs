use super::*;
use crate::Db;
use crate::executions;
use crate::testing::{TestClock, db_at, domain, new_execution, node, on_sqlite, project};
use std::sync::Arc;
use std::time::Duration;

async fn dispatch(db: &Db, (domain_id, project_id, node_id): (Uuid, Uuid, Uuid)) {
    let new = new_execution(domain_id, project_id);
    db.write(async move |tx| executions::insert(tx, &new, &[node_id]).await)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_projects_with_most_executions_come_first_with_their_span() {
    let clock = TestClock::new();
    let (_dir, db) = db_at(Arc::clone(&clock));
    let made = db.write(async |tx| {
        let domain_id = domain(tx, "acme").await?;
        let (shop, depot) = (
            project(tx, domain_id, "shop").await?,
            project(tx, domain_id, "depot").await?,
        );
        project(tx, domain_id, "idle").await?;
        let node_id = node(tx, shop, "web-1").await?;
        Ok::<_, Error>([(domain_id, shop, node_id), (domain_id, depot, node_id)])
    });
    let [shop, depot] = made.await.unwrap();
    let began = plex_domain::env::Clock::now(&*clock);
    for at in [shop, depot, depot] {
        clock.advance(Duration::from_secs(60));
        dispatch(&db, at).await;
    }
    let found = db.read(async |tx| projects(tx, 20).await).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|usage| {
            let minutes = |time: Timestamp| time.duration_since(began).as_mins();
            (
                usage.slug.as_str(),
                usage.executions,
                minutes(usage.oldest),
                minutes(usage.newest),
            )
        })
        .collect();
    assert_eq!(told, [("depot", 2, 2, 3), ("shop", 1, 1, 1)]);
    assert_eq!(db.read(async |tx| projects(tx, 1).await).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_table_is_told_with_its_bytes() {
    let (_dir, db) = crate::testing::db();
    let found = db.read(async |tx| tables(tx).await).await.unwrap();
    for name in [
        "executions",
        "invocations",
        "outputs",
        "execution_events",
        "audit_entries",
    ] {
        let table = found.iter().find(|table| table.name == name);
        assert!(table.is_some_and(|table| table.bytes > 0), "{name}: {found:?}");
    }
    assert!(found.is_sorted_by(|a, b| a.bytes >= b.bytes), "{found:?}");
}

#[tokio::test]
async fn on_sqlite_the_bytes_are_those_of_the_file_and_the_rows_are_counted() {
    let (_dir, db) = on_sqlite();
    db.write(async |tx| {
        let domain_id = domain(tx, "acme").await?;
        let project_id = project(tx, domain_id, "shop").await?;
        for number in 0..300_i64 {
            let (node_id, nonce) = (
                node(tx, project_id, "web").await?,
                [number.to_be_bytes(); 4].concat(),
            );
            let sql = "insert into registration_nonces (project_id, nonce) values ($1, $2)";
            tx.execute(sql, &values![node_id, &nonce]).await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let (found, pages, free) = db
        .read(async |tx| {
            let sql = "select page_count * page_size from pragma_page_count, pragma_page_size";
            let pages: Option<u64> = tx.optional(sql, &[], |row| row.get(0)).await?;
            Ok::<_, Error>((tables(tx).await?, pages.unwrap(), free(tx).await?))
        })
        .await
        .unwrap();
    let sum: u64 = found.iter().map(|table| table.bytes).sum();
    let rest = pages - sum - free.unwrap();
    assert!(
        rest < 64 * 1024,
        "but for the schema and the map of pages: {rest}"
    );
    let rows = |name: &str| {
        found
            .iter()
            .find(|table| table.name == name)
            .map(|table| table.rows)
    };
    assert_eq!(rows("nodes"), Some(300));
    assert_eq!(rows("registration_nonces"), Some(300), "a table without row ids");
    assert_eq!(rows("executions"), Some(0));
}
