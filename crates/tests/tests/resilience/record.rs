//! What the control plane's record says of itself: over the API, and in the database below it.

use plex_api::executions::ExecutionStatus;
use plex_api::paths;
use plex_domain::execution::TargetCounts;
use plex_tests::{ControlPlane, Database, Operator};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Every execution of the list, page by page; each one's status is that of its targets.
pub(super) fn executions(operator: &Operator) -> BTreeMap<Uuid, Value> {
    let mut found = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("{}?limit=200{cursor}", paths::executions(operator.project_id));
        let page = operator.get(&path).expect(200).json();
        for execution in page["items"].as_array().expect("a page has items") {
            assert_eq!(execution["status"], aggregate(execution).as_str(), "{execution}");
            let id = execution["id"].as_str().and_then(|id| id.parse().ok());
            let before = found.insert(id.expect("an execution has an id"), execution.clone());
            assert!(before.is_none(), "listed twice: {execution}");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn aggregate(execution: &Value) -> ExecutionStatus {
    let mut counts = TargetCounts::default();
    for target in execution["targets"].as_array().expect("an execution has targets") {
        let status = target["status"].as_str().and_then(ExecutionStatus::parse);
        counts.add(status.expect("a status"), 1);
    }
    counts.aggregate()
}

/// Nothing in the database contradicts anything else in it.
pub(super) fn assert_sound(control_plane: &ControlPlane) {
    let database = control_plane.database();
    let number = |sql: &str| database.number(sql);
    if let Database::Sqlite(_) = database {
        assert_eq!(database.rows("pragma integrity_check"), [["ok"]]);
        assert_eq!(number("select count(*) from pragma_foreign_key_check"), 0);
    }
    for status in ExecutionStatus::ALL.map(ExecutionStatus::as_str) {
        let miscounted = format!(
            "select count(*) from executions e where e.{status} <>
                (select count(*) from invocations i where i.execution_id = e.id and i.status = '{status}')"
        );
        assert_eq!(
            number(&miscounted),
            0,
            "the count of {status} is not that of the targets"
        );
    }
    let dispatches = number("select count(*) from audit_entries where relation = 'dispatch'");
    assert_eq!(
        number("select count(*) from executions"),
        dispatches,
        "every dispatch is audited, once"
    );
    let nothing = match database {
        Database::Sqlite(_) => "zeroblob(32)",
        Database::Postgres(_) => "decode(repeat('00', 32), 'hex')",
    };
    let gaps = format!(
        "select count(*) from audit_entries a
        left join audit_entries b on b.chain = a.chain and b.seq = a.seq - 1
        where a.prev_hash <> coalesce(b.entry_hash, {nothing}) or (b.seq is null and a.seq <> 1)"
    );
    assert_eq!(number(&gaps), 0, "the audit chain is broken");
    assert_histories(database);
}

/// Every history leads, by legal steps, to the status that its invocation has.
fn assert_histories(database: &Database) {
    let histories = "select i.status, coalesce(v.history, '')
        from invocations i left join (
            select execution_id, node_id, string_agg(status, ',' order by status) as history
            from execution_events group by execution_id, node_id
        ) v using (execution_id, node_id)";
    for row in database.rows(histories) {
        let [status, history] = <[String; 2]>::try_from(row).expect("two columns");
        let legal: &[&str] = match status.as_str() {
            "pending" => &[""],
            "ack" => &["ack"],
            "started" => &["ack,started"],
            "succeeded" => &["ack,started,succeeded"],
            "cancelled" => &["ack,cancelled,started"],
            "failed" => &["failed", "ack,failed", "ack,failed,started"],
            "timeout" => &["timeout", "ack,timeout", "ack,started,timeout"],
            other => panic!("no status: {other}"),
        };
        assert!(
            legal.contains(&history.as_str()),
            "{history} does not lead to {status}"
        );
    }
}
