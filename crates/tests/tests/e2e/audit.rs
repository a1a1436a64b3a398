//! The audit chain in the database: an entry for every mutation, denials counted, nothing to be altered unseen
//! (decision 29).

use data_encoding::HEXLOWER;
use plex_api::paths;
use plex_tests::{ControlPlane, SimulatedNode};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One row, with its canonical bytes read.
struct Row {
    chain: String,
    seq: i64,
    canonical: Vec<u8>,
    prev_hash: Vec<u8>,
    entry_hash: Vec<u8>,
}

impl Row {
    fn entry(&self) -> Value {
        serde_json::from_slice(&self.canonical).expect("canonical bytes are JSON")
    }
}

fn rows(control_plane: &ControlPlane) -> Vec<Row> {
    let sql = "select chain, seq, canonical, prev_hash, entry_hash from audit_entries order by chain, seq";
    let bytes = |hex: &String| HEXLOWER.decode(hex.as_bytes()).expect("bytes in hex");
    let read = |row: Vec<String>| Row {
        chain: row[0].clone(),
        seq: row[1].parse().expect("a number"),
        canonical: bytes(&row[2]),
        prev_hash: bytes(&row[3]),
        entry_hash: bytes(&row[4]),
    };
    let rows = control_plane.database().rows(sql);
    rows.into_iter().map(read).collect()
}

/// Recomputes every link, without the product's own code.
fn assert_whole(rows: &[Row]) {
    let mut heads: BTreeMap<&str, (i64, Vec<u8>)> = BTreeMap::new();
    for row in rows {
        let (seq, head) = heads.entry(&row.chain).or_insert_with(|| (0, vec![0; 32]));
        assert_eq!((row.seq, &row.prev_hash), (*seq + 1, &*head));
        let canonical = digest(&SHA256, &row.canonical);
        let hash = digest(&SHA256, &[&row.prev_hash[..], canonical.as_ref()].concat());
        assert_eq!(row.entry_hash, hash.as_ref());
        assert_eq!(row.entry()["seq"], row.seq);
        (*seq, *head) = (row.seq, row.entry_hash.clone());
    }
}

#[test]
fn every_mutation_has_its_entry_and_reading_has_none() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let (project, id) = (admin.project_id.to_string(), node.id.to_string());
    let user = Uuid::now_v7();
    let execution = std::cell::Cell::new(None);
    type Step<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let plexctl = |words: &[&str]| drop(admin.plexctl(&[words, &["--yes"]].concat()).expect(0));
    let steps: Vec<Step<'_>> = vec![
        (
            "issue a bootstrap token",
            Box::new(|| plexctl(&["bootstrap-token", "issue", "--project", &project])),
        ),
        (
            "register",
            Box::new(|| drop(SimulatedNode::register(&control_plane, "m"))),
        ),
        (
            "dispatch",
            Box::new(|| execution.set(Some(admin.dispatch(node.id, "probe")))),
        ),
        (
            "report",
            Box::new(|| node.succeed(execution.get().expect("dispatched"), b"x")),
        ),
        (
            "label",
            Box::new(|| plexctl(&["node", "label", "set", &id, "a=b"])),
        ),
        (
            "unlabel",
            Box::new(|| plexctl(&["node", "label", "remove", &id, "a"])),
        ),
        (
            "grant",
            Box::new(|| drop(admin.grant(user, "viewer", &format!("project:{project}")))),
        ),
        ("issue a token", Box::new(|| drop(admin.token_of(user)))),
        (
            "create a domain",
            Box::new(|| plexctl(&["domain", "create", "--slug", "d"])),
        ),
        ("revoke a node", Box::new(|| plexctl(&["node", "revoke", &id]))),
    ];
    for (what, step) in &steps {
        let before = rows(&control_plane).len();
        step();
        assert!(rows(&control_plane).len() > before, "{what} left no entry");
    }
    let execution = execution.get().expect("dispatched");
    let before = rows(&control_plane).len();
    admin.execution(execution);
    admin.get(&paths::executions(admin.project_id)).expect(200);
    admin.get(&paths::node(node.id)).expect(200);
    assert_eq!(
        rows(&control_plane).len(),
        before,
        "granted reads are not chained"
    );
    admin
        .get(&paths::target_output(admin.project_id, execution, node.id))
        .expect(200);
    assert_eq!(rows(&control_plane).len(), before + 1, "but reading an output is");
    drop(steps);

    let rows_now = rows(&control_plane);
    assert_whole(&rows_now);
    let told: Vec<_> = rows_now.iter().map(|row| row.entry().to_string()).collect();
    assert!(
        told.iter().any(|entry| entry.contains(&execution.to_string())),
        "the dispatch is named"
    );
    let me = admin.plexctl_json(&["whoami"])["subject"]
        .as_str()
        .unwrap()
        .to_owned();
    for row in &rows_now {
        // As an object a user has a name; as a subject only a pseudonym.
        let mut entry = row.entry();
        entry["object_id"].take();
        assert!(!entry.to_string().contains(&me), "{entry}");
    }
    control_plane.restart();
    plexctl_after_restart(&control_plane, &rows_now);
}

/// The chain goes on where it was.
fn plexctl_after_restart(control_plane: &ControlPlane, before: &[Row]) {
    control_plane
        .admin()
        .plexctl_json(&["domain", "create", "--slug", "after"]);
    let after = rows(control_plane);
    assert!(after.len() > before.len());
    assert_whole(&after);
}

#[test]
fn callbacks_share_entries_that_hold_their_digest_and_a_refused_one_has_none() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let execution = control_plane.admin().dispatch(node.id, "probe");
    let before = rows(&control_plane).len();
    assert_eq!(
        node.callback(execution, &json!({"status": "succeeded"})).status,
        409
    );
    assert_eq!(rows(&control_plane).len(), before);
    node.begin(execution);
    let entries = rows(&control_plane);
    assert!(
        (before + 1..=before + 2).contains(&entries.len()),
        "{before} then {}",
        entries.len()
    );
    for row in entries
        .iter()
        .filter(|row| row.entry().to_string().contains(&execution.to_string()))
    {
        assert!(row.entry()["details"].is_string(), "{}", row.entry());
    }
    // A replay changes nothing, so there is nothing to tell.
    let before = entries.len();
    node.callback(execution, &json!({"status": "started"}))
        .expect(200);
    assert_eq!(rows(&control_plane).len(), before);
}

#[test]
fn equal_denials_are_one_entry_with_their_count() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let viewer = admin.with_role("viewer");
    for _ in 0..7 {
        let body = json!({"action": "probe", "node_id": node.id});
        assert_eq!(viewer.post(&paths::dispatch(admin.project_id), &body).status, 403);
    }
    assert_eq!(viewer.delete(&paths::node(node.id)).status, 403);
    for _ in 0..3 {
        assert_eq!(viewer.with_token("psk_prod_x").get(paths::WHOAMI).status, 401);
    }
    assert!(control_plane.terminate().success());
    let rows = rows(&control_plane);
    assert_whole(&rows);
    let denials: Vec<_> = rows
        .iter()
        .map(Row::entry)
        .filter(|entry| entry["result"] != "granted")
        .collect();
    let counts: BTreeMap<_, _> = denials
        .iter()
        .map(|entry| {
            (
                entry["relation"].as_str().unwrap(),
                entry["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        BTreeMap::from([("dispatch", 7), ("revoke_node", 1)]),
        "{denials:?}"
    );
    assert!(
        denials
            .iter()
            .all(|entry| entry["reason"] == "insufficient_relation")
    );
}

#[test]
fn entries_and_events_cannot_be_altered_by_a_slip() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let execution = control_plane.admin().dispatch(node.id, "probe");
    node.begin(execution);
    let database = control_plane.database();
    for slip in [
        "delete from audit_entries",
        "update audit_entries set relation = 'x'",
        "update audit_entries set canonical = prev_hash",
        "update execution_events set status = 'failed'",
    ] {
        let error = database.execute(slip).expect_err(slip);
        assert!(error.contains("append-only"), "{slip}: {error}");
    }
}
