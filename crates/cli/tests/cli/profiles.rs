//! Stored profiles.

use crate::actors::{Answer, Operator, PROJECT, Server, TOKEN};
use serde_json::json;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

fn list() -> String {
    format!("exec-log list --project {PROJECT}")
}

#[test]
fn a_profile_stands_in_for_flags_and_variables() {
    let one = Server::always(Answer::json(&json!({"items": []})));
    let two = Server::always(Answer::json(&json!({"items": []})));
    let operator = Operator::bare();
    operator.file("token", 0o600, TOKEN);
    assert!(
        operator
            .run(&format!(
                "profile add one --server {} --token-file token",
                one.url
            ))
            .is_fine()
    );
    assert!(
        operator
            .run(&format!(
                "profile add two --server {} --token-file token",
                two.url
            ))
            .is_fine()
    );
    assert!(operator.run(&list()).is_fine(), "the first is the default");
    assert!(operator.run(&format!("{} --profile two", list())).is_fine());
    assert!(operator.run("profile use two").is_fine());
    assert!(operator.run(&list()).is_fine());
    assert_eq!((one.asked().len(), two.asked().len()), (1, 2));
    assert!(
        operator
            .run(&format!("{} --server {}", list(), one.url))
            .is_fine(),
        "a flag beats the profile"
    );
    assert_eq!((one.asked().len(), two.asked().len()), (2, 2));
    assert_eq!(
        one.asked()[1].header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );

    operator.run("profile remove two").assert_failed(2);
    assert!(operator.run("profile remove two --yes").is_fine());
    operator.run(&list()).assert_failed(2);
    operator.run("profile use two").assert_failed(2);
}

#[test]
fn tokens_are_masked_unless_asked_for() {
    let operator = Operator::bare();
    operator.file("token", 0o600, TOKEN);
    assert!(
        operator
            .run("profile add one --server https://cp.example --token-file token")
            .is_fine()
    );
    for format in ["text", "json", "yaml"] {
        let masked = operator.run(&format!("profile list --output {format}"));
        assert!(masked.is_fine() && !masked.text().contains(TOKEN), "{masked:?}");
        let shown = operator.run(&format!("profile list --output {format} --reveal-secrets"));
        assert!(shown.code == Some(0) && shown.text().contains(TOKEN), "{shown:?}");
        let said = usize::from(format != "json");
        assert_eq!(shown.stderr.lines().count(), said, "{shown:?}");
    }
}

#[test]
fn a_shared_configuration_is_refused() {
    let operator = Operator::bare();
    operator.file("token", 0o600, TOKEN);
    assert!(
        operator
            .run("profile add one --server https://cp.example --token-file token")
            .is_fine()
    );
    let path = operator.home().join(".config/plexctl/config.json");
    set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
    let ran = operator.run(&list());
    ran.assert_failed(3);
    assert!(ran.stderr.contains("hint: chmod 600 "), "{ran:?}");
}

#[test]
fn what_cannot_work_is_not_stored() {
    let operator = Operator::bare();
    operator.run("profile add one").assert_failed(2);
    operator
        .run("profile add one --server http://cp.example")
        .assert_failed(3);
    operator
        .run("profile add one --server https://cp.example --ca-file nowhere")
        .assert_failed(2);
    operator
        .run("profile add one --server https://cp.example --token-file nowhere")
        .assert_failed(3);
    assert!(!operator.home().join(".config").exists());
}
