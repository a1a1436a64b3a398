//! A database of an older program is carried over whole.

use super::*;
use crate::labels::{self, Object};
use crate::testing::{CountingRng, TestClock};
use crate::{executions, nodes};
use plex_domain::selector::Selector;
use serde_json::{Value, json};
use uuid::Uuid;

const DOMAIN: Uuid = Uuid::from_u128(1);
const PROJECT: Uuid = Uuid::from_u128(2);
const NODE: Uuid = Uuid::from_u128(3);
const DEFINITION: Uuid = Uuid::from_u128(4);
const EXECUTION: Uuid = Uuid::from_u128(5);
const NARROW: Uuid = Uuid::from_u128(6);

/// What the first version of the program could have left behind.
fn of_the_first_version(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let ids = |id: Uuid| id.as_bytes().to_vec();
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        assert_eq!(connection.execute(sql, values).unwrap(), 1);
    };
    run(
        "insert into domains (
            id, slug, name, mesh_cidr, heartbeat_interval, stale_after, unreachable_after, signing_key_id,
            signing_public_key, signing_key_sealed, addresses_used, created_at, updated_at
        ) values (?1, 'acme', 'acme', '10.0.0.0/24', 30, 90, 300, 'key-1', x'01', x'01', 1, 0, 0)",
        &[&ids(DOMAIN)],
    );
    run(
        "insert into projects (id, domain_id, slug, name, created_at, updated_at)
        values (?1, ?2, 'web', 'web', 0, 0)",
        &[&ids(PROJECT), &ids(DOMAIN)],
    );
    run(
        "insert into nodes (
            id, project_id, domain_id, name, kind, public_key, mesh_ip, key_hash, bootstrap_token_id, created_at
        ) values (?1, ?2, ?3, 'web-1', 'node', 'key', '10.0.0.1', zeroblob(32), ?1, 0)",
        &[&ids(NODE), &ids(PROJECT), &ids(DOMAIN)],
    );
    run(
        r#"insert into label_definitions (
            id, scope, scope_id, local_key, qualified_key, value_schema, created_by, created_at, updated_at
        ) values (?1, 'project', ?2, 'env', 'acme:web/env', '{"kind":"string"}', 'system', 7, 7)"#,
        &[&ids(DEFINITION), &ids(PROJECT)],
    );
    run(
        r#"insert into node_labels (node_id, definition_id, value, assigned_by, assigned_at)
        values (?1, ?2, '"prod"', 'system', 8)"#,
        &[&ids(NODE), &ids(DEFINITION)],
    );
    for (id, excluded) in [(EXECUTION, Some(excluded(250))), (NARROW, None)] {
        run(
            "insert into executions (
                id, project_id, domain_id, action, kind, status, created_at, updated_at, expires_at, timeout_seconds,
                selector, dispatched_by, excluded, pending
            ) values (?1, ?2, ?3, 'a', 'builtin', 'pending', 0, 0, 1, 1, 'env', 'user:somebody', ?4, 1)",
            &[&ids(id), &ids(PROJECT), &ids(DOMAIN), &excluded.map(|all| all.to_string())],
        );
    }
}

fn excluded(count: u128) -> Value {
    let one = |n| json!({"node_id": Uuid::from_u128(n), "reason": "no_manifest"});
    (0..count).map(one).collect()
}

#[tokio::test]
async fn what_the_first_version_stored_is_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.db");
    of_the_first_version(&path);
    let settings = Settings {
        engine: crate::db::Engine::Sqlite(path),
        clock: TestClock::new(),
        rng: Arc::new(CountingRng::default()),
    };
    let db = Db::open(settings).unwrap();
    assert_eq!(db.found_version(), 1);
    db.write(async |tx| {
        let labels = labels::of_object(tx, Object::node(NODE)).await?;
        let [label] = labels.as_slice() else {
            panic!("{labels:?}")
        };
        assert_eq!(
            (label.definition_id, label.qualified_key.as_str(), &label.value),
            (Some(DEFINITION), "acme:web/env", &json!("prod"))
        );
        assert_eq!(
            (
                label.object_kind.as_str(),
                label.assigned_by.as_str(),
                label.assigned_at.as_microsecond()
            ),
            ("node", "system", 8)
        );
        let definition = labels::definitions::find(tx, DEFINITION).await?.unwrap();
        assert_eq!(
            (
                definition.applicable_kinds.join(" "),
                definition.cardinality,
                definition.immutable
            ),
            ("node project".to_owned(), 1, false)
        );
        let selector = Selector::parse("env=prod").unwrap();
        let addressed = nodes::Addressed::Selected(&selector);
        let kind = plex_api::executions::ActionKind::Builtin;
        let found = nodes::candidates(tx, PROJECT, addressed, kind, "a").await?;
        assert_eq!(
            found.iter().map(|found| found.node_id).collect::<Vec<_>>(),
            [NODE]
        );

        let execution = executions::find(tx, PROJECT, EXECUTION).await?.unwrap();
        assert_eq!(serde_json::to_value(&execution.excluded).unwrap(), excluded(250));
        assert!(
            executions::find(tx, PROJECT, NARROW)
                .await?
                .unwrap()
                .excluded
                .is_empty()
        );
        let order = (executions::Order::Ascending, None);
        let page = executions::page(tx, PROJECT, &executions::Filter::default(), order, 10).await?;
        let listed: Vec<_> = page
            .iter()
            .map(|item| (item.excluded.len(), item.excluded_truncated))
            .collect();
        assert_eq!(listed, [(100, true), (0, false)]);
        assert_eq!(serde_json::to_value(&page[0].excluded).unwrap(), excluded(100));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
