//! The first steps with `plexsphere`: what `init` makes, what `serve` announces, and what both refuse.

use crate::files_below;
use http::Method;
use plex_api::paths;
use plex_tests::{ControlPlane, Process, Program, Ran};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

fn plexsphere(arguments: &[&str]) -> Ran {
    let mut command = Program::Plexsphere.command();
    command.args(arguments);
    Ran::of(command, b"")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .permissions()
        .mode()
        & 0o7777
}

#[test]
fn init_refuses_a_directory_that_is_in_use_and_leaves_it_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    plexsphere(&["init", "--data-dir", text(&data)]).expect(0);
    let before = files_below(place.path());
    let again = plexsphere(&["init", "--data-dir", text(&data)]).expect(1);
    assert!(
        again.stderr.starts_with("error: ") && again.stderr.contains("initialised already"),
        "{}",
        again.stderr
    );
    assert!(again.stderr.contains("\nhint: "), "{}", again.stderr);
    assert!(again.stdout.is_empty());
    assert!(files_below(place.path()) == before, "something was changed");

    let foreign = place.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter"), "dear").unwrap();
    plexsphere(&["init", "--data-dir", text(&foreign)]).expect(1);
    assert_eq!(
        files_below(&foreign),
        BTreeMap::from([(foreign.join("letter"), b"dear".to_vec())])
    );
}

#[test]
fn what_init_and_serve_make_is_for_their_user_only() {
    let control_plane = ControlPlane::start();
    let data = control_plane.data_dir();
    assert_eq!(mode(&data), 0o700);
    let public: Vec<_> = files_below(&data)
        .into_keys()
        .filter(|path| mode(path) & 0o077 != 0)
        .collect();
    for path in &public {
        let bytes = fs::read(path).unwrap();
        let head = bytes.starts_with(b"-----BEGIN CERTIFICATE-----");
        let has_key = bytes.windows(11).any(|window| window == b"PRIVATE KEY");
        assert!(
            head && !has_key,
            "{} is not a certificate, yet others may read it",
            path.display()
        );
    }
    for secret in ["master.key", "admin.token", "ca.key", "tls.key"] {
        assert_eq!(mode(&data.join(secret)), 0o600, "{secret}");
    }
    assert_eq!(mode(&data.join("plexsphere.db")), 0o600);
}

#[test]
fn serve_refuses_secrets_that_others_can_read() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    plexsphere(&["init", "--data-dir", text(&data)]).expect(0);
    for secret in ["master.key", "ca.key"] {
        let path = data.join(secret);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = plexsphere(&["serve", "--data-dir", text(&data), "--listen", "127.0.0.1:0"]).expect(1);
        assert!(
            refused.stderr.contains(secret) && refused.stderr.contains("hint: chmod 600"),
            "{}",
            refused.stderr
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let control_plane = ControlPlane::start();
    let data = control_plane.data_dir();
    let ready = data.with_file_name("second.json");
    let arguments = ["serve", "--data-dir", text(&data), "--listen", "127.0.0.1:0"];
    let second = plexsphere(&[&arguments[..], &["--ready-file", text(&ready)]].concat()).expect(1);
    assert!(second.stderr.starts_with("error: "), "{}", second.stderr);
    assert!(
        second.stderr.contains("another") || second.stderr.contains("in use"),
        "{}",
        second.stderr
    );
    assert!(!ready.exists(), "it announced itself");
    control_plane.admin().get(paths::WHOAMI).expect(200);
}

#[test]
fn a_program_older_than_its_file_is_refused_and_changes_nothing() {
    let mut control_plane = ControlPlane::start_on_sqlite();
    assert!(control_plane.terminate().success());
    let database = control_plane.database();
    let known = database.number("pragma user_version");
    database.run(&format!("pragma user_version = {}", known + 1));
    let data = control_plane.data_dir();
    let refused = plexsphere(&["serve", "--listen", "127.0.0.1:0", "--data-dir", text(&data)]).expect(1);
    let last = refused.stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("error: ") && last.ends_with("the database is from a newer version of this program"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stderr.matches("error: ").count(), 1, "{}", refused.stderr);
    assert_eq!(database.number("pragma user_version"), known + 1);
}

#[test]
fn the_ready_file_says_where_and_appears_when_it_is_true() {
    let place = tempfile::tempdir().unwrap();
    let (data, ready) = (place.path().join("data"), place.path().join("ready.json"));
    plexsphere(&["init", "--data-dir", text(&data)]).expect(0);
    fs::write(&ready, r#"{"url":"https://localhost:1"}"#).unwrap();
    let mut command = Program::Plexsphere.command();
    command.args([
        "serve",
        "--data-dir",
        text(&data),
        "--listen",
        "127.0.0.1:0",
        "--ready-file",
        text(&ready),
    ]);
    let mut server = Process::start(command, &place.path().join("log"));
    let url = plex_tests::until("the ready file", plex_tests::LIMIT, || {
        assert!(server.ended().is_none(), "{}", server.log());
        let ready: Value = serde_json::from_slice(&fs::read(&ready).ok()?).expect("it is whole at any time");
        assert_eq!(ready.as_object().map(serde_json::Map::len), Some(1), "{ready}");
        Some(ready["url"].as_str()?.to_owned()).filter(|url| url != "https://localhost:1")
    });
    let ca = fs::read(data.join("ca.pem")).unwrap();
    let health = plex_tests::Web::new(&url, &ca).send(&Method::GET, paths::HEALTH, &[], None);
    assert_eq!(health.status, 200, "it accepts as soon as it says so");
    assert!(server.terminate().success());
}

#[test]
fn listening_everywhere_needs_a_name_to_be_known_by() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    plexsphere(&["init", "--data-dir", text(&data)]).expect(0);
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = plexsphere(&["serve", "--data-dir", text(&data), "--listen", address]).expect(2);
        assert!(refused.stderr.contains("--public-url"), "{}", refused.stderr);
    }
    let odd = plexsphere(&[
        "serve",
        "--data-dir",
        text(&data),
        "--public-url",
        "http://plain.example",
    ])
    .expect(2);
    assert!(odd.stderr.contains("--public-url"), "{}", odd.stderr);
    plexsphere(&["serve", "--data-dir", text(&place.path().join("nowhere"))]).expect(1);
}

#[test]
fn a_reset_token_works_at_once_and_the_old_one_no_more() {
    let control_plane = ControlPlane::start();
    let old = control_plane.admin();
    let viewer = old.with_role("viewer");
    let reset = plexsphere(&[
        "admin",
        "reset-token",
        "--data-dir",
        text(&control_plane.data_dir()),
    ])
    .expect(0);
    let file = control_plane.admin_token_file();
    let token = fs::read_to_string(file).unwrap();
    assert_eq!(mode(file), 0o600);
    assert!(
        !reset.text().contains(token.trim_end()) && !reset.stderr.contains(token.trim_end()),
        "it was printed"
    );
    assert_ne!(token.trim_end(), old.token);
    assert_eq!(
        old.get(paths::WHOAMI).refusal(),
        (401, "unauthenticated".to_owned())
    );
    let new = old
        .with_token(token.trim_end())
        .get(paths::WHOAMI)
        .expect(200)
        .json();
    assert_eq!(new["principal_scope"], "platform");
    viewer.get(paths::WHOAMI).expect(200);
}

#[test]
fn openssl_accepts_the_served_chain_by_the_strict_rules() {
    let control_plane = ControlPlane::start();
    let place = tempfile::tempdir().unwrap();
    let (_, authority) = control_plane.url().split_once("://").unwrap();
    let mut client = Command::new("openssl");
    client
        .args(["s_client", "-connect", authority, "-showcerts"])
        .arg("-CAfile")
        .arg(control_plane.ca_file());
    let shown = Ran::of(client, b"").text();
    let begin = shown
        .find("-----BEGIN CERTIFICATE-----")
        .unwrap_or_else(|| panic!("no certificate: {shown}"));
    let chain = place.path().join("chain.pem");
    fs::write(&chain, &shown[begin..]).unwrap();
    let verify = |purpose: &str, name: [&str; 2]| {
        let mut verify = Command::new("openssl");
        verify
            .args(["verify", "-x509_strict", "-purpose", purpose])
            .args(name);
        verify
            .arg("-CAfile")
            .arg(control_plane.ca_file())
            .arg("-untrusted")
            .arg(&chain)
            .arg(&chain);
        Ran::of(verify, b"")
    };
    for name in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"]] {
        verify("sslserver", name).expect(0);
    }
    assert_ne!(
        verify("sslserver", ["-verify_hostname", "elsewhere.example"]).code,
        0,
        "it names everything"
    );
}
