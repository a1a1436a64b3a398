use super::*;
use crate::Db;
use crate::testing::{TestClock, db_at, domain, new_execution, node, project};
use plex_api::executions::ExecutionStatus;

pub(super) async fn tenancy(db: &Db) -> (Uuid, Uuid, Uuid) {
    db.write(async |tx| {
        let domain_id = domain(tx, "acme").await?;
        let project_id = project(tx, domain_id, "shop").await?;
        Ok::<_, Error>((domain_id, project_id, node(tx, project_id, "web-1").await?))
    })
    .await
    .unwrap()
}

pub(super) async fn dispatch(db: &Db, ids: (Uuid, Uuid, Uuid), action: &str) -> Uuid {
    let excluded = vec![ExcludedNode {
        node_id: ids.2,
        reason: "no_manifest".to_owned(),
    }];
    dispatched(db, ids, action, excluded).await
}

async fn dispatch_without(db: &Db, ids: (Uuid, Uuid, Uuid), count: u128) -> Uuid {
    dispatched(db, ids, "backup", excluded(count)).await
}

async fn dispatched(
    db: &Db,
    (domain_id, project_id, node_id): (Uuid, Uuid, Uuid),
    action: &str,
    excluded: Vec<ExcludedNode>,
) -> Uuid {
    let new = NewExecution {
        action: action.to_owned(),
        parameters: Some(r#"{"n":1.0}"#.to_owned()),
        node_id: Some(node_id),
        excluded,
        ..new_execution(domain_id, project_id)
    };
    db.write(async move |tx| insert(tx, &new, &[node_id]).await)
        .await
        .unwrap()
}

pub(super) async fn list(
    db: &Db,
    project_id: Uuid,
    filter: &Filter,
    place: (Order, Option<Position>),
    limit: u32,
) -> Vec<Execution> {
    let filter = filter.clone();
    db.read(async move |tx| page(tx, project_id, &filter, place, limit).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_execution_reads_back_as_dispatched() {
    let (_dir, db) = db_at(TestClock::new());
    let ids = tenancy(&db).await;
    let id = dispatch(&db, ids, "backup").await;
    let found = db
        .read(async move |tx| find(tx, ids.1, id).await)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.action.as_str(), found.r#type),
        ("backup", ActionKind::Hook)
    );
    assert_eq!(
        found.parameters.unwrap().get(),
        r#"{"n":1.0}"#,
        "a number keeps its spelling"
    );
    assert_eq!(
        found
            .expires_at
            .unwrap()
            .duration_since(found.created_at)
            .as_secs(),
        300
    );
    assert_eq!(found.excluded[0].reason, "no_manifest");
    assert_eq!(found.status, ExecutionStatus::Pending);
    let elsewhere = db
        .read(async move |tx| find(tx, Uuid::max(), id).await)
        .await
        .unwrap();
    assert!(elsewhere.is_none(), "not under another project");
}

#[tokio::test]
async fn a_list_item_carries_a_hundred_excluded_nodes_and_the_execution_all() {
    let (_dir, db) = db_at(TestClock::new());
    let ids = tenancy(&db).await;
    for (count, listed, is_cut) in [
        (0, 0, false),
        (100, 100, false),
        (101, 100, true),
        (250, 100, true),
    ] {
        let id = dispatch_without(&db, ids, count).await;
        let items = list(&db, ids.1, &Filter::default(), (Order::Descending, None), 1).await;
        assert_eq!((items[0].id, items[0].excluded.len()), (id, listed));
        assert_eq!(items[0].excluded_truncated, is_cut, "{count}");
        let found = db
            .read(async move |tx| find(tx, ids.1, id).await)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.excluded, excluded(count), "whole and in order");
        assert!(!found.excluded_truncated);
    }
    let stored = db.read(async |tx| {
        let sql = "select excluded from executions where excluded is not null";
        tx.all(sql, &[], |row| read_excluded(row.get(0)?)).await
    });
    let longest = stored.await.unwrap().iter().map(Vec::len).max();
    assert_eq!(longest, Some(100), "lists read no more");
}

fn excluded(count: u128) -> Vec<ExcludedNode> {
    let one = |n| ExcludedNode {
        node_id: Uuid::from_u128(n),
        reason: "no_manifest".to_owned(),
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn an_execution_whose_targets_cannot_be_stored_does_not_exist() {
    let (_dir, db) = db_at(TestClock::new());
    let (domain_id, project_id, node_id) = tenancy(&db).await;
    let id = dispatch(&db, (domain_id, project_id, node_id), "first").await;
    let result = db
        .write(async move |tx| {
            let new = new_execution(domain_id, project_id);
            // The second target of the same node breaks the key in the middle of the insert.
            insert(tx, &new, &[node_id, node_id]).await
        })
        .await;
    assert!(result.unwrap_err().is_constraint());
    let all = list(&db, project_id, &Filter::default(), (Order::Descending, None), 10).await;
    assert_eq!(all.iter().map(|item| item.id).collect::<Vec<_>>(), [id]);
}
