//! Who people are: logging in from the command line, rotating, logging out.

use plex_api::paths;
use plex_tests::{ControlPlane, LIMIT, Operator, until};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A home without any credential.
fn fresh(control_plane: &ControlPlane) -> Operator {
    control_plane.admin().with_token("unused")
}

/// `plexctl` with nothing in its environment that says who one is.
fn bare(home: &Operator, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.env_remove("PLEXSPHERE_TOKEN");
    command
}

/// Starts a login; the process, and the code that it shows.
fn begin(home: &Operator, arguments: &[&str]) -> (Child, String) {
    let arguments = [&["login", "--no-browser", "--output", "json"], arguments].concat();
    let mut child = bare(home, &arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("plexctl starts");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("stderr is piped"))
        .read_line(&mut line)
        .expect("it says where to go");
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let code = told["user_code"].as_str().expect("a code").to_owned();
    let page = told["verification_uri_complete"].as_str().expect("a page");
    assert!(
        page.ends_with(&format!("{}?user_code={code}", paths::DEVICE_PAGE)),
        "{page}"
    );
    (child, code)
}

/// The home's configuration file.
fn config(home: &Operator) -> Value {
    let path = home.home().join(".config/plexctl/config.json");
    serde_json::from_slice(&std::fs::read(path).expect("a configuration")).expect("JSON")
}

#[test]
fn a_login_is_approved_used_and_ended() {
    let control_plane = ControlPlane::start();
    let admin = control_plane.admin();
    let operator = admin.with_role("operator");
    let home = fresh(&control_plane);
    let (child, code) = begin(&home, &[]);

    let page = control_plane
        .web()
        .send(&http::Method::GET, paths::DEVICE_PAGE, &[], None)
        .expect(200);
    assert!(page.text().contains("Log in a device"));
    let pending = operator
        .get(&format!("{}?user_code={code}", paths::DEVICE_PENDING))
        .expect(200)
        .json();
    assert_eq!(pending["client_ip"], "127.0.0.1");
    assert!(
        pending["user_agent"].as_str().unwrap().starts_with("plexctl/"),
        "{pending}"
    );
    operator
        .post(paths::DEVICE_APPROVE, &json!({"user_code": code}))
        .expect(200);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let me = operator.plexctl_json(&["whoami"]);
    let identity = format!("user:{}", me["subject"].as_str().unwrap());
    assert_eq!(
        (&told["identity"], &told["expires_in"]),
        (&json!(identity), &json!(43_200))
    );

    // The profile alone says where, as whom and trusting what.
    let mut whoami = bare(&home, &["whoami", "--output", "json"]);
    whoami
        .env_remove("PLEXSPHERE_URL")
        .env_remove("PLEXSPHERE_CA_FILE");
    let ran = plex_tests::Ran::of(whoami, b"").expect(0);
    assert_eq!(serde_json::from_slice::<Value>(&ran.stdout).unwrap(), me);
    let token = config(&home)["profiles"]["default"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&token));

    plex_tests::Ran::of(bare(&home, &["logout"]), b"").expect(0);
    assert!(config(&home)["profiles"]["default"].get("token").is_none());
    let refused = operator.with_token(&token).get(paths::WHOAMI);
    assert_eq!(refused.refusal(), (401, "unauthenticated".to_owned()));
    let log = control_plane.log();
    for secret in [&token, &code] {
        assert!(!log.contains(secret.as_str()), "a secret is in the log");
    }
}

#[test]
fn a_login_that_somebody_refuses_leaves_nothing() {
    let control_plane = ControlPlane::start();
    let home = fresh(&control_plane);
    let (child, code) = begin(&home, &["--profile", "site"]);
    let denial = json!({"user_code": code, "decision": "deny"});
    control_plane
        .admin()
        .post(paths::DEVICE_APPROVE, &denial)
        .expect(200);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(!home.home().join(".config/plexctl").exists());
}

#[test]
fn a_rotated_token_works_beside_its_successor_and_across_a_restart() {
    let mut control_plane = ControlPlane::start();
    let user = control_plane.admin().with_role("viewer");
    let tokens = user.plexctl_json(&["token", "list"]);
    let id = tokens[0]["id"].as_str().unwrap().to_owned();
    let rotated = user.plexctl_json(&["token", "rotate", &id, "--yes"]);
    let successor = user.with_token(rotated["plaintext"].as_str().unwrap());
    control_plane.restart();
    let alive = |user: &Operator| user.get(paths::WHOAMI).status;
    assert_eq!((alive(&user), alive(&successor)), (200, 200));
    let listed = until("the use to be written down", LIMIT, || {
        let listed = successor.plexctl_json(&["token", "list"]);
        listed[0]["last_used_at"].is_string().then_some(listed)
    });
    assert!(listed[0]["rotated_at"].is_string(), "{listed}");
    let again = successor.plexctl_json(&["token", "rotate", &id, "--yes"]);
    let last = user.with_token(again["plaintext"].as_str().unwrap());
    assert_eq!((alive(&user), alive(&successor), alive(&last)), (401, 200, 200));
    last.plexctl(&["token", "revoke", &id, "--yes"]).expect(0);
    assert_eq!((alive(&successor), alive(&last)), (401, 401));
}

#[test]
fn a_provider_is_checked_at_start() {
    let data = tempfile::tempdir().expect("a directory");
    let serve = |arguments: &[&str]| {
        let mut command = plex_tests::Program::Plexsphere.command();
        command
            .args(["serve", "--data-dir"])
            .arg(data.path())
            .args(arguments);
        let ran = plex_tests::Ran::of(command, b"");
        assert_eq!(
            ran.stderr
                .lines()
                .filter(|line| line.starts_with("error: "))
                .count(),
            1,
            "{ran:?}"
        );
        (ran.code, ran.stderr)
    };
    for (arguments, told) in [
        (
            &["--oidc-issuer", "http://id.example", "--oidc-client-id", "x"][..],
            "--oidc-issuer must be an https URL",
        ),
        (&["--oidc-issuer", "https://id.example"], "--oidc-client-id"),
        (&["--csrf-allowed-origin", "plex.example"], "is not an origin"),
    ] {
        let (code, stderr) = serve(arguments);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}
