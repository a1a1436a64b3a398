use super::*;
use crate::postgres::{Server, programs};
use plex_api::executions::ExecutionStatus::{Ack, Failed, Started, Succeeded};
use plex_api::paths;
use tokio::task::JoinSet;

const EXECUTIONS: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];
const NODES: [Uuid; 3] = [Uuid::from_u128(11), Uuid::from_u128(12), Uuid::from_u128(13)];

fn report(execution_id: Uuid, node_id: Uuid, status: ExecutionStatus) -> Report {
    Report {
        execution_id,
        node_id,
        status,
        output: (status == Succeeded).then(|| b"hi".to_vec()),
    }
}

/// Hands reports in at once; how many of them were stored.
async fn store_all(callbacks: &Callbacks, reports: impl IntoIterator<Item = Report>) -> usize {
    let mut storing = JoinSet::new();
    for report in reports {
        let queue = callbacks.0.clone();
        storing.spawn(async move { store(&queue, report).await.unwrap() });
    }
    storing
        .join_all()
        .await
        .into_iter()
        .filter(|is_stored| *is_stored)
        .count()
}

/// Every node on every execution.
fn reports(status: ExecutionStatus) -> impl Iterator<Item = Report> {
    let of = move |execution| NODES.map(|node| report(execution, node, status));
    EXECUTIONS.into_iter().flat_map(of)
}

async fn what_is_answered_is_stored(database: Database) {
    let ledger = Ledger::make(database, &EXECUTIONS, &NODES).unwrap();
    let callbacks = Callbacks::open(ledger.database()).await.unwrap();
    ledger.expect(0).unwrap();
    assert_eq!(store_all(&callbacks, reports(Started)).await, 0);
    for (status, stored) in [(Ack, 6), (Started, 12), (Succeeded, 18)] {
        assert_eq!(store_all(&callbacks, reports(status)).await, 6);
        ledger.expect(stored).unwrap();
        assert_eq!(store_all(&callbacks, reports(status)).await, 0);
    }
    assert_eq!(store_all(&callbacks, reports(Failed)).await, 0);
    let unknown = report(Uuid::max(), NODES[0], Ack);
    assert_eq!(store_all(&callbacks, [unknown]).await, 0);
    ledger.expect(18).unwrap();
    let error = ledger.expect(19).unwrap_err().to_string();
    assert!(
        error.contains("answered 200 to 19 reports, and stored"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_answered_is_stored_on_sqlite() {
    let place = tempfile::tempdir().unwrap();
    what_is_answered_is_stored(Database::File(place.path().join("floor.db"))).await;
}

/// Where there is a PostgreSQL.
#[tokio::test]
async fn what_is_answered_is_stored_on_postgresql() {
    if programs().is_some() {
        let server = Server::in_memory().unwrap();
        what_is_answered_is_stored(Database::Url(server.url())).await;
    }
}

#[tokio::test]
async fn of_equal_reports_at_once_one_is_stored() {
    let place = tempfile::tempdir().unwrap();
    let database = Database::File(place.path().join("floor.db"));
    let ledger = Ledger::make(database, &EXECUTIONS, &NODES).unwrap();
    let callbacks = Callbacks::open(ledger.database()).await.unwrap();
    let equal = [(); 40].map(|()| report(EXECUTIONS[0], NODES[0], Ack));
    assert_eq!(store_all(&callbacks, equal).await, 1);
    ledger.expect(1).unwrap();
}

#[test]
fn a_report_is_what_the_product_takes() {
    let path = paths::callback(NODES[0], EXECUTIONS[0]);
    let body = br#"{"status":"succeeded","exit_code":0,"output":{"inline":"aGk="}}"#;
    let read = Report::read(&path, body).unwrap();
    assert_eq!(
        (read.execution_id, read.node_id, read.status),
        (EXECUTIONS[0], NODES[0], Succeeded)
    );
    assert_eq!(read.output.as_deref(), Some(&b"hi"[..]));
    assert!(Report::read(&path, br#"{"statuz":"ack"}"#).is_none());
    assert!(Report::read("/v1/nodes/x/executions/y", body).is_none());
}
