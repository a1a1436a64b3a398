//! `completion` and `--output yaml`, and what neither needs.

use crate::actors::{Answer, Operator, PROJECT, Server};
use serde_json::json;

#[test]
fn completion_needs_neither_server_nor_token() {
    for (shell, first) in [
        ("bash", "# bash completion for plexctl"),
        ("zsh", "#compdef plexctl"),
        ("fish", "# fish completion for plexctl"),
        ("powershell", "# powershell completion for plexctl"),
    ] {
        let ran = Operator::bare().run(&format!("completion {shell}"));
        assert!(
            ran.is_fine() && ran.text().lines().next() == Some(first),
            "{shell}"
        );
    }
    Operator::bare().run("completion tcsh").assert_failed(2);
}

#[test]
fn yaml_is_the_same_page() {
    let page = json!({"items": [], "next_cursor": "n", "yes": "no"});
    let server = Server::always(Answer::json(&page));
    let ran = Operator::of(&server).run(&format!("exec-log list --project {PROJECT} --output yaml"));
    assert!(ran.is_fine(), "{ran:?}");
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines, ["items: []", "next_cursor: \"n\"", "\"yes\": \"no\""]);
}
