//! What a person sees: on a terminal an output cannot do more than colour its text (`cli.md`).

use plex_tests::{ControlPlane, Operator, Ran, SimulatedNode};
use uuid::Uuid;

const OUTPUT: &[u8] = b"\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x9b31m\x08\r\nend\n";

/// Runs `plexctl exec-log get` with a terminal for its stdin, stdout and stderr, and tells what it showed.
fn on_a_terminal(operator: &Operator, execution: Uuid, more: &str) -> Vec<u8> {
    let own = operator.command::<&str>(&[]);
    let program = own.get_program().to_str().expect("a path of UTF-8").to_owned();
    let line = format!(
        "{program} exec-log get --project {} --id {execution} {more}",
        operator.project_id
    );
    // `script` gives its command a terminal; it is part of every Debian.
    let mut command = std::process::Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(command, b"").expect(0).stdout
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[test]
fn control_sequences_are_shown_escaped_unless_raw_is_asked_for() {
    let control_plane = ControlPlane::start();
    let node = SimulatedNode::register(&control_plane, "n");
    let admin = control_plane.admin();
    let execution = admin.dispatch(node.id, "probe");
    node.succeed(execution, OUTPUT);
    for more in ["", "--bytes"] {
        let shown = on_a_terminal(&admin, execution, more);
        let text = String::from_utf8_lossy(&shown).into_owned();
        assert!(
            contains(&shown, b"\x1b[31mred\x1b[0m") && contains(&shown, b"end"),
            "{text:?}"
        );
        for hidden in [&b"\x1b[2J"[..], b"\x1b]0;", b"\x07", b"\x9b", b"\x08"] {
            assert!(!contains(&shown, hidden), "{hidden:?} came through: {text:?}");
        }
        assert_eq!(text.matches("--raw").count(), 1, "one line tells so: {text:?}");
        let raw = on_a_terminal(&admin, execution, &format!("{more} --raw"));
        assert!(
            contains(&raw, b"\x1b[2J\x1b]0;title\x07\x9b31m\x08\r"),
            "{:?}",
            String::from_utf8_lossy(&raw)
        );
    }
    // Off a terminal there is nothing to ask for.
    let (project, id) = (admin.project_id.to_string(), execution.to_string());
    let piped = admin
        .plexctl(&["exec-log", "get", "--project", &project, "--id", &id, "--bytes"])
        .expect(0);
    assert_eq!((piped.stdout.as_slice(), piped.stderr.as_str()), (OUTPUT, ""));
}
