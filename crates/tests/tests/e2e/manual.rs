//! The examples of the command line's manual, word for word, in a shell as an operator has it.

use plex_tests::{ControlPlane, Manifest, Operator, Program, Ran, SimulatedNode};
use serde_json::Value;

const PROJECT: &str = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0";
const EXECUTION: &str = "0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2";

const LIST: &str =
    r#"plexctl exec-log list --server "${PLEXSPHERE_URL}" --project 0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0"#;
const LIST_ACTION: &str = r#"plexctl exec-log list --server "${PLEXSPHERE_URL}" --project 0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0 --action-name rotate-keys --limit 50"#;
const LIST_NEXT: &str = r#"plexctl exec-log list --server "${PLEXSPHERE_URL}" --project 0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0 --action-name rotate-keys --limit 50 --cursor "${NEXT_CURSOR}""#;
const GET: &str = r#"plexctl exec-log get  --server "${PLEXSPHERE_URL}" --project 0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c0 --id 0190a8b8-c2d2-7c2c-8c2c-c2c2c2c2c2c2"#;

/// Runs lines in a shell that finds `plexctl` by name.
fn shell(operator: &Operator, lines: &str) -> Ran {
    let mut command = std::process::Command::new("/bin/sh");
    let own = operator.command::<&str>(&[]);
    command.env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let directory = Program::Plexctl.path();
    let directory = directory
        .parent()
        .expect("a file is in a directory")
        .to_str()
        .expect("UTF-8");
    command.env("PATH", format!("{directory}:/usr/bin:/bin"));
    command.args([
        "-eu",
        "-c",
        &format!("export PLEXSPHERE_URL=\"${{PLEXSPHERE_URL:-https://localhost:8080}}\"\n{lines}"),
    ]);
    Ran::of(command, b"")
}

#[test]
fn the_examples_work_word_for_word() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    node.capabilities(&Manifest::of(&["probe", "rotate-keys"]))
        .expect(200);
    let admin = control_plane.admin();
    let probe = admin.dispatch(node.id, "probe");
    let mut rotations: Vec<_> = (0..53)
        .map(|_| admin.dispatch(node.id, "rotate-keys").to_string())
        .collect();
    rotations.reverse();
    node.succeed(probe, b"hello\n");
    // The manual's ids are somebody else's; everything but them is as it stands there.
    let own = |line: &str| {
        line.replace(PROJECT, &admin.project_id.to_string())
            .replace(EXECUTION, &probe.to_string())
    };
    let rows = |ran: &Ran| -> Vec<String> {
        let is_row = |line: &&str| line.len() > 36 && uuid::Uuid::parse_str(&line[..36]).is_ok();
        ran.text()
            .lines()
            .filter(is_row)
            .map(|line| line[..36].to_owned())
            .collect()
    };
    let list = shell(&admin, &own(LIST)).expect(0);
    assert_eq!((rows(&list).len(), list.stderr.as_str()), (50, ""));
    let first = shell(&admin, &own(LIST_ACTION)).expect(0);
    assert_eq!(rows(&first), rotations[..50]);
    let text = first.text();
    let cursor = text
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("next_cursor: "))
        .expect("a next page");
    let next = shell(&admin, &format!("NEXT_CURSOR='{cursor}'\n{}", own(LIST_NEXT))).expect(0);
    assert_eq!(rows(&next), rotations[50..]);
    assert!(!next.text().contains("next_cursor"));
    let get = shell(&admin, &own(GET)).expect(0);
    assert!(
        get.text()
            .ends_with(&format!("\n\n==> {} succeeded bytes=6 <==\nhello\n", node.id)),
        "{}",
        get.text()
    );
}

#[test]
fn the_manuals_own_ids_name_nothing_here() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    for (line, code) in [(LIST, "project_not_found"), (GET, "execution_not_found")] {
        let ran = shell(&admin, &format!("{line} --output json")).expect(1);
        let problem: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&404.into(), &code.into())
        );
    }
}
