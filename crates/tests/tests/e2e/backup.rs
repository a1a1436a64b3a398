//! Backup and restore as the manual tells them: the history is the same, and goes on.

use plex_api::paths;
use plex_tests::{ControlPlane, Database, Dice, SimulatedNode};
use serde_json::json;

/// What is in the log and in both audit chains.
fn history(control_plane: &ControlPlane) -> [String; 3] {
    let (admin, domain) = (control_plane.admin(), control_plane.domain_id().to_string());
    let project = admin.project_id.to_string();
    [
        &["exec-log", "export", "--project", &project][..],
        &["audit", "export", "--domain", &domain],
        &["audit", "export", "--platform"],
    ]
    .map(|words| admin.plexctl(words).expect(0).text())
}

fn assert_history_is_whole(control_plane: &ControlPlane) {
    let (admin, domain) = (control_plane.admin(), control_plane.domain_id().to_string());
    for chain in [&["--domain", domain.as_str()][..], &["--platform"]] {
        admin.plexctl(&[&["audit", "verify"], chain].concat()).expect(0);
    }
}

#[test]
fn a_restored_backup_has_the_same_history_and_goes_on() {
    let mut control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let [inline, stored, pending] = [0; 3].map(|_| admin.dispatch(node.id, "probe"));
    node.succeed(inline, b"small");
    node.begin(stored);
    let large = Dice::new(7).bytes(20_000);
    let archived = node.archive(stored, &large);
    let end = json!({"status": "succeeded", "exit_code": 0, "output": archived});
    node.callback(stored, &end).expect(200);

    let before = history(&control_plane);
    let restored = control_plane.restored();
    let forgotten = admin.dispatch(node.id, "probe");

    assert_same_place(&control_plane, &restored);
    assert_eq!(history(&restored), before);
    let there = restored.admin();
    assert_eq!(there.output(inline, node.id).expect(0).stdout, b"small");
    assert!(
        there.output(stored, node.id).expect(0).stdout == large,
        "it is another"
    );
    assert_history_is_whole(&restored);

    let at_home = node.at(&restored);
    let mut events = at_home.events();
    let next = there.dispatch(node.id, "probe");
    for execution in [pending, next] {
        assert_eq!(events.action_request().unwrap()["execution_id"], json!(execution));
        at_home.succeed(execution, b"out");
        assert_eq!(there.ended(execution)["status"], "succeeded");
    }
    let report = at_home.callback(forgotten, &json!({"status": "ack"}));
    assert_eq!(report.refusal(), (404, "execution_not_found".to_owned()));
    there
        .get(&paths::execution(there.project_id, forgotten))
        .expect(404);
    assert_history_is_whole(&restored);
    assert!(
        !restored.log().contains("\"level\":\"ERROR\""),
        "{}",
        restored.log()
    );
    assert_eq!(
        admin.execution(pending)["status"],
        "pending",
        "the first is another"
    );
}

/// Neither works on what is the other's.
fn assert_same_place(one: &ControlPlane, other: &ControlPlane) {
    match (one.database(), other.database()) {
        (Database::Sqlite(one), Database::Sqlite(other)) => assert_ne!(one, other),
        (Database::Postgres(one), Database::Postgres(other)) => assert_ne!(one, other),
        (one, other) => panic!("{one:?} became {other:?}"),
    }
}
