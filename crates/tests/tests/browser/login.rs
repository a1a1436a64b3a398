//! `plexctl login`, with a person at a browser: by a provider, and by a token where there is none.

use crate::provider::Provider;
use crate::{asked_elsewhere, browse};
use plex_tests::{ControlPlane, Operator};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// A `plexctl login` that waits for somebody to decide.
struct Login {
    child: Child,
    home: Operator,
    /// The page with the code filled in.
    page: String,
    code: String,
}

impl Login {
    fn begin(control_plane: &ControlPlane) -> Self {
        let home = control_plane.admin().with_token("unused");
        let mut child = bare(&home, &["login", "--no-browser", "--output", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("plexctl starts");
        let mut line = String::new();
        let stderr = child.stderr.as_mut().expect("stderr is piped");
        BufReader::new(stderr)
            .read_line(&mut line)
            .expect("it says where to go");
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| told[name].as_str().expect("it says where to go").to_owned();
        Self {
            child,
            home,
            page: text("verification_uri_complete"),
            code: text("user_code"),
        }
    }

    /// How it ended, and the home that it leaves.
    fn end(self) -> (Output, Operator) {
        (self.child.wait_with_output().expect("it ends"), self.home)
    }
}

/// `plexctl` with nothing in its environment that says who one is.
fn bare(home: &Operator, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.env_remove("PLEXSPHERE_TOKEN");
    command
}

/// Who the home's own token stands for.
fn whoami(home: &Operator) -> Value {
    let ran = plex_tests::Ran::of(bare(home, &["whoami", "--output", "json"]), b"").expect(0);
    serde_json::from_slice(&ran.stdout).expect("JSON")
}

fn decide(login: &Login, scenario: &Value, name: &str) -> Value {
    let seen = browse("device.mjs", &[&login.page, &scenario.to_string(), name]);
    assert_eq!(seen["stored"], json!({}), "the page keeps nothing");
    seen
}

/// What the page showed at that step.
fn at<'a>(seen: &'a Value, step: &str) -> &'a Value {
    let steps = seen["steps"].as_array().expect("steps");
    let found = steps.iter().find(|one| one["step"] == step);
    found.unwrap_or_else(|| panic!("no step {step}: {seen}"))
}

#[test]
fn a_person_signs_in_at_the_provider_and_approves() {
    let (provider, control_plane) = Provider::with_control_plane();
    let login = Login::begin(&control_plane);
    let code = login.code.clone();
    let seen = decide(
        &login,
        &json!({"person": "ada", "decision": "approve", "sign_out": true}),
        "approve",
    );

    assert_eq!(at(&seen, "opened")["message"], Value::Null);
    let signed_in = at(&seen, "signed-in");
    assert_eq!(
        (&signed_in["code"], &signed_in["as"], &signed_in["from"]),
        (&json!(code), &json!("ada@example.com"), &json!("127.0.0.1"))
    );
    assert!(
        signed_in["program"]
            .as_str()
            .expect("a program")
            .starts_with("plexctl/")
    );
    assert_eq!(at(&seen, "decided")["title"], "Approved");
    assert_eq!(at(&seen, "signed-out")["who"], Value::Null);

    let (output, home) = login.end();
    assert!(output.status.success(), "{output:?}");
    let me = whoami(&home);
    assert_eq!(
        (&me["email"], &me["principal_type"]),
        (&json!("ada@example.com"), &json!("user"))
    );

    // Only the two servers were asked for anything; the provider's own page wants a font that is not here.
    let elsewhere = asked_elsewhere(&seen, control_plane.url());
    let strangers: Vec<_> = elsewhere
        .iter()
        .filter(|url| {
            !url.starts_with(provider.issuer()) && !url.starts_with("https://fonts.googleapis.com/")
        })
        .collect();
    assert_eq!(strangers, [&""; 0]);

    plex_tests::Ran::of(bare(&home, &["logout"]), b"").expect(0);
    plex_tests::Ran::of(bare(&home, &["whoami"]), b"").expect(3);
}

#[test]
fn a_session_is_out_of_reach_of_scripts_and_other_sites() {
    let (_provider, control_plane) = Provider::with_control_plane();
    let login = Login::begin(&control_plane);
    let seen = decide(&login, &json!({"person": "grace"}), "session");
    let cookies = seen["cookies"].as_array().expect("cookies").iter();
    let session: Vec<_> = cookies
        .filter(|cookie| cookie["name"] == "plexsphere_session")
        .collect();
    assert_eq!(
        json!(session),
        json!([{"name": "plexsphere_session", "httpOnly": true, "secure": true, "sameSite": "Strict", "path": "/v1/"}])
    );
    drop_login(login);
}

#[test]
fn a_person_denies() {
    let (_provider, control_plane) = Provider::with_control_plane();
    let login = Login::begin(&control_plane);
    let seen = decide(&login, &json!({"person": "ada", "decision": "deny"}), "deny");
    assert_eq!(at(&seen, "decided")["title"], "Denied");
    let (output, home) = login.end();
    assert_eq!(output.status.code(), Some(1));
    plex_tests::Ran::of(bare(&home, &["whoami"]), b"").expect(3);
}

#[test]
fn without_a_provider_a_token_approves() {
    let control_plane = ControlPlane::start();
    let operator = control_plane.admin().with_role("operator");
    let login = Login::begin(&control_plane);
    let scenario = json!({"token": operator.token, "decision": "approve"});
    let seen = decide(&login, &scenario, "token");
    assert_eq!(at(&seen, "found")["code"], json!(login.code));
    assert_eq!(at(&seen, "decided")["title"], "Approved");
    assert_eq!(asked_elsewhere(&seen, control_plane.url()), [""; 0]);
    assert_eq!(seen["complaints"], json!([]));
    assert_eq!(seen["cookies"], json!([]), "a token is not turned into a session");
    let (output, home) = login.end();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(whoami(&home), operator.plexctl_json(&["whoami"]));
}

#[test]
fn a_wrong_code_a_malformed_one_and_a_wrong_token_are_said_so() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let login = Login::begin(&control_plane);
    let wrong = format!("psk_prod_{}", "a".repeat(52));
    for (code, token, told) in [
        (
            "AAAA-2222",
            admin.token.as_str(),
            "No device waits under this code",
        ),
        ("AB-1", &admin.token, "A code has eight of the letters"),
        (&login.code, &wrong, "This is no valid API token"),
    ] {
        let seen = decide(
            &login,
            &json!({"code": code, "token": token}),
            &format!("wrong-{}", &told[..4].trim()),
        );
        let message = at(&seen, "found")["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(message.starts_with(told), "{code}: {message}");
        assert_eq!(
            at(&seen, "found")["code"],
            Value::Null,
            "nothing to decide is shown"
        );
    }
    drop_login(login);
}

/// Ends a login that nobody decides about.
fn drop_login(mut login: Login) {
    login.child.kill().expect("one's own child can be ended");
    login.child.wait().expect("a killed child ends");
}
