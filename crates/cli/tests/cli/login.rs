//! Logging in and out.

use crate::actors::{Answer, Asked, NODE, Operator, Server, TOKEN};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

const PAGE: &str = "https://cp.example/v1/auth/device";

/// A control plane on which somebody approves at the second question.
fn approving() -> Server {
    let asked_before = std::sync::atomic::AtomicUsize::new(0);
    Server::answering(move |asked, _| match asked.line.as_str() {
        "POST /v1/auth/device-code" => Answer::json(&begun(PAGE)),
        "POST /v1/auth/device-token" => {
            match asked_before.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Answer::problem("400 Bad Request", "authorization_pending"),
                _ => {
                    Answer::json(&json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 43200}))
                }
            }
        }
        "GET /v1/auth/whoami" => Answer::json(&json!({"principal_type": "user", "subject": NODE})),
        _ => Answer::problem("404 Not Found", "not_found"),
    })
}

fn begun(page: &str) -> Value {
    json!({
        "device_code": "hidden-device-code", "user_code": "ABCD-2345", "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code=ABCD-2345"), "expires_in": 600, "interval": 1,
    })
}

fn config(operator: &Operator) -> Value {
    let path = operator.home().join(".config/plexctl/config.json");
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o7777;
    assert_eq!(mode, 0o600);
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON")
}

#[test]
fn a_login_shows_where_to_go_and_leaves_a_profile_that_works() {
    let server = approving();
    let operator = Operator::bare();
    let ran = operator.run(&format!("login --server {}", server.url));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.text(),
        format!("logged in as user:{NODE} for 12 h (profile default)\n")
    );
    assert_eq!(
        ran.stderr,
        format!("Open {PAGE}?user_code=ABCD-2345\nand approve the code ABCD-2345\n")
    );
    assert!(!ran.text().contains(TOKEN) && !ran.stderr.contains("hidden-device-code"));
    let expected = json!({
        "default": "default", "profiles": {"default": {"server": server.url, "token": TOKEN}},
    });
    assert_eq!(config(&operator), expected);

    let asked = server.asked();
    let lines: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let expected = [
        "POST /v1/auth/device-code",
        "POST /v1/auth/device-token",
        "POST /v1/auth/device-token",
        "GET /v1/auth/whoami",
    ];
    assert_eq!(lines, expected);
    let bearer = |asked: &Asked| asked.header("authorization").map(str::to_owned);
    assert_eq!(
        asked[..3].iter().filter_map(bearer).count(),
        0,
        "there is nothing to send yet"
    );
    assert_eq!(bearer(&asked[3]), Some(format!("Bearer {TOKEN}")));
    assert!(
        operator.run("whoami").is_fine(),
        "with neither flags nor variables"
    );
}

#[test]
fn scripts_are_told_in_json() {
    let server = approving();
    let operator = Operator::bare();
    let ran = operator.run(&format!(
        "login --server {} --profile site --output json",
        server.url
    ));
    let told: Value = serde_json::from_str(&ran.stderr).expect("one JSON object");
    assert_eq!(
        (&told["user_code"], told.get("device_code")),
        (&json!("ABCD-2345"), None)
    );
    let identity = format!("user:{NODE}");
    let expected =
        json!({"profile": "site", "server": server.url, "identity": identity, "expires_in": 43200});
    assert_eq!(ran.json(), expected);
}

#[test]
fn what_stands_in_the_way_of_the_new_token_is_said() {
    let server = approving();
    let operator = Operator::of(&server);
    let ran = operator.run("login");
    assert!(
        ran.code == Some(0) && ran.stderr.contains("warning: PLEXSPHERE_TOKEN is set"),
        "{ran:?}"
    );
    let other = operator.run("login --profile other");
    assert!(other.stderr.contains("use --profile other"), "{other:?}");
    assert_eq!(config(&operator)["default"], "default");
}

#[test]
fn a_profile_of_another_control_plane_is_not_replaced_unasked() {
    let server = approving();
    let operator = Operator::bare();
    assert!(
        operator
            .run("profile add site --server https://elsewhere.example")
            .is_fine()
    );
    let login = format!("login --profile site --server {}", server.url);
    operator.run(&login).assert_failed(2);
    assert!(server.asked().is_empty(), "nothing is begun that cannot end");
    assert_eq!(operator.run(&format!("{login} --yes")).code, Some(0));
    assert_eq!(config(&operator)["profiles"]["site"]["server"], json!(server.url));
}

#[test]
fn a_hostile_server_reaches_no_terminal_and_a_refusal_is_told() {
    let server = Server::answering(|asked, _| match asked.line.as_str() {
        "POST /v1/auth/device-code" => {
            Answer::json(&begun("https://cp.example/\u{1b}[2J\nOpen https://evil.example"))
        }
        _ => Answer::problem("400 Bad Request", "access_denied"),
    });
    let operator = Operator::bare();
    let ran = operator.run(&format!("login --server {}", server.url));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    assert!(
        ran.stderr
            .lines()
            .all(|line| !line.starts_with("Open https://evil")),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("(HTTP 400, access_denied, correlation id c-42)"),
        "{ran:?}"
    );
    assert!(!operator.home().join(".config").exists());

    let nonsense = Server::always(Answer::json(&json!({"user_code": "ABCD-2345"})));
    operator
        .run(&format!("login --server {}", nonsense.url))
        .assert_failed(1);
    operator.run("login").assert_failed(2);
    operator.run("login --server http://cp.example").assert_failed(3);
}

/// An operator with a profile of that server.
fn logged_in(server: &Server) -> Operator {
    let operator = Operator::bare();
    operator.file("token", 0o600, TOKEN);
    let add = format!("profile add site --server {} --token-file token", server.url);
    assert!(operator.run(&add).is_fine());
    operator
}

#[test]
fn logging_out_revokes_and_forgets_the_token_alone() {
    let server = Server::always(Answer::new("204 No Content", &[], ""));
    let elsewhere = Server::always(Answer::new("204 No Content", &[], ""));
    let operator = logged_in(&server).with("PLEXSPHERE_URL", &elsewhere.url);
    let ran = operator.run("logout");
    assert!(
        ran.is_fine() && ran.text() == "logged out (profile site)\n",
        "{ran:?}"
    );
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /v1/auth/logout");
    assert_eq!(
        asked[0].header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert!(
        elsewhere.asked().is_empty(),
        "the token is the profile's server's business alone"
    );
    let expected = json!({"default": "site", "profiles": {"site": {"server": server.url}}});
    assert_eq!(config(&operator), expected);
    operator.run("logout").assert_failed(3);
}

#[test]
fn a_token_that_is_over_is_forgotten_and_one_that_may_live_is_not() {
    let server = Server::always(Answer::problem("401 Unauthorized", "unauthenticated"));
    let operator = logged_in(&server);
    let ran = operator.run("logout");
    assert_eq!((ran.code, ran.text()), (Some(0), "logged out (profile site)\n"));
    assert!(ran.stderr.starts_with("warning: "), "{ran:?}");
    assert!(config(&operator)["profiles"]["site"].get("token").is_none());

    for answer in [
        Answer::problem("503 Service Unavailable", "datastore_unavailable"),
        Answer::nothing(),
    ] {
        let server = Server::always(answer);
        let operator = logged_in(&server);
        operator.run("logout").assert_failed(1);
        assert_eq!(config(&operator)["profiles"]["site"]["token"], TOKEN);
    }
}

#[test]
fn a_rotated_secret_is_printed_this_once() {
    let answer = json!({
        "id": NODE, "plaintext": "psk_prod_new", "env_prefix": "prod", "expires_at": "2026-03-01T00:00:00Z",
        "rotation_deadline": "2026-01-01T01:00:00Z",
    });
    let server = Server::always(Answer::json(&answer));
    let operator = Operator::of(&server);
    operator.run(&format!("token rotate {NODE}")).assert_failed(2);
    assert!(server.lines().is_empty(), "nothing happens before a yes");
    let ran = operator.run(&format!("token rotate {NODE} --yes"));
    assert!(ran.is_fine() && ran.text().contains("psk_prod_new"), "{ran:?}");
    assert!(ran.text().contains("rotation_deadline:"), "{ran:?}");
    assert_eq!(
        operator
            .run(&format!("token rotate --id {NODE} --yes --output json"))
            .json(),
        answer
    );
    assert_eq!(server.lines()[0], format!("POST /v1/auth/tokens/{NODE}/rotate"));
    operator.run("token rotate").assert_failed(2);
    operator.run("token rotate x").assert_failed(2);
}
